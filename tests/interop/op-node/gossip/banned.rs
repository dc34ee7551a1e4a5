//! Twenty blocks of an unknown signer each way, and how each side treats their sender. op-node gets Petrel's blocks one by one, Petrel
//! gets op-node's at once. Both sides score and ban by their defaults. op-node's result is only printed.

use std::{thread, time::Duration};

use petrel_core::{chain::Chain, fork::Fork};
use petrel_tests::{
    forge::{self, Forge, noise},
    petrel,
    process::Process,
    sequencer::{self, Publisher},
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::session::{DEADLINE, SEQUENCER, peer, unix};

/// Number of blocks.
const BLOCKS: u64 = 20;
/// A key that is not the sequencer's.
const OTHER_KEY: u8 = 2;
/// Block interval, seconds. Petrel charges a block of an unknown signer only within two intervals after a block of our signer.
const BLOCK_TIME: u64 = 12;
/// Both sides update scores every second; op-node checks its bans every few seconds.
const SETTLED: Duration = Duration::from_secs(10);
/// Longer than a connection on loopback takes.
const REDIAL: Duration = Duration::from_secs(3);

/// How one side treated the sender.
#[derive(Debug, Default)]
struct Treatment {
    rejected: u64,
    score: String,
    ban: String,
    ended: bool,
    redial: String,
}

/// `true` when op-node rejected each block, and Petrel banned op-node and refused its next connection.
pub(crate) fn run() -> bool {
    println!("\n{BLOCKS} blocks of an unknown signer, and the treatment of their sender\n");
    let (theirs, ours) = (by_op_node(), by_petrel());
    println!("  {:<28} {:<34} Petrel, of op-node's blocks", "", "op-node, of Petrel's blocks");
    let line = |what: &str, theirs: &str, ours: &str| println!("  {what:<28} {theirs:<34} {ours}");
    line("rejected", &theirs.rejected.to_string(), &ours.rejected.to_string());
    line("the sender's score", &theirs.score, &ours.score);
    line("ban", &theirs.ban, &ours.ban);
    line("the connection", ended(theirs.ended), ended(ours.ended));
    line("a new connection", &theirs.redial, &ours.redial);
    theirs.rejected == BLOCKS && ours.ended && ours.ban != NONE && ours.redial == REFUSED
}

const NONE: &str = "none";
const REFUSED: &str = "refused";

const fn ended(ended: bool) -> &'static str {
    if ended { "ended" } else { "stays" }
}

/// A chain, and a folder with its rollup.json.
fn chain_files() -> (Chain, TempDir) {
    let (chain, files) = (sequencer::chain(Fork::Jovian, BLOCK_TIME), tempfile::tempdir().unwrap());
    std::fs::write(files.path().join("rollup.json"), chain.to_rollup_json().to_string()).unwrap();
    (chain, files)
}

/// How op-node treats Petrel's sequencer, whose signer it does not know. The blocks are sent one after the other.
fn by_op_node() -> Treatment {
    let (chain, files) = chain_files();
    let mut op_node = peer(&files.path().join("rollup.json"), OTHER_KEY, &["-scoring"]);
    let there = op_node.expect("its address", DEADLINE, |event| event["event"] == "listening");
    let sequencer = Publisher::connect(&chain, there["address"].as_str().unwrap());
    let us = op_node.expect("us", DEADLINE, |event| event["event"] == "came")["peer"].as_str().unwrap().to_owned();
    let mut treatment = Treatment::default();
    for number in 1..=BLOCKS {
        let (message, _) = Forge::new(chain.id, Fork::Jovian, number, unix().as_secs(), 1000).sealed();
        sequencer.publish(Fork::Jovian.version(), message);
        let event = op_node.wait_for(DEADLINE, |event| is_verdict(event) || event["event"] == "gone");
        match event {
            Some(event) if event["verdict"] == "reject" => treatment.rejected += 1,
            Some(event) if event["event"] == "gone" => {
                treatment.ended = true;
                break;
            }
            _ => break,
        }
    }
    thread::sleep(SETTLED);
    treatment.ended |= op_node.drain().iter().any(|event| event["event"] == "gone");
    op_node.send(&json!({ "do": "score", "peer": us }));
    let score = op_node.expect("a score", DEADLINE, |event| event["event"] == "score" || event["event"] == "failed");
    treatment.score = score["score"].to_string();
    treatment.ban = if treatment.ended { "see the connection" } else { NONE }.to_owned();
    treatment.redial = if treatment.ended { "not tried" } else { "not needed" }.to_owned();
    treatment
}

/// How Petrel treats op-node's sequencer, whose signer it does not know. All blocks are sent at once, after a block of the right
/// signer: before it Petrel's own signer may be outdated, and Petrel charges a single peer with nothing.
fn by_petrel() -> Treatment {
    let (chain, files) = chain_files();
    let rollup = files.path().join("rollup.json");
    let unknown = format!("{OTHER_KEY:02x}").repeat(32);
    let mut op_node = peer(&rollup, OTHER_KEY, &["-sequencer-key", &unknown]);
    let there = op_node.expect("its address", DEADLINE, |event| event["event"] == "listening");
    let who = there["address"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let mut command = petrel::node(&rollup, forge::key(SEQUENCER).address(), &files.path().join("petrel"));
    command.args(["--p2p.listen.tcp=0", "--p2p.no-discovery"]);
    let mut petrel = Process::start_verbose("petrel", command.arg("--log.level=error"));
    let here = petrel.expect("its address", DEADLINE, |event| event["event"] == "listening")["address"].clone();
    // op-node dials, because Petrel does not ban static peers.
    let dial = json!({ "do": "connect", "address": here });
    op_node.send(&dial);
    let name = Fork::Jovian.version().topic();
    let grafted = |event: &Value| {
        event["event"] == "grafted"
            && event["topic"].as_str().is_some_and(|topic| topic.ends_with(&format!("/{name}/blocks")))
    };
    op_node.expect("a graft", DEADLINE, grafted);
    let by = |name: &'static str| {
        let who = who.clone();
        move |event: &Value| event["event"] == name && event["peer"] == who.as_str()
    };
    petrel.expect("op-node", DEADLINE, by("connected"));
    let sequencer = Publisher::connect(&chain, here.as_str().unwrap());
    let (message, _) = Forge::new(chain.id, Fork::Jovian, 1, unix().as_secs(), 1000).sealed();
    sequencer.publish(Fork::Jovian.version(), message);
    petrel.expect("a valid block", DEADLINE, |event| event["event"] == "block");
    for number in 2..BLOCKS + 2 {
        publish(&mut op_node, number);
    }
    let mut treatment = Treatment { ban: NONE.to_owned(), ..Treatment::default() };
    if let Some(ban) = petrel.wait_for(DEADLINE, |event| event["event"] == "banned" && event["who"] == who.as_str()) {
        let secs = ban["until"].as_u64().map_or(0, |until| until.saturating_sub(unix().as_secs()));
        // "score -110.0, below -100: REASON"
        let reason = ban["reason"].as_str().unwrap_or_default().to_owned();
        let (score, offences) = reason.split_once(": ").unwrap_or((&reason, ""));
        treatment.score = score.trim_start_matches("score ").to_owned();
        treatment.ban = format!("for {} min: {offences}", secs.div_ceil(60));
    }
    treatment.ended = petrel.wait_for(DEADLINE, by("disconnected")).is_some();
    while petrel.wait_for(Duration::ZERO, by("rejected")).is_some() {
        treatment.rejected += 1;
    }
    op_node.wait_for(DEADLINE, |event| event["event"] == "gone");
    op_node.send(&dial);
    treatment.redial = if petrel.wait_for(REDIAL, by("connected")).is_some() { "accepted" } else { REFUSED }.to_owned();
    treatment
}

/// Whether an event is op-node's verdict on a new message.
fn is_verdict(event: &Value) -> bool {
    event["event"] == "verdict" && event["verdict"] != "duplicate"
}

fn publish(op_node: &mut Process, number: u64) {
    let transaction = alloy_primitives::hex::encode_prefixed(noise(number, 1000));
    let block = json!({
        "number": number, "timestamp": unix().as_secs(), "transactions": [transaction],
        "extraData": "0x01000000fa000000060000000000000000",
    });
    op_node.send(&json!({ "do": "publish", "block": block }));
}
