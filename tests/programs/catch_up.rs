//! A chain of five blocks a second: a node that was stopped for seconds gets all blocks from one peer while the chain continues.

use std::{collections::BTreeSet, path::Path, thread::sleep, time::Duration};

use petrel_tests::{process::Process, sequencer::Sequencer};
use serde_json::Value;

use crate::{
    metrics::{METRICS, scrape},
    node::{arguments, block, start},
};

/// A relay that is connected to the sequencer, and the arguments of a follower whose only peer is the relay.
fn relay(sequencer: &Sequencer, near: &Path, far: &Path) -> (Process, Vec<String>) {
    let mut relay = start(&arguments(sequencer, near, &sequencer.address), &METRICS);
    let address = relay.address(false);
    (relay, arguments(sequencer, far, &address))
}

/// Waits until a block and its head are on disk. Returns its number.
fn stored(node: &mut Process) -> u64 {
    let number = node.event("stored")["number"].as_u64().unwrap();
    node.until("the next block on disk", |event| event["event"] == "stored" && event["number"].as_u64() > Some(number));
    number
}

fn is_block(event: &Value) -> bool {
    event["event"] == "block"
}

/// The numbers of all emitted blocks; checks that each was emitted once.
fn numbers(events: &[Value]) -> BTreeSet<u64> {
    let all: Vec<u64> =
        events.iter().filter(|event| is_block(event)).map(|event| event["number"].as_u64().unwrap()).collect();
    let numbers: BTreeSet<u64> = all.iter().copied().collect();
    assert_eq!(numbers.len(), all.len(), "a block was emitted twice: {all:?}");
    numbers
}

/// Waits until its head is this one or later.
fn head(node: &mut Process, number: u64) {
    node.until("the head", |event| event["event"] == "head" && event["number"].as_u64() >= Some(number));
}

#[test]
fn a_killed_follower_fetches_all_missed_blocks_from_one_peer_while_the_chain_continues() {
    let sequencer = Sequencer::denim();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut relay, words) = relay(&sequencer, near.path(), far.path());
    let mut follower = start(&words, &[]);
    let kept = stored(&mut follower);
    follower.end("KILL");
    block(&mut relay, Some(kept + 40));
    let mut follower = start(&words, &[]);
    follower.until_stderr("head of the last run");
    let gap = follower.until("a gap's end", |event| event["event"] == "gap" && event["state"] == "closed");
    let (from, to) = (gap["from"].as_u64().unwrap(), gap["to"].as_u64().unwrap());
    assert!(from > kept && to >= kept + 40, "{gap} behind {kept}");
    head(&mut follower, to + 10);
    let events = follower.passed();
    assert!((from..=to + 10).all(|number| numbers(events).contains(&number)), "{events:?}");
    let peer = words.last().unwrap().rsplit('/').next().unwrap();
    let fetched = events.iter().filter(|event| is_block(event) && event["via"] == "sync");
    assert!(fetched.clone().all(|event| event["peer"] == peer), "{events:?}");
    let fetched: BTreeSet<u64> = fetched.map(|event| event["number"].as_u64().unwrap()).collect();
    assert!((from..=to).filter(|number| fetched.contains(number)).count() >= 35, "{fetched:?}");
    assert!(!events.iter().any(|event| event["event"] == "gap" && event["state"] == "skipped"), "{events:?}");
}

#[test]
fn a_follower_that_was_stopped_for_seconds_gets_every_block() {
    let sequencer = Sequencer::denim();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut relay, words) = relay(&sequencer, near.path(), far.path());
    let mut follower = start(&words, &[]);
    let (first, _) = block(&mut follower, None);
    follower.signal("STOP");
    block(&mut relay, Some(first + 40));
    follower.signal("CONT");
    head(&mut follower, first + 60);
    let emitted = numbers(follower.passed());
    assert!((first..=first + 60).all(|number| emitted.contains(&number)), "{emitted:?}");
}

/// The sequencer is stopped: all blocks that the relay serves after that are requested before the first gossip.
#[test]
fn after_a_kill_missed_blocks_are_fetched_before_the_first_gossip() {
    let mut sequencer = Sequencer::denim();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (mut relay, words) = relay(&sequencer, near.path(), far.path());
    let mut follower = start(&words, &[]);
    let kept = stored(&mut follower);
    follower.end("KILL");
    block(&mut relay, Some(kept + 30));
    sequencer.stop();
    relay.until("the sequencer's end", |event| {
        event["event"] == "disconnected" && event["peer"] == id(&sequencer.address)
    });
    let (gossiped, served) = counts(&relay);
    let mut follower = start(&words, &[]);
    follower.event("connected");
    let mut now = counts(&relay);
    for _ in 0..600 {
        if now.1 >= served + 25.0 {
            break;
        }
        sleep(Duration::from_millis(100));
        now = counts(&relay);
    }
    assert!(now.1 >= served + 25.0, "{} and then {} were served", served, now.1);
    assert_eq!(now.0, gossiped, "the relay received no block in the meantime");
    follower.pass();
    assert!(
        !follower.passed().iter().any(is_block),
        "blocks without a verified child are not emitted: {:?}",
        follower.passed()
    );
}

/// The numbers of blocks that the relay has received by gossip and has served.
fn counts(relay: &Process) -> (f64, f64) {
    let scrape = scrape(relay);
    (scrape.value("petrel_blocks_total{via=\"gossip\"}"), scrape.value("petrel_blocks_served_total"))
}

fn id(address: &str) -> &str {
    address.rsplit('/').next().unwrap()
}
