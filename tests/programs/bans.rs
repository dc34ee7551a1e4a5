//! Bans: of a peer that sends invalid blocks, and by `petrel bans` while the node is stopped.

use std::{
    thread,
    time::{Duration, Instant},
};

use petrel_tests::{
    petrel::output,
    ports,
    process::DEADLINE,
    sequencer::{Sequencer, unix},
};

use crate::node::{arguments, block, start};

#[test]
fn a_peer_with_invalid_blocks_is_banned_over_a_restart_and_may_reconnect_after_the_ban() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let port = format!("--p2p.listen.tcp={}", ports::tcp());
    let words: Vec<String> =
        words.into_iter().map(|word| if word == "--p2p.listen.tcp=0" { port.clone() } else { word }).collect();
    let mut node = start(&words, &["--p2p.ban.duration=20s"]);
    let address = node.address(false);
    block(&mut node, None);
    let hostile = sequencer.hostile(&address);
    let who = hostile.address.rsplit('/').next().unwrap().to_owned();
    let by = |event: &serde_json::Value, name: &str| event["event"] == name && event["peer"] == who.as_str();
    for _ in 0..5 {
        assert_eq!(node.until("an invalid block", |event| by(event, "rejected"))["fault"], "wrong_signer");
    }
    node.until_stderr("messages are rejected fault=\"wrong_signer\" count=1 total=1");
    let ban = node.event("banned");
    assert_eq!(ban["who"], who.as_str());
    assert!(ban["reason"].as_str().unwrap().contains("invalid messages"), "{ban}");
    let gone = node.until("its end", |event| by(event, "disconnected"));
    assert!(gone["reason"].as_str().unwrap().starts_with("banned"), "{gone}");
    block(&mut node, None);

    // The banned peer dials again every few seconds, and is refused.
    node.signal("KILL");
    node.wait();
    let mut node = start(&words, &["--p2p.ban.duration=20s", "--log.level=debug"]);
    let blocks = std::cell::Cell::new(0);
    let first = node.until("the end of the ban", |event| {
        blocks.set(blocks.get() + u32::from(event["event"] == "block"));
        event["event"] == "unbanned" || by(event, "connected")
    });
    assert_eq!((&first["event"], &first["who"]), (&"unbanned".into(), &who.as_str().into()));
    assert!(blocks.get() > 1, "blocks still arrive");
    node.until_stderr("is banned, or its score is too low");
    assert!(ban["until"].as_u64().unwrap() <= unix().as_secs());
    node.until("its return", |event| by(event, "connected"));
}

#[test]
fn an_operator_bans_and_lifts_while_the_node_is_stopped() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let datadir = format!("--datadir={}", folder.path().display());
    let bans = |args: &[&str]| {
        let words: Vec<&str> = ["bans", &datadir].into_iter().chain(args.iter().copied()).collect();
        let output = output(&words);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let refused = |args: &[&str], why: &str| {
        let (code, said, error) = bans(args);
        assert!(code == Some(2) && said.is_empty() && error.contains(why), "{args:?}: {code:?} {said} {error}");
    };
    refused(&["list"], "there is no store");
    let port = format!("--p2p.listen.tcp={}", ports::tcp());
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let words: Vec<String> =
        words.into_iter().map(|word| if word == "--p2p.listen.tcp=0" { port.clone() } else { word }).collect();
    let mut node = start(&words, &[]);
    let address = node.address(false);
    // A running node answers.
    assert_eq!(bans(&["list"]), (Some(0), String::new(), String::new()));
    node.end("TERM");
    let hostile = sequencer.hostile(&address);
    let who = hostile.address.rsplit('/').next().unwrap().to_owned();

    assert_eq!(bans(&["list"]), (Some(0), String::new(), String::new()));
    assert_eq!(bans(&["add", &who, "--reason", "not ours"]).0, Some(0));
    assert_eq!(bans(&["add", "198.51.100.7/24", "--for=1h"]).0, Some(0));
    assert_eq!(bans(&["add", "192.0.2.1", "--for=1s"]).0, Some(0));
    let mut list = bans(&["list"]).1;
    let end = Instant::now() + DEADLINE;
    while list.contains("192.0.2.1") {
        assert!(Instant::now() < end, "a ban of one second does not end: {list}");
        thread::sleep(Duration::from_millis(100));
        list = bans(&["list"]).1;
    }
    let lines: Vec<serde_json::Value> = list.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 2, "{list}");
    assert!(list.contains(&format!("{{\"reason\":\"not ours\",\"until\":null,\"who\":\"{who}\"}}")), "{list}");
    assert!(list.contains("198.51.100.0/24"), "{list}");
    refused(&["add", "nobody"], "neither a peer id");
    refused(&["add", "192.0.2.1", "--for=2y"], "--for");
    refused(&["lift", "192.0.2.9"], "is not banned");

    let mut node = start(&words, &[]);
    let by = |event: &serde_json::Value| event["event"] == "connected" && event["peer"] == who.as_str();
    for _ in 0..4 {
        let next = node.until("a block", |event| event["event"] == "block" || by(event));
        assert_eq!(next["event"], "block");
    }
    node.end("TERM");
    assert_eq!(bans(&["lift", &who]), (Some(0), String::new(), String::new()));
    start(&words, &[]).until("its return", by);
}

/// A response that is sent before the commit mostly passes this test too: a commit is faster than the end of `petrel bans`.
#[test]
fn an_acknowledged_ban_or_lift_survives_a_kill() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let datadir = format!("--datadir={}", folder.path().display());
    let bans = |words: &[&str]| {
        let output = output(&[&["bans", &datadir], words].concat());
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    for who in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        for (action, there) in [("add", true), ("lift", false)] {
            let mut node = start(&words, &[]);
            node.address(false);
            assert_eq!(bans(&[action, who]).0, Some(0), "{action} {who}");
            node.end("KILL");
            assert_eq!(bans(&["list"]).1.contains(who), there, "{action} {who}");
        }
    }
}
