//! Petrel nodes with an outdated schedule: the chain's last forks are not in their rollup.json. They follow the same network from its
//! first blocks to the end. They must miss no block, ban no peer, and report the missing fork once.

use std::{collections::BTreeSet, time::Duration};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{
    parts::{Devnet, GETH},
    report::{self, FIRST},
    scenario::Blocks,
};

/// The forks that the schedule of each node lacks; it must report the first one.
const LACKED: [&[&str]; 2] = [&["karst"], &["jovian", "karst"]];
/// Maximum time until they have the last block, after Petrel has it.
const DEADLINE: Duration = Duration::from_secs(30);

/// A node with an outdated schedule.
pub(crate) struct OutdatedNode {
    fork: &'static str,
    petrel: Process,
}

/// The results of one node.
pub(crate) struct OutdatedReport {
    fork: &'static str,
    blocks: Blocks,
    /// Blocks with another hash than op-geth's, or emitted twice with different hashes.
    wrong: usize,
    missed: Vec<u64>,
    /// Number of skipped gaps.
    skipped: usize,
    /// Its last head, and the network's head at that time.
    head: u64,
    network: u64,
    banned: usize,
    graylisted: usize,
    /// The fork and the block of each `schedule_mismatch`.
    mismatches: Vec<(String, u64)>,
}

/// Starts all nodes.
pub(crate) fn start(devnet: &Devnet) -> Vec<OutdatedNode> {
    let start = |(which, lacks): (usize, &&'static [&str])| OutdatedNode {
        fork: lacks[0],
        petrel: devnet.outdated(which, lacks),
    };
    LACKED.iter().enumerate().map(start).collect()
}

impl OutdatedNode {
    /// Waits until the node has the network's head, and ends it. Returns its results.
    pub(crate) fn followed(mut self) -> OutdatedReport {
        let (network, _, _) = GETH[0].block("latest").expect("op-geth answers");
        let reached = |event: &Value| event["event"] == "head" && number(event) >= network;
        let head = self.petrel.wait_for(DEADLINE, reached);
        let mut events = self.petrel.drain();
        events.extend(head);
        self.petrel.stop(Duration::from_secs(5));
        let named = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
        let shown: BTreeSet<_> = named("block").map(|event| (number(event), text(event, "hash"))).collect();
        let blocks: Blocks = shown.iter().cloned().collect();
        let (first, last) = report::ends(&blocks);
        OutdatedReport {
            fork: self.fork,
            wrong: report::wrong(&blocks) + shown.len() - blocks.len(),
            missed: (first..=last).filter(|number| !blocks.contains_key(number)).collect(),
            skipped: named("gap").filter(|event| event["state"] == "skipped").count(),
            head: named("head").map(number).max().unwrap_or_default(),
            network,
            banned: named("banned").count(),
            graylisted: named("graylisted").count(),
            mismatches: named("schedule_mismatch").map(|event| (text(event, "fork"), number(event))).collect(),
            blocks,
        }
    }
}

impl OutdatedReport {
    /// Prints the results; `true` when they are as expected.
    pub(crate) fn print(&self) -> bool {
        let Self { fork, blocks, wrong, missed, skipped, head, network, banned, graylisted, mismatches } = self;
        let (first, last) = report::ends(blocks);
        println!(
            "without {fork} in its schedule Petrel showed {} blocks, {first} to {last}: {wrong} with",
            blocks.len()
        );
        println!("    another hash than op-geth's, {} missed {missed:?}, {skipped} gaps skipped;", missed.len());
        println!("    head {head} when the network's was {network}; {banned} banned, {graylisted} graylisted;");
        println!("    schedule_mismatch, by fork and block: {mismatches:?}");
        let once = matches!(mismatches.as_slice(), [(named, _)] if named == fork);
        let followed = *wrong == 0 && missed.is_empty() && *skipped == 0 && head >= network && first <= FIRST;
        followed && once && *banned == 0 && *graylisted == 0
    }
}

fn number(event: &Value) -> u64 {
    event["number"].as_u64().unwrap_or_default()
}

fn text(event: &Value, field: &str) -> String {
    event[field].as_str().unwrap_or_default().to_owned()
}
