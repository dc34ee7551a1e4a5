//! Probes: whether the node is alive, ready and healthy, and why not.

use std::{
    thread,
    time::{Duration, Instant},
};

use petrel_tests::{
    process::PATIENCE,
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
    let end = Instant::now() + PATIENCE;
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
    for check in ["peers", "head", "signer", "clock", "store", "disk"] {
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
    let end = Instant::now() + PATIENCE;
    while !reasons(&probe(port, "/readyz").1).iter().any(|reason| reason.starts_with("the head is stale: block ")) {
        assert!(Instant::now() < end);
        thread::sleep(POLL);
    }
    sequencer.start();
    block(&mut node, None);
    until(port, "/readyz", 200);
    node.until_stderr("ready and healthy again");
}
