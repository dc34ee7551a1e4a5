//! Discovery: daemons that find each other.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use petrel_tests::{
    petrel::{self, refused},
    process::Process,
    sequencer::Sequencer,
};
use tempfile::TempDir;

/// A node on loopback with discovery, with its files in `folder`.
fn start(sequencer: &Sequencer, folder: &Path, more: &[&str]) -> Process {
    let (rollup, signer) = sequencer.files(folder);
    start_on(&rollup, &signer, folder, more)
}

fn start_on(rollup: &Path, signer: &str, folder: &Path, more: &[&str]) -> Process {
    let datadir = format!("--datadir={}", folder.display());
    let (rollup, signer) =
        (format!("--rollup.config={}", rollup.display()), format!("--p2p.unsafe-block-signer={signer}"));
    let words = ["node", &rollup, &signer, &datadir, "--p2p.listen.ip=127.0.0.1", "--p2p.listen.tcp=0"];
    petrel::start(&[&words, more].concat())
}

/// The multiaddr of a node's discovery, and its peer id.
fn boot(node: &mut Process) -> (String, String) {
    let address = node.address(false);
    let peer = address.rsplit('/').next().unwrap().to_owned();
    let udp = node.event("record")["udp"].clone();
    (format!("/ip4/127.0.0.1/udp/{udp}/p2p/{peer}"), peer)
}

/// Waits until a node has been connected to all of these peers.
fn wait_connected(node: &mut Process, wanted: &BTreeSet<String>) {
    let mut missing = wanted.clone();
    for met in peers(node.passed(), "connected") {
        missing.remove(&met);
    }
    if !missing.is_empty() {
        node.until("all connections", |event| {
            if event["event"] == "connected" {
                missing.remove(event["peer"].as_str().unwrap());
            }
            missing.is_empty()
        });
    }
}

/// The peers in events of this name.
fn peers(events: &[Value], name: &str) -> BTreeSet<String> {
    let of = events.iter().filter(|event| event["event"] == name);
    of.filter_map(|event| event["peer"].as_str().map(str::to_owned)).collect()
}

#[test]
fn ten_nodes_find_each_other_from_one_boot_node_and_none_of_another_chain() {
    let sequencer = Sequencer::started();
    let folders: Vec<_> = (0..11).map(|_| tempfile::tempdir().unwrap()).collect();
    let mut first = start(&sequencer, folders[0].path(), &["--p2p.static", &sequencer.address]);
    let (boot_at, boot_peer) = boot(&mut first);

    let boot_flag = format!("--p2p.bootnodes={boot_at}");
    // A node of another chain has the same boot node, so all discover its record.
    let (rollup, signer) = sequencer.files(folders[10].path());
    let other = fs::read_to_string(&rollup).unwrap().replace("90221199", "90221200");
    fs::write(&rollup, other).unwrap();
    let mut other_chain = start_on(&rollup, &signer, folders[10].path(), &[&boot_flag, "--log.level=debug"]);
    let (_, other_chain_peer) = boot(&mut other_chain);

    let mut nodes: Vec<(Process, String)> = vec![(first, boot_peer)];
    for folder in &folders[1..10] {
        let mut node = start(&sequencer, folder.path(), &[&boot_flag, "--log.level=debug"]);
        let (_, peer) = boot(&mut node);
        nodes.push((node, peer));
    }
    let all: BTreeSet<String> = nodes.iter().map(|(_, peer)| peer.clone()).collect();
    assert_eq!(all.len(), 10);
    for (node, peer) in &mut nodes {
        let others = all.iter().filter(|other| *other != peer).cloned().collect();
        wait_connected(node, &others);
    }
    // So each gets the blocks that the first one gets from the sequencer.
    for (node, _) in &mut nodes {
        node.event("block");
    }
    other_chain.until_stderr("lookup done");
    // A node that dials another node than the boot node has discovered it.
    assert!(nodes.iter().any(|(node, _)| !peers(node.passed(), "discovered").is_empty()), "no peer was discovered");
    for (node, _) in &mut nodes {
        let events = node.drain();
        for name in ["connected", "discovered"] {
            assert!(!peers(&events, name).contains(&other_chain_peer), "the other chain's node was {name}");
        }
    }
    let events = other_chain.drain();
    assert!(peers(&events, "discovered").is_empty() && peers(&events, "connected").is_empty(), "{events:?}");
}

#[test]
fn after_a_kill_known_peers_are_dialled_without_a_boot_node_and_the_records_number_rises() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = start(&sequencer, near.path(), &["--p2p.static", &sequencer.address]);
    let (boot_at, peer) = boot(&mut first);
    let mut second = start(&sequencer, far.path(), &["--p2p.bootnodes", &boot_at]);
    assert_eq!(second.event("record")["seq"], 1);
    wait_connected(&mut second, &[peer.clone()].into());
    second.event("block");
    // The peer store is written every half minute; the ban list and the record at once.
    std::thread::sleep(std::time::Duration::from_secs(40));
    second.signal("KILL");
    second.wait();

    let mut second = start(&sequencer, far.path(), &[]);
    // It listens on another port now, so the record changes. The order of the two events is not defined.
    let (mut record, mut dialled) = (None, None);
    second.until("a record and a known peer", |event| {
        match event["event"].as_str() {
            Some("record") => record = Some(event.clone()),
            Some("connected") => dialled = Some(event.clone()),
            _ => {}
        }
        record.is_some() && dialled.is_some()
    });
    assert_eq!(record.unwrap()["seq"], 2);
    let dialled = dialled.unwrap();
    assert_eq!((&dialled["peer"], &dialled["direction"]), (&peer.as_str().into(), &"outbound".into()));
    second.event("block");
}

/// A node with discovery, with its files in `folder`, that listens as the flags say.
fn begin(sequencer: &Sequencer, folder: &Path, more: &[&str]) -> Process {
    let (rollup, signer) = sequencer.files(folder);
    let words = ["rollup.config", "p2p.unsafe-block-signer", "datadir"];
    let values = [rollup.display().to_string(), signer, folder.display().to_string()];
    let words: Vec<String> = words.iter().zip(values).map(|(flag, value)| format!("--{flag}={value}")).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    petrel::start(&[&["node", "--p2p.listen.tcp=0"], &words[..], more].concat())
}

/// A node at each of three addresses, which are three networks on loopback, and all their records.
fn three_peers(sequencer: &Sequencer, folders: &[TempDir]) -> (Vec<Process>, String) {
    let listen = |last: usize| format!("--p2p.listen.ip=127.0.0.{last}");
    let mut peers: Vec<Process> =
        folders.iter().enumerate().map(|(at, folder)| begin(sequencer, folder.path(), &[&listen(at + 2)])).collect();
    let records: Vec<String> =
        peers.iter_mut().map(|peer| peer.event("record")["record"].as_str().unwrap().to_owned()).collect();
    (peers, records.join(","))
}

fn read(event: &Value) -> discv5::Enr {
    event["record"].as_str().unwrap().parse().unwrap()
}

/// A node that listens on all interfaces does not know its address until peers report it.
#[test]
fn the_record_has_the_address_at_which_three_peers_see_the_node() {
    let sequencer = Sequencer::started();
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let (_peers, boots) = three_peers(&sequencer, &folders[1..]);
    let mut node = begin(&sequencer, folders[0].path(), &["--p2p.listen.ip=0.0.0.0", "--p2p.bootnodes", &boots]);
    let first = read(&node.event("record"));
    assert_eq!(first.ip4(), None);
    let port = first.tcp4().unwrap();

    let seen = node.event("observed");
    assert_eq!((&seen["address"], &seen["agreed"]), (&format!("/ip4/127.0.0.1/tcp/{port}").into(), &true.into()));
    let second = read(&node.event("record"));
    assert_eq!((second.ip4(), second.tcp4()), (Some([127, 0, 0, 1].into()), Some(port)));
    assert!(second.seq() > first.seq());
    // And so do the nodes that discovery asks, of its UDP port.
    let udp = first.udp4().unwrap();
    node.until_stderr(&format!("discovery's nodes agree on this node's UDP address socket=127.0.0.1:{udp}"));
}

#[test]
fn what_three_peers_report_never_changes_a_record_with_the_operators_address() {
    let sequencer = Sequencer::started();
    let folders: Vec<_> = (0..5).map(|_| tempfile::tempdir().unwrap()).collect();
    let (_peers, boots) = three_peers(&sequencer, &folders[2..]);
    let listen = ["--p2p.listen.ip=0.0.0.0", "--p2p.bootnodes", &boots];
    let given = ["--p2p.advertise.ip=192.0.2.1", "--p2p.advertise.tcp=9222", "--p2p.advertise.udp=9223"];
    let mut fixed = begin(&sequencer, folders[0].path(), &[listen, given].concat());
    let record = read(&fixed.event("record"));
    let endpoint = (record.ip4(), record.tcp4(), record.udp4());
    assert_eq!(endpoint, (Some([192, 0, 2, 1].into()), Some(9222), Some(9223)));
    // Peers see it at another address.
    assert!(fixed.event("observed")["address"].as_str().unwrap().starts_with("/ip4/127.0.0.1/tcp/"));

    // The record of a node that starts later and has no given address changes by the votes of the same peers, for TCP and for UDP.
    let mut free = begin(&sequencer, folders[1].path(), &listen);
    free.event("observed");
    free.until_stderr("the node record has the address that peers observe");
    free.until_stderr("discovery's nodes agree on this node's UDP address");
    fixed.signal("TERM");
    fixed.pass_all();
    let records: Vec<&Value> = fixed.passed().iter().filter(|event| event["event"] == "record").collect();
    assert_eq!(records.len(), 1, "{records:?}");
    assert!(!fixed.until_stderr("").contains("the node record has"));
}

#[test]
fn invalid_discovery_flags_and_a_used_udp_port_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let datadir = format!("--datadir={}", folder.path().display());
    let node = |more: &[&str]| {
        let words = ["node", "--network=op-mainnet", &datadir, "--p2p.listen.ip=127.0.0.1", "--p2p.listen.tcp=0"];
        refused(&[&words, more].concat())
    };
    let wrong = [
        "--p2p.bootnodes=enr:x,enode://12@1.2.3.4:30303,/ip4/1.2.3.4/udp/9222,/dns4/a.example/tcp/1/ws",
        "--p2p.listen.udp=80",
        "--p2p.advertise.ip=0.0.0.0",
        "--p2p.advertise.tcp=70000",
        "--p2p.disable",
        "--p2p.nat",
        "--p2p.static=/ip4/127.0.0.1/tcp/9222/p2p/16Uiu2HAmSYmmuaEDWBEsG2GKHCWAMCtjPJS7kMTw6aXxUpYMbVJ1",
    ];
    let (code, said) = node(&wrong);
    assert_eq!(code, Some(2));
    let expected = [
        "--p2p.bootnodes: \"enr:x\"",
        "--p2p.bootnodes: \"enode://12@1.2.3.4:30303\"",
        "it lacks /p2p/PEER_ID",
        "--p2p.bootnodes: \"/dns4/a.example/tcp/1/ws\"",
        "--p2p.listen.udp: \"80\"",
        "--p2p.advertise.ip: 0.0.0.0 cannot be dialled",
        "--p2p.advertise.tcp: \"70000\"",
        "--p2p.disable: it allows no peers",
        "--p2p.nat: nothing listens",
    ];
    for words in expected {
        assert!(said.contains(words), "{words} is missing in\n{said}");
    }
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = format!("--p2p.listen.udp={}", taken.local_addr().unwrap().port());
    let sequencer = Sequencer::new(petrel_node::network::SecurityProtocol::Noise);
    let mut refused = start(&sequencer, folder.path(), &[&port]);
    assert_eq!(refused.wait().code(), Some(2));
    refused.until_stderr("--p2p.listen.udp: cannot listen on 127.0.0.1:");
}

/// A name that fails before a DNS query: its first label is too long.
fn invalid_name() -> String {
    format!("{}.invalid", "a".repeat(64))
}

#[test]
fn an_advertised_name_that_does_not_resolve_is_a_warning_and_not_the_end() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let flags = ["--p2p.advertise.ip", &invalid_name(), "--p2p.bootnodes=", "--p2p.static", &sequencer.address];
    let mut node = start(&sequencer, folder.path(), &flags);
    let record: discv5::Enr = node.event("record")["record"].as_str().unwrap().parse().unwrap();
    assert_eq!(record.ip4(), None);
    node.event("block");
    node.until_stderr("--p2p.advertise.ip: the name does not resolve; it is tried again");
    assert!(node.end("TERM").success());
}

#[test]
fn an_unresponsive_boot_node_is_reported_and_the_others_are_used() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut first = start(&sequencer, near.path(), &["--p2p.static", &sequencer.address]);
    let (responsive, peer) = boot(&mut first);
    // Its port is open, but nothing is read from it.
    let unread = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = unread.local_addr().unwrap().port();
    let key = enr::CombinedKey::generate_secp256k1();
    let record = discv5::Enr::builder().ip4([127, 0, 0, 1].into()).udp4(port).build(&key).unwrap();
    let somebody = "16Uiu2HAmSYmmuaEDWBEsG2GKHCWAMCtjPJS7kMTw6aXxUpYMbVJ1";
    let nameless = invalid_name();
    let list = format!(
        "--p2p.bootnodes=/dns4/{nameless}/udp/9222/p2p/{somebody},/ip4/127.0.0.1/udp/{port}/p2p/{somebody},{},{responsive}",
        record.to_base64()
    );
    let mut second = start(&sequencer, far.path(), &[&list]);
    wait_connected(&mut second, &[peer].into());
    second.event("block");
    second.until_stderr(&format!("the name {nameless} does not resolve"));
    let named = [
        format!("boot={nameless}:9222 (peer {somebody})"),
        format!("boot=127.0.0.1:{port} (peer {somebody})"),
        format!("boot=record of 127.0.0.1:{port} (node id {})", record.node_id()),
    ];
    for name in &named {
        second.until_stderr(name);
    }
    let said = second.until_stderr("WARN");
    assert!(named.iter().all(|name| said.matches(name).count() == 1), "{said}");
    assert!(!said.contains("no boot node answers"), "{said}");
}

#[test]
fn only_unresponsive_boot_nodes_are_a_warning_and_the_node_runs() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let unread = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = unread.local_addr().unwrap().port();
    let somebody = "16Uiu2HAmSYmmuaEDWBEsG2GKHCWAMCtjPJS7kMTw6aXxUpYMbVJ1";
    let list = format!(
        "--p2p.bootnodes=/dns4/{}/udp/1/p2p/{somebody},/ip4/127.0.0.1/udp/{port}/p2p/{somebody}",
        invalid_name()
    );
    let mut node = start(&sequencer, folder.path(), &[&list, "--p2p.static", &sequencer.address]);
    node.until_stderr("no boot node answers");
    node.event("block");
    assert!(node.end("TERM").success());
}
