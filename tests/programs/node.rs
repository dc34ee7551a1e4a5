//! `petrel node` with other nodes: blocks arrive and are relayed, and peers reconnect.

use std::{fs, path::Path, process::Stdio};

use petrel_node::network::SecurityProtocol;

use petrel_tests::{petrel, process::Process, sequencer::Sequencer};

/// The arguments of a node on loopback with `peer` as static peer, with its files in `folder`.
pub(crate) fn arguments(sequencer: &Sequencer, folder: &Path, peer: &str) -> Vec<String> {
    let (rollup, signer) = sequencer.files(folder);
    let words = [
        "node",
        "--rollup.config",
        rollup.to_str().unwrap(),
        "--p2p.unsafe-block-signer",
        &signer,
        "--p2p.listen.ip=127.0.0.1",
        "--p2p.listen.tcp=0",
        "--p2p.no-discovery",
        "--datadir",
        folder.to_str().unwrap(),
        "--p2p.static",
        peer,
    ];
    words.map(str::to_owned).to_vec()
}

pub(crate) fn start(arguments: &[String], more: &[&str]) -> Process {
    let words: Vec<&str> = arguments.iter().map(String::as_str).chain(more.iter().copied()).collect();
    petrel::start(&words)
}

/// The node's block of this number, or its next block.
pub(crate) fn block(node: &mut Process, number: Option<u64>) -> (u64, String) {
    let event = node
        .until("a block", |event| event["event"] == "block" && number.is_none_or(|number| event["number"] == number));
    (event["number"].as_u64().unwrap(), event["hash"].as_str().unwrap().to_owned())
}

#[test]
fn blocks_are_verified_relayed_and_emitted() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = start(&arguments(&sequencer, near.path(), &sequencer.address), &[]);
    let mut second = start(&arguments(&sequencer, far.path(), &first.address(false)), &[]);
    assert_eq!(second.event("connected")["transport"], "tcp");
    let event = second.event("block");
    for field in ["number", "timestamp", "txs", "bytes", "delay_ms", "judged_ms"] {
        assert!(event[field].is_i64(), "{field}: {event}");
    }
    assert!(event["parent"].as_str().unwrap().starts_with("0x"));
    assert_eq!((&event["version"], &event["via"]), (&"V4".into(), &"gossip".into()));
    assert!(event["peer"].as_str().unwrap().starts_with("16Uiu2HA"));
    let number = event["number"].as_u64().unwrap();
    assert_eq!(second.event("head")["number"], number);
    assert_eq!(block(&mut first, Some(number)).1, event["hash"].as_str().unwrap());
    // Both signals end it with status 0.
    assert_eq!(second.end("TERM").code(), Some(0));
    first.event("disconnected");
    assert_eq!(first.end("INT").code(), Some(0));
}

#[test]
fn a_static_peer_that_returns_is_reconnected() {
    let mut sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &[]);
    let (before, _) = block(&mut node, None);
    sequencer.stop();
    node.event("disconnected");
    let failed = node.event("dial_failed");
    assert!(failed["retry_ms"].as_u64().unwrap() <= 60_000, "{failed}");
    sequencer.start();
    node.event("connected");
    assert!(block(&mut node, None).0 > before);
}

#[test]
fn names_are_resolved_and_ipv6_is_listened_on() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let named = sequencer.address.replace("/ip4/127.0.0.1/", "/dns4/localhost/");
    let mut node = start(&arguments(&sequencer, folder.path(), &named), &["--p2p.listen.ip=::1"]);
    let listening = node.until("an IPv6 address", |event| {
        event["event"] == "listening" && event["address"].as_str().unwrap().starts_with("/ip6/::1/tcp/")
    });
    let address = listening["address"].as_str().unwrap();
    block(&mut node, None);
    let other = tempfile::tempdir().unwrap();
    let mut second = start(&arguments(&sequencer, other.path(), address), &[]);
    block(&mut second, None);
}

/// The resolver itself answers for `.invalid.` with the last dot, without a query.
#[test]
fn a_name_that_does_not_resolve_is_reported() {
    let sequencer = Sequencer::started();
    let peer = sequencer.address.rsplit('/').next().unwrap();
    for transport in ["tcp/9222", "tcp/9222/ws", "udp/9222/quic-v1"] {
        let folder = tempfile::tempdir().unwrap();
        let address = format!("/dns4/does-not-exist.invalid./{transport}/p2p/{peer}");
        let mut node = start(&arguments(&sequencer, folder.path(), &address), &[]);
        let failed = node.event("dial_failed");
        let error = failed["error"].as_str().unwrap();
        assert!(error.contains("the name does-not-exist.invalid. does not resolve: there is no such name"), "{error}");
    }
}

#[test]
fn tls_is_used_if_both_sides_offer_it() {
    let mut sequencer = Sequencer::new(SecurityProtocol::Tls);
    sequencer.start();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &["--p2p.security=noise,tls"]);
    block(&mut node, None);
    drop(node);
    let mut node = start(&words, &["--p2p.security=noise"]);
    let failed = node.event("dial_failed");
    assert!(!failed["error"].as_str().unwrap().is_empty());
}

#[test]
fn a_leaf_follows_over_websocket() {
    let sequencer = Sequencer::started();
    let (relay, leaf) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let words = arguments(&sequencer, relay.path(), &sequencer.address);
    let mut relay = start(&words, &["--p2p.listen.ws=0"]);
    let mut leaf = start(&arguments(&sequencer, leaf.path(), &relay.address(true)), &[]);
    assert_eq!(leaf.event("connected")["transport"], "ws");
    block(&mut leaf, None);
}

#[test]
fn a_second_node_with_the_same_key_is_reported() {
    let sequencer = Sequencer::started();
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = format!("--p2p.priv.raw={}", "44".repeat(32));
    let mut first = start(&arguments(&sequencer, one.path(), &sequencer.address), &[&key]);
    let address = first.address(false);
    let second = start(&arguments(&sequencer, other.path(), &address), &[&key]);
    let shared = first.event("shared_key");
    assert!(shared["address"].as_str().unwrap().starts_with("/ip4/127.0.0.1/"), "{shared}");
    first.until_stderr("another node uses this node's key");
    drop(second);
    block(&mut first, None);
}

#[test]
fn a_killed_node_restores_its_chain() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &[]);
    let stored = node.event("stored");
    assert_eq!(stored["stored"], true, "{stored}");
    assert!(stored["hash"].as_str().unwrap().starts_with("0x"));
    // Its head is written after it.
    node.event("stored");
    node.end("KILL");
    let node = start(&words, &[]);
    node.until_stderr("head of the last run");
    assert_eq!(node.end("TERM").code(), Some(0));
}

/// `::` is IPv6 alone: `0.0.0.0` of the same port is no other process.
#[test]
fn every_address_of_both_versions_is_listened_on() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let port = petrel_tests::ports::tcp();
    let mut words = arguments(&sequencer, near.path(), &sequencer.address);
    words.retain(|word| !["--p2p.listen.tcp=0", "--p2p.listen.ip=127.0.0.1", "--p2p.no-discovery"].contains(&&**word));
    let tcp = format!("--p2p.listen.tcp={port}");
    let mut node = start(&words, &["--p2p.listen.ip=0.0.0.0,::", &tcp, "--p2p.bootnodes=", "--p2p.listen.ws=0"]);
    let mut missing = vec![format!("/ip4/127.0.0.1/tcp/{port}/p2p/"), format!("/ip6/::1/tcp/{port}/p2p/")];
    let mut address = String::new();
    node.until("both addresses", |event| {
        let at = event["address"].as_str().unwrap_or_default();
        if at.starts_with("/ip6/::1/") && !at.contains("/ws") {
            address = at.to_owned();
        }
        missing.retain(|wanted| !at.starts_with(wanted));
        missing.is_empty()
    });
    // Discovery has its port in both versions.
    let passed = node.passed().iter().find(|event| event["event"] == "record").cloned();
    let udp = passed.unwrap_or_else(|| node.event("record"))["udp"].as_u64().unwrap() as u16;
    for ip in ["127.0.0.1", "::1"] {
        let error = std::net::UdpSocket::bind((ip, udp)).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse, "{ip}");
    }
    let mut leaf = start(&arguments(&sequencer, far.path(), &address), &[]);
    block(&mut leaf, None);
}

/// Without this check both nodes would share the port, and each would get a part of the other's connections.
#[test]
fn a_port_of_another_node_is_refused() {
    let sequencer = Sequencer::started();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let mut first = start(&arguments(&sequencer, folders[0].path(), &sequencer.address), &["--p2p.listen.ws=0"]);
    for _ in 0..2 {
        let listening = first.event("listening");
        let address = listening["address"].as_str().unwrap();
        let (port, ws) = (address.split('/').nth(4).unwrap(), address.contains("/ws"));
        let flag = if ws { "--p2p.listen.ws" } else { "--p2p.listen.tcp" };
        let mut words = arguments(&sequencer, folders[1].path(), &sequencer.address);
        words.retain(|word| ws || word != "--p2p.listen.tcp=0");
        let mut second = start(&words, &[&format!("{flag}={port}")]);
        assert_eq!(second.wait().code(), Some(2));
        second.until_stderr(&format!("cannot listen on 127.0.0.1:{port}"));
    }
}

#[test]
fn a_node_that_stores_no_blocks_starts_without_a_head() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &["--store.blocks=0"]);
    block(&mut node, None);
    drop(node);
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &["--store.blocks=0"]);
    assert_eq!(node.event("head")["why"], "anchored");
}

#[test]
fn a_key_file_in_use_is_refused() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &[]);
    node.address(false);
    let mut second = start(&words, &[]);
    assert_eq!(second.wait().code(), Some(2));
    second.until_stderr("is in use by process");
}

#[test]
fn a_closed_event_reader_does_not_stop_the_node() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let log = folder.path().join("stderr");
    let mut unread = petrel::command(&words.iter().map(String::as_str).collect::<Vec<_>>())
        .args(["--events", "json"])
        .stdout(Stdio::piped())
        .stderr(fs::File::create(&log).unwrap())
        .spawn()
        .unwrap();
    // Closed at once: the pipe is broken at the first event.
    drop(unread.stdout.take());
    let other = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, other.path(), &sequencer.address), &[]);
    block(&mut node, None);
    let is_running = unread.try_wait().unwrap().is_none();
    unread.kill().unwrap();
    unread.wait().unwrap();
    assert!(is_running, "{}", fs::read_to_string(log).unwrap());
}
