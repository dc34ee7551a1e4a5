//! Tabs that reconnect at the same time: `cargo xtask leaves --leaves N`. All of them missed 60 blocks of 100 kB and are connected to
//! one daemon; a node requests a longer gap from the same daemon meanwhile. Every leaf must get all blocks, and the node must be
//! served at its full rate.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod catch_up;
mod follower;

use std::{
    env,
    path::Path,
    process::ExitCode,
    sync::mpsc::channel,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{block::BlockInfo, chain::Chain, fork::Fork};
use petrel_node::command::devnet::BlockBuilder;
use petrel_tests::{forge, petrel, process::Process, sequencer};

use catch_up::CatchUp;
use follower::Follower;

/// The node's index among the followers; leaves are numbered from 1.
const NODE: usize = 0;

/// Number of blocks that the leaves missed, and bytes of each.
const MISSED: u64 = 60;
const BYTES: usize = 100_000;
/// Number of blocks that the node missed: more than it gets while the leaves fetch theirs.
const LONGER: u64 = 300;
const BLOCK_TIME: u64 = 2;
/// Seconds for building the blocks that are due already.
const PREPARE: u64 = 12;
/// Deadline of the test: longer than it takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(180);

fn main() -> ExitCode {
    let leaves: usize = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(200);
    let files = tempfile::tempdir().unwrap();
    let chain = chain();
    let mut daemon = daemon(files.path(), &chain);
    let mut address = |ws: bool| {
        let listening = daemon.expect("an address", Duration::from_secs(30), |event| {
            event["event"] == "listening" && event["address"].as_str().unwrap().contains("/ws") == ws
        });
        listening["address"].as_str().unwrap().to_owned()
    };
    let (tcp, ws) = (address(false), address(true));
    let sequencer = sequencer::Publisher::connect(&chain, &tcp);
    let mut maker = BlockBuilder::new(chain.clone(), forge::key(1), BYTES);
    let links: Vec<BlockInfo> = (0..LONGER + MISSED).map(|_| publish(&mut maker, &sequencer)).collect();
    let last = links.last().unwrap().number;
    daemon.expect("its head", Duration::from_secs(30), |event| event["event"] == "head" && event["number"] == last);
    let (missed_by_leaf, missed_by_node) = (links[LONGER as usize - 1], links[MISSED as usize - 1]);
    thread::spawn(move || {
        loop {
            publish(&mut maker, &sequencer);
        }
    });

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let begin = Instant::now();
    let (sender, receiver) = channel();
    let node = Follower { chain: chain.clone(), relay: tcp, from: missed_by_node, to: last };
    runtime.spawn(node.follow(NODE, sender.clone()));
    for leaf in 1..=leaves {
        let follower = Follower { chain: chain.clone(), relay: ws.clone(), from: missed_by_leaf, to: last };
        runtime.spawn(follower.follow(leaf, sender.clone()));
    }
    let catch_up = CatchUp::all(&receiver, leaves, begin);
    runtime.shutdown_background();
    catch_up.report(leaves, daemon.id())
}

/// A chain whose first blocks are due already.
fn chain() -> Chain {
    let mut chain = sequencer::chain(Fork::Jovian, BLOCK_TIME);
    let begin = now().as_secs() + PREPARE - (LONGER + MISSED + 1) * BLOCK_TIME;
    chain = forge::begun(&chain, 0, begin, Duration::from_secs(BLOCK_TIME));
    chain
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

fn daemon(folder: &Path, chain: &Chain) -> Process {
    let rollup = folder.join("rollup.json");
    std::fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();
    let mut command = petrel::node(&rollup, forge::key(1).address(), folder);
    command.args(["--p2p.listen.tcp=0", "--p2p.listen.ws=0", "--p2p.no-discovery"]);
    command.args(["--p2p.gossip.timestamp.threshold=1h", "--log.level=error"]);
    Process::start_verbose("petrel", &mut command)
}

/// Builds and gossips the next block when it is due.
fn publish(maker: &mut BlockBuilder, sequencer: &sequencer::Publisher) -> BlockInfo {
    // A peer may not send more than 50 messages a second for long.
    thread::sleep(Duration::from_millis(maker.due_ms()).saturating_sub(now()).max(Duration::from_millis(25)));
    let made = maker.build().unwrap();
    let (number, timestamp) = (made.payload.block_number, made.payload.timestamp);
    sequencer.publish(made.version, made.message);
    BlockInfo {
        number,
        hash: made.payload.block_hash,
        parent: made.payload.parent_hash,
        timestamp,
        timestamp_ms: timestamp * 1000,
    }
}
