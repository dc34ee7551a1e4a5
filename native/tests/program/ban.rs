//! A peer that sends what it must know to be false.

use crate::{
    node::{arguments, block, start},
    sequencer::Sequencer,
};

#[test]
fn a_peer_with_false_blocks_is_banned_over_a_restart_and_may_come_back_at_its_end() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let listen = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let port = format!("--p2p.listen.tcp={listen}");
    let words: Vec<String> =
        words.into_iter().map(|word| if word == "--p2p.listen.tcp=0" { port.clone() } else { word }).collect();
    let mut node = start(&words, &["--p2p.ban.duration=20s"]);
    let address = node.address(false);
    block(&mut node, None);
    let hostile = sequencer.hostile(&address);
    let who = hostile.address.rsplit('/').next().unwrap().to_owned();
    let by = |event: &serde_json::Value, name: &str| event["event"] == name && event["peer"] == who.as_str();
    for _ in 0..5 {
        assert_eq!(node.until("a false block", |event| by(event, "rejected"))["fault"], "wrong_signer");
    }
    let ban = node.event("banned");
    assert_eq!(ban["who"], who.as_str());
    assert!(ban["reason"].as_str().unwrap().contains("false messages"), "{ban}");
    let gone = node.until("its end", |event| by(event, "disconnected"));
    assert!(gone["reason"].as_str().unwrap().starts_with("banned"), "{gone}");
    block(&mut node, None);

    // It comes again every few seconds, and is not let in.
    node.signal("KILL");
    node.wait();
    let mut node = start(&words, &["--p2p.ban.duration=20s", "--log.level=debug"]);
    let blocks = std::cell::Cell::new(0);
    let first = node.until("the end of the ban", |event| {
        blocks.set(blocks.get() + u32::from(event["event"] == "block"));
        event["event"] == "unbanned" || by(event, "connected")
    });
    assert_eq!((&first["event"], &first["who"]), (&"unbanned".into(), &who.as_str().into()));
    assert!(blocks.get() > 1, "following goes on");
    node.said("is banned, or its score is too low");
    assert!(ban["until"].as_u64().unwrap() <= crate::sequencer::now());
    node.until("its return", |event| by(event, "connected"));
}
