//! Petrels with a schedule that is out of date: the chain's last forks are not in their rollup.json. They follow the same network
//! from its first blocks to the end, must miss nothing and blame nobody, and tell once which fork they lack.

use std::{collections::BTreeSet, time::Duration};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{
    parts::{Devnet, GETH},
    report::{self, FIRST},
    scenario::Blocks,
};

/// What the schedule of each of them lacks; the first one is what they must name.
const LACKED: [&[&str]; 2] = [&["karst"], &["jovian", "karst"]];
/// How long the last block may take to them, when Petrel has it.
const DEADLINE: Duration = Duration::from_secs(30);

/// One of them.
pub(crate) struct Stale {
    fork: &'static str,
    petrel: Process,
}

/// What one of them has shown.
pub(crate) struct Followed {
    fork: &'static str,
    blocks: Blocks,
    /// Shown with another hash than op-geth's, or twice with different ones.
    wrong: usize,
    missed: Vec<u64>,
    /// Gaps that were given up.
    skipped: usize,
    /// Its last head, and the network's at that moment.
    head: u64,
    network: u64,
    banned: usize,
    graylisted: usize,
    /// The fork and the block of each `schedule_mismatch`.
    mismatches: Vec<(String, u64)>,
}

/// Starts all of them.
pub(crate) fn start(devnet: &Devnet) -> Vec<Stale> {
    let start =
        |(which, lacks): (usize, &&'static [&str])| Stale { fork: lacks[0], petrel: devnet.stale(which, lacks) };
    LACKED.iter().enumerate().map(start).collect()
}

impl Stale {
    /// Waits until it has the network's head, ends it, and says what it has shown.
    pub(crate) fn followed(mut self) -> Followed {
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
        Followed {
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

impl Followed {
    /// Prints it; `true` when it is as it should be.
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
