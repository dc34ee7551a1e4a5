//! Discovery both ways: op-node's discv5 finds Petrel, and Petrel finds op-node, each by one boot node and no static peer.

use std::{path::Path, time::Duration};

use petrel_core::fork::Fork;
use petrel_tests::{forge, petrel, process::Process, sequencer};

use crate::session::{SEQUENCER, peer};

/// Deadline of a condition. op-node checks its table every five seconds.
const DEADLINE: Duration = Duration::from_secs(60);

/// `true` when each side found the other.
pub(crate) fn run() -> bool {
    println!("\ndiscovery by discv5\n");
    let files = tempfile::tempdir().unwrap();
    let chain = sequencer::chain(Fork::Jovian, 2);
    let rollup = files.path().join("rollup.json");
    std::fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

    // Two daemons that are connected with each other and dial no more peers: a further connection comes from the other's discovery.
    let mut boot = daemon(&rollup, &files.path().join("boot"), &["--p2p.peers.lo=1"]);
    let record = boot.expect("its record", DEADLINE, |event| event["event"] == "record")["record"].clone();
    let record = record.as_str().unwrap();
    let mut second = daemon(&rollup, &files.path().join("second"), &["--p2p.peers.lo=1", "--p2p.bootnodes", record]);
    second.expect("the boot node", DEADLINE, |event| event["event"] == "connected");
    boot.drain();

    let mut op_node = peer(&rollup, SEQUENCER, &["-discover", "-bootnodes", record]);
    let there = op_node.expect("its address", DEADLINE, |event| event["event"] == "listening");
    let id = there["address"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let found_us = boot.wait_for(DEADLINE, |event| event["event"] == "connected" && event["peer"] == id.as_str());
    let dialled = found_us.as_ref().is_some_and(|event| event["direction"] == "inbound");
    println!("  op-node finds Petrel by Petrel as boot node, and dials it: {dialled}");

    // A third one can discover op-node only through the boot node.
    let mut third = daemon(&rollup, &files.path().join("third"), &["--p2p.bootnodes", record]);
    let met = |name: &'static str, id: String| {
        move |event: &serde_json::Value| event["event"] == name && event["peer"] == id.as_str()
    };
    let discovered = third.wait_for(DEADLINE, met("discovered", id.clone())).is_some();
    let connected = third.wait_for(DEADLINE, met("connected", id.clone())).is_some();
    println!("  Petrel finds op-node by Petrel as boot node, and is connected: {}", discovered && connected);

    // Now op-node is the boot node.
    let record = op_node.expect("its record", DEADLINE, |event| event["event"] == "record")["record"].clone();
    let mut fourth = daemon(&rollup, &files.path().join("fourth"), &["--p2p.bootnodes", record.as_str().unwrap()]);
    let by_it = fourth.wait_for(DEADLINE, met("connected", id)).is_some();
    println!("  Petrel uses op-node as boot node, and is connected: {by_it}");
    dialled && discovered && connected && by_it
}

/// It serves browsers, so its record has the entry `petrel`, which op-node does not know.
fn daemon(rollup: &Path, datadir: &Path, more: &[&str]) -> Process {
    let mut command = petrel::node(rollup, forge::key(SEQUENCER).address(), datadir);
    command.args(["--p2p.listen.tcp=0", "--p2p.listen.ws=0", "--http.port=0", "--log.level=error"]).args(more);
    Process::start_verbose("petrel", &mut command)
}
