//! The results and their limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{attacker::Sent, kinds::KINDS};

/// Maximum p99 of the time from arrival to the verdict, milliseconds.
const VALIDATED_MS: u64 = 500;
/// Maximum time of a turn of the event loop, milliseconds. A longer turn is reported by the event `stalled`.
const STALL: u64 = 50;
/// Maximum resident memory, KiB.
const MEMORY: u64 = 400 << 10;
/// Maximum time from the first connection of an attacker to its graylisting or ban.
const GRAYLISTED: Duration = Duration::from_secs(10);
/// Maximum bytes of logs.
const LOG: u64 = 4 << 20;

/// See the module.
pub(crate) struct Report {
    daemon: u32,
    /// The identities of the attackers, and the times of their first connection.
    attackers: BTreeMap<String, Instant>,
    published: BTreeSet<String>,
    /// Milliseconds from arrival to the verdict, of the honest blocks.
    validated: Vec<u64>,
    accepted: BTreeSet<String>,
    stalls: Vec<u64>,
    /// Graylisted or banned peers, and the times of it.
    banned: BTreeMap<String, Instant>,
    /// Reasons of ended connections, with counts.
    ends: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    missed: u64,
    memory: u64,
    sent: [u64; KINDS.len()],
    half_open: u64,
}

impl Report {
    pub(crate) fn new(daemon: u32) -> Self {
        Self {
            daemon,
            attackers: BTreeMap::new(),
            published: BTreeSet::new(),
            validated: Vec::new(),
            accepted: BTreeSet::new(),
            stalls: Vec::new(),
            banned: BTreeMap::new(),
            ends: BTreeMap::new(),
            faults: BTreeMap::new(),
            missed: 0,
            memory: 0,
            sent: Default::default(),
            half_open: 0,
        }
    }

    pub(crate) fn published(&mut self, hash: String) {
        self.published.insert(hash);
    }

    pub(crate) fn sent(&mut self, sent: impl Iterator<Item = Sent>) {
        for (kinds, lives) in sent {
            for (sum, count) in self.sent.iter_mut().zip(kinds) {
                *sum += count;
            }
            self.attackers.extend(lives);
        }
    }

    pub(crate) fn half_open(&mut self, connections: u64) {
        self.half_open = connections;
    }

    /// Reads the daemon's events and its memory.
    pub(crate) fn take(&mut self, daemon: &mut Process) {
        for event in daemon.drain() {
            self.event(&event);
        }
        let status = fs::read_to_string(format!("/proc/{}/status", self.daemon)).unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
        self.memory = self.memory.max(resident.and_then(|text| text.trim().parse().ok()).unwrap_or_default());
    }

    fn event(&mut self, event: &Value) {
        let text = |key: &str| event[key].as_str().unwrap_or_default().to_owned();
        match text("event").as_str() {
            "block" => {
                self.accepted.insert(text("hash"));
                self.validated.push(event["judged_ms"].as_u64().unwrap());
            }
            "stalled" => self.stalls.push(event["millis"].as_u64().unwrap()),
            "graylisted" => _ = self.banned.entry(text("peer")).or_insert_with(Instant::now),
            "banned" => _ = self.banned.entry(text("who")).or_insert_with(Instant::now),
            "disconnected" => {
                let reason = text("reason");
                let word = reason.split([':', ' ']).next().unwrap_or_default().to_owned();
                *self.ends.entry(word).or_default() += 1;
            }
            "rejected" | "ignored" => *self.faults.entry(text("fault")).or_default() += 1,
            "missed" => self.missed += event["count"].as_u64().unwrap(),
            _ => {}
        }
    }

    /// Prints the results; `true` when all limits are kept.
    pub(crate) fn print(mut self, log: u64) -> bool {
        let (lives, half_open) = (self.attackers.len(), self.half_open);
        println!(
            "\nsent by {lives} identities, one after the other for each attacker, and {half_open} half-open handshakes:"
        );
        for (kind, count) in KINDS.iter().zip(self.sent) {
            println!("  {count:>7} RPCs  {kind}");
        }
        println!("faults: {:?}", self.faults);
        println!("ended: {:?}", self.ends);
        let lines = [self.blocks(), self.delay(), self.loop_turns(), self.resident(), self.bans(), self.logs(log)];
        for (fine, line) in &lines {
            println!("{} {line}", if *fine { "  " } else { "!!" });
        }
        lines.iter().all(|(fine, _)| *fine)
    }

    fn blocks(&self) -> (bool, String) {
        let published = self.published.len();
        let accepted = self.published.intersection(&self.accepted).count();
        let others = self.accepted.len() - accepted;
        let line = format!("{accepted} of {published} honest blocks accepted, {others} others");
        (accepted == published && others == 0, line)
    }

    fn delay(&mut self) -> (bool, String) {
        self.validated.sort_unstable();
        let last = self.validated.len().saturating_sub(1);
        let at = |share: usize| self.validated.get(last * share / 100).copied().unwrap_or_default();
        (at(99) < VALIDATED_MS, format!("verdicts {} ms after arrival at p50, {} ms at p99", at(50), at(99)))
    }

    fn loop_turns(&self) -> (bool, String) {
        let longest = self.stalls.iter().max().copied().unwrap_or_default();
        let line = format!("{} turns of the loop above {STALL} ms, the longest {longest} ms", self.stalls.len());
        (longest <= STALL, line)
    }

    fn resident(&self) -> (bool, String) {
        (self.memory <= MEMORY, format!("{} MiB resident at most", self.memory >> 10))
    }

    fn bans(&self) -> (bool, String) {
        let after = |(peer, since): (&String, &Instant)| {
            Some(self.banned.get(peer)?.saturating_duration_since(*since).as_secs_f64())
        };
        let times: Vec<f64> = self.attackers.iter().filter_map(after).collect();
        let slowest = times.iter().copied().fold(0.0, f64::max);
        let others = self.banned.keys().filter(|peer| !self.attackers.contains_key(*peer)).count();
        let line = format!(
            "{} identities graylisted or banned, the slowest {slowest:.1} s after its connection; {others} others",
            times.len()
        );
        (slowest <= GRAYLISTED.as_secs_f64() && others == 0 && !times.is_empty(), line)
    }

    fn logs(&self, bytes: u64) -> (bool, String) {
        (bytes <= LOG, format!("{} kB of logs, {} events left out", bytes / 1000, self.missed))
    }
}
