//! What op-node does with somebody whose blocks are signed by another than it believes: Petrel's own sequencer, whom op-node
//! takes for a liar. What Petrel does in its place is tested with the daemon: `native/tests/program/ban.rs`.

use std::time::Duration;

use petrel_core::fork::Fork;
use petrel_tests::{
    forge::Forge,
    sequencer::{self, Sequencer},
};
use serde_json::json;

use crate::session::{PATIENCE, peer, unix};

/// How many it is sent.
const BLOCKS: u64 = 20;
/// Another key than the one with which the sequencer signs.
const BELIEVED: u8 = 2;

/// `true` when op-node refused each of them: what follows from that is its own affair, and printed.
pub(crate) fn run() -> bool {
    println!("\n{BLOCKS} mis-signed blocks of ours, judged by op-node with its own scores and bans\n");
    let files = tempfile::tempdir().unwrap();
    let chain = sequencer::chain(Fork::Jovian, 2);
    let rollup = files.path().join("rollup.json");
    std::fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();
    let mut op_node = peer(&rollup, BELIEVED, &["-scoring"]);
    let there = op_node.expect("its address", PATIENCE, |event| event["event"] == "listening");
    let sequencer = Sequencer::start(&chain, there["address"].as_str().unwrap());
    let us = op_node.expect("us", PATIENCE, |event| event["event"] == "came")["peer"].as_str().unwrap().to_owned();

    let (mut rejected, mut sent) = (0, 0);
    for number in 1..=BLOCKS {
        let (message, _) = Forge::new(chain.id, Fork::Jovian, number, unix().as_secs(), 1000).sealed();
        sequencer.publish(Fork::Jovian.version(), message);
        sent += 1;
        let judged =
            op_node.wait(Duration::from_secs(5), |event| event["event"] == "verdict" || event["event"] == "gone");
        match judged {
            Some(event) if event["verdict"] == "reject" => rejected += 1,
            _ => break,
        }
    }
    // Its scores are looked at every second, and its bans every few.
    std::thread::sleep(Duration::from_secs(10));
    let gone = op_node.drain().iter().any(|event| event["event"] == "gone");
    op_node.tell(&json!({ "do": "score", "peer": us }));
    let score = op_node.wait(PATIENCE, |event| event["event"] == "score" || event["event"] == "failed");
    let score = score.unwrap_or_default();
    println!("  rejected {rejected} of {sent}; it ended the connection: {gone}");
    println!("  our score there: {}, {}", score["score"], score["connectedness"]);
    rejected == sent
}
