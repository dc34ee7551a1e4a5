//! Probes: whether the node is alive, ready and healthy, and why not.

use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use petrel_tests::{
    process::{DEADLINE, Process},
    sequencer::{Sequencer, id},
};
use serde_json::Value;

use crate::{
    metrics::{METRICS, get, port},
    node::{arguments, block, start},
};

/// Between two probes.
const POLL: Duration = Duration::from_millis(100);

/// Status and JSON of a probe.
fn probe(port: u16, path: &str) -> (u16, Value) {
    let (head, body) = get(port, path);
    assert!(head.contains("application/json") && head.contains("no-store"), "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(&body).unwrap())
}

/// Probes until the status is this one.
fn until(port: u16, path: &str, status: u16) -> Value {
    let end = Instant::now() + DEADLINE;
    loop {
        let (found, json) = probe(port, path);
        if found == status {
            return json;
        }
        assert!(Instant::now() < end, "{path} is not {status}: {json}");
        thread::sleep(POLL);
    }
}

fn reasons(json: &Value) -> Vec<&str> {
    json["reasons"].as_array().unwrap().iter().map(|reason| reason.as_str().unwrap()).collect()
}

#[test]
fn a_node_is_ready_with_a_peer_and_a_fresh_head_and_red_within_15_s_of_its_last_peers_leaving() {
    let mut sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &METRICS);
    let port = port(&node);
    assert_eq!(probe(port, "/livez").0, 200, "a node that starts is alive");
    block(&mut node, None);
    let ready = until(port, "/readyz", 200);
    assert_eq!((&ready["status"], reasons(&ready)), (&"ok".into(), Vec::new()));
    assert_eq!(ready["checks"]["peers"]["nodes"], 1);
    let healthy = until(port, "/healthz", 200);
    for check in ["peers", "chain", "head", "signer", "clock", "store", "disk"] {
        assert_eq!(healthy["checks"][check]["ok"], true, "{check}: {healthy}");
    }
    assert!(healthy["checks"]["disk"]["free_bytes"].as_u64().unwrap() > 0, "{healthy}");
    assert!(ready["checks"]["store"].is_null(), "what is not needed to follow is not for the readiness: {ready}");

    sequencer.stop();
    node.event("disconnected");
    let left = Instant::now();
    let red = until(port, "/readyz", 503);
    assert!(left.elapsed() < Duration::from_secs(15), "{:?}", left.elapsed());
    let reason = reasons(&red)[0];
    let named = format!("no peer is connected; the last one was {}", id(&sequencer.address));
    assert!(reason.starts_with(&named) && red["status"] == "failing", "{red}");
    assert_eq!(reasons(&until(port, "/healthz", 503))[0], reason);
    assert_eq!(probe(port, "/livez").0, 200, "a restart would not help");
    // With the same text in the log.
    node.until_stderr(reason);

    // The head that nobody continues becomes stale.
    let end = Instant::now() + DEADLINE;
    while !reasons(&probe(port, "/readyz").1).iter().any(|reason| reason.starts_with("the head is stale: block ")) {
        assert!(Instant::now() < end);
        thread::sleep(POLL);
    }
    sequencer.start();
    block(&mut node, None);
    until(port, "/readyz", 200);
    node.until_stderr("ready and healthy again");
}

/// As with `--network` of another chain than the peer's.
#[test]
fn a_node_with_another_chain_id_than_its_peers_is_red_and_the_log_names_both_chains() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let (rollup, _) = sequencer.files(folder.path());
    let other = fs::read_to_string(&rollup).unwrap().replace("90221199", "90221200");
    fs::write(&rollup, other).unwrap();
    let mut node = start(&words, &METRICS);
    node.event("connected");
    let reason = "no connected peer subscribes to the topics of chain 90221200, but to those of chain 90221199";
    let warning = "peers subscribe to topics of another chain, and none to this chain's: check --network";
    let said = node.until_stderr(warning);
    let line = said.lines().find(|line| line.contains(warning)).unwrap();
    assert!(line.contains("chain=90221200 other=90221199 peers=1"), "{line}");
    let red = until(port(&node), "/readyz", 503);
    assert!(reasons(&red).iter().any(|found| found.starts_with(reason)), "{red}");
    assert_eq!(red["checks"]["chain"]["other_chain"], 90_221_199, "{red}");
    assert_eq!(node.end("TERM").code(), Some(0));
}

/// A page's connections that send half a header, and then a byte from time to time.
fn slow(page: u16) -> Vec<TcpStream> {
    let open = || {
        let mut stream = TcpStream::connect(("127.0.0.1", page)).unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nX: ").unwrap();
        stream
    };
    (0..256).map(|_| open()).collect()
}

/// The longest time of ten probes.
fn longest(port: u16) -> Duration {
    let time = |path: &str| {
        let began = Instant::now();
        probe(port, path);
        began.elapsed()
    };
    let times = ["/livez", "/readyz"].into_iter().cycle().take(20).map(time);
    times.max().unwrap()
}

fn page_port(node: &Process) -> u16 {
    let said = node.until_stderr(" page url=");
    let url = said.split(" page url=http://").nth(1).unwrap();
    url.split(['/', ':']).nth(1).unwrap().parse().unwrap()
}

#[test]
fn slow_connections_to_the_page_delay_neither_the_probes_nor_others() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &[&METRICS[..], &["--http.port=0"]].concat());
    block(&mut node, None);
    let (probes, page) = (port(&node), page_port(&node));
    let before = longest(probes);
    let mut slow = slow(page);
    let during = longest(probes);
    assert!(during < before + Duration::from_millis(500), "{before:?}, then {during:?}");

    // Others are served at once, with all places taken.
    for path in ["/healthz", "/relay.json"] {
        let began = Instant::now();
        assert!(get(page, path).0.starts_with("HTTP/1.1 200"));
        assert!(began.elapsed() < Duration::from_secs(5), "{path}: {:?}", began.elapsed());
    }

    // Half a header ends its connection, however often it grows.
    let began = Instant::now();
    let last = slow.last_mut().unwrap();
    last.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut byte = [0];
    loop {
        let _reset = last.write_all(b"x");
        match last.read(&mut byte) {
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Ok(0) | Err(_) => break,
            Ok(_) => panic!("an answer to half a header"),
        }
        assert!(began.elapsed() < Duration::from_secs(60), "it is still open");
    }
}
