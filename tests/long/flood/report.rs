//! What came of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use petrel_tests::process::Process;
use serde_json::Value;

use crate::{attacker::Sent, kinds::KINDS};

/// p99 of the time from arrival to judgement.
const JUDGED: u64 = 500;
/// The longest turn of the loop, milliseconds. A turn is told when it is longer than this.
const STALL: u64 = 50;
/// Resident memory, kibibytes.
const MEMORY: u64 = 400 << 10;
/// From the attack's begin until every attacker is not listened to.
const GRAYLISTED: Duration = Duration::from_secs(10);
/// Bytes of logs.
const LOG: u64 = 4 << 20;

/// See the module.
pub(crate) struct Report {
    daemon: u32,
    /// Each identity that attacked, and when it was first connected.
    attackers: BTreeMap<String, Instant>,
    published: BTreeSet<String>,
    /// Milliseconds from arrival to judgement, of the honest blocks.
    judged: Vec<u64>,
    accepted: BTreeSet<String>,
    stalls: Vec<u64>,
    /// Who was graylisted or banned first when.
    barred: BTreeMap<String, Instant>,
    /// Why connections ended.
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
            judged: Vec::new(),
            accepted: BTreeSet::new(),
            stalls: Vec::new(),
            barred: BTreeMap::new(),
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

    /// Takes what the daemon has told, and looks at its memory.
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
                self.judged.push(event["judged_ms"].as_u64().unwrap());
            }
            "stalled" => self.stalls.push(event["millis"].as_u64().unwrap()),
            "graylisted" => _ = self.barred.entry(text("peer")).or_insert_with(Instant::now),
            "banned" => _ = self.barred.entry(text("who")).or_insert_with(Instant::now),
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

    /// Prints it; `true` when it is as it should be.
    pub(crate) fn print(mut self, log: u64) -> bool {
        let (lives, half_open) = (self.attackers.len(), self.half_open);
        println!(
            "\nsent by {lives} identities, one after the other for each attacker, beside {half_open} half-open handshakes:"
        );
        for (kind, count) in KINDS.iter().zip(self.sent) {
            println!("  {count:>7} RPCs  {kind}");
        }
        println!("judged: {:?}", self.faults);
        println!("ended: {:?}", self.ends);
        let lines = [self.blocks(), self.delay(), self.loop_turns(), self.resident(), self.blame(), self.logs(log)];
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
        self.judged.sort_unstable();
        let last = self.judged.len().saturating_sub(1);
        let at = |share: usize| self.judged.get(last * share / 100).copied().unwrap_or_default();
        (at(99) < JUDGED, format!("judged {} ms after arrival at p50, {} ms at p99", at(50), at(99)))
    }

    fn loop_turns(&self) -> (bool, String) {
        let longest = self.stalls.iter().max().copied().unwrap_or_default();
        let line = format!("{} turns of the loop above {STALL} ms, the longest {longest} ms", self.stalls.len());
        (longest <= STALL, line)
    }

    fn resident(&self) -> (bool, String) {
        (self.memory <= MEMORY, format!("{} MiB resident at most", self.memory >> 10))
    }

    fn blame(&self) -> (bool, String) {
        let after = |(peer, since): (&String, &Instant)| {
            Some(self.barred.get(peer)?.saturating_duration_since(*since).as_secs_f64())
        };
        let times: Vec<f64> = self.attackers.iter().filter_map(after).collect();
        let slowest = times.iter().copied().fold(0.0, f64::max);
        let others = self.barred.keys().filter(|peer| !self.attackers.contains_key(*peer)).count();
        let line = format!(
            "{} identities graylisted or banned, the slowest {slowest:.1} s after it came; {others} others",
            times.len()
        );
        (slowest <= GRAYLISTED.as_secs_f64() && others == 0 && !times.is_empty(), line)
    }

    fn logs(&self, bytes: u64) -> (bool, String) {
        (bytes <= LOG, format!("{} kB of logs, {} events left out", bytes / 1000, self.missed))
    }
}
