//! The results and their limits.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    time::{Duration, Instant},
};

use petrel_tests::{
    attacked_node::{Ending, Waits},
    attackers::{MESSAGES, addresses},
    process::Process,
};
use serde_json::Value;

/// Maximum p99 of the time from arrival to the verdict, milliseconds.
const VALIDATED_MS: u64 = 200;
/// Maximum time of a turn of the event loop, milliseconds. A longer turn is reported by the event `stalled`.
const STALL: u64 = 50;
/// Maximum resident memory, KiB.
const MEMORY: u64 = 400 << 10;
/// Maximum time from the first connection of an attacker to its graylisting or ban.
const GRAYLISTED: Duration = Duration::from_secs(10);
/// Maximum time until a new browser has its first block.
const NEWCOMER: Duration = Duration::from_secs(5);
/// Maximum time of a probe: Kubernetes' default.
const PROBE: Duration = Duration::from_secs(1);
/// Maximum bytes of logs.
const LOG: u64 = 4 << 20;

/// A result, and whether it is within its limit.
type Line = (bool, String);

/// See the module.
pub(crate) struct Report {
    daemon: u32,
    /// Milliseconds from arrival to the verdict, of the honest blocks that came by gossip.
    validated: Vec<u64>,
    /// Hashes of accepted blocks.
    accepted: BTreeSet<String>,
    fetched: u64,
    stalls: Vec<u64>,
    /// Graylisted or banned peers and banned addresses, and the times of it.
    banned: BTreeMap<String, Instant>,
    /// Peers whose connections ended, and the last reasons.
    ended: BTreeMap<String, String>,
    /// Reasons of ended connections, with counts.
    ends: BTreeMap<String, u64>,
    faults: BTreeMap<String, u64>,
    missed: u64,
    memory: u64,
}

impl Report {
    pub(crate) fn new(daemon: u32) -> Self {
        Self {
            daemon,
            validated: Vec::new(),
            accepted: BTreeSet::new(),
            fetched: 0,
            stalls: Vec::new(),
            banned: BTreeMap::new(),
            ended: BTreeMap::new(),
            ends: BTreeMap::new(),
            faults: BTreeMap::new(),
            missed: 0,
            memory: 0,
        }
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
                if text("via") == "sync" {
                    self.fetched += 1;
                } else {
                    self.validated.push(event["judged_ms"].as_u64().unwrap());
                }
            }
            "stalled" => self.stalls.push(event["millis"].as_u64().unwrap()),
            "graylisted" => _ = self.banned.entry(text("peer")).or_insert_with(Instant::now),
            "banned" => _ = self.banned.entry(text("who")).or_insert_with(Instant::now),
            "disconnected" => {
                let reason = text("reason");
                let word = reason.split([':', ' ']).next().unwrap_or_default().to_owned();
                *self.ends.entry(word).or_default() += 1;
                self.ended.insert(text("peer"), reason);
            }
            "rejected" | "ignored" => *self.faults.entry(text("fault")).or_default() += 1,
            "missed" => self.missed += event["count"].as_u64().unwrap(),
            _ => {}
        }
    }

    /// Prints the results; `true` when all limits are kept.
    pub(crate) fn print(mut self, ending: &Ending, log: u64) -> bool {
        println!();
        for attacker in &ending.attackers {
            println!("{}, {} identities: {:?}", attacker.name, attacker.identities.len(), attacker.counts);
        }
        println!("faults: {:?}", self.faults);
        println!("ended: {:?}", self.ends);
        let mut lines = vec![self.blocks(ending), self.delay(), self.loop_turns(), self.resident(), self.bans(ending)];
        lines.push(self.honest(ending));
        lines.extend(ending.followed.iter().map(|(name, blocks)| followed(name, *blocks, ending.blocks.len())));
        lines.push(waits("new browsers got their first block", &ending.newcomers, NEWCOMER));
        lines.push(waits("probes were answered", &ending.probes, PROBE));
        lines.push(self.logs(log));
        for (fine, line) in &lines {
            println!("{} {line}", if *fine { "  " } else { "!!" });
        }
        lines.iter().all(|(fine, _)| *fine)
    }

    fn blocks(&self, ending: &Ending) -> Line {
        let made: BTreeSet<&String> = ending.blocks.iter().collect();
        let accepted = self.accepted.iter().filter(|hash| made.contains(hash)).count();
        let others = self.accepted.len() - accepted;
        let (made, fetched) = (made.len(), self.fetched);
        let line = format!("{accepted} of {made} honest blocks accepted, {fetched} of them fetched; {others} others");
        (accepted == made && others == 0 && (fetched > 0 || made < 20), line)
    }

    fn delay(&mut self) -> Line {
        self.validated.sort_unstable();
        let last = self.validated.len().saturating_sub(1);
        let at = |share: usize| self.validated.get(last * share / 100).copied().unwrap_or_default();
        (at(99) < VALIDATED_MS, format!("verdicts {} ms after arrival at p50, {} ms at p99", at(50), at(99)))
    }

    fn loop_turns(&self) -> Line {
        let longest = self.stalls.iter().max().copied().unwrap_or_default();
        let line = format!("{} turns of the loop above {STALL} ms, the longest {longest} ms", self.stalls.len());
        (longest <= STALL, line)
    }

    fn resident(&self) -> Line {
        (self.memory <= MEMORY, format!("{} MiB resident at most", self.memory >> 10))
    }

    /// Only attackers are banned, and the senders of messages are within ten seconds.
    fn bans(&self, ending: &Ending) -> Line {
        let senders = ending.attackers.iter().filter(|attacker| attacker.name == MESSAGES);
        let times: Vec<f64> = senders
            .flat_map(|attacker| &attacker.identities)
            .filter_map(|(peer, since)| Some(self.banned.get(peer)?.saturating_duration_since(*since).as_secs_f64()))
            .collect();
        let slowest = times.iter().copied().fold(0.0, f64::max);
        let is_attacker = |who: &&String| {
            addresses::is_attacker(who)
                || ending.attackers.iter().any(|attacker| attacker.identities.contains_key(*who))
        };
        let others: Vec<&String> = self.banned.keys().filter(|who| !is_attacker(who)).collect();
        let line = format!(
            "{} peers graylisted or banned; of those that send messages {}, the slowest {slowest:.1} s after its \
             connection; others: {others:?}",
            self.banned.len(),
            times.len()
        );
        (slowest <= GRAYLISTED.as_secs_f64() && others.is_empty() && !times.is_empty(), line)
    }

    /// No honest peer's connection ended.
    fn honest(&self, ending: &Ending) -> Line {
        let ended = ending.honest.iter().filter_map(|(peer, name)| Some((*name, self.ended.get(peer)?)));
        let ended: Vec<_> = ended.collect();
        (ended.is_empty(), format!("{} connections of honest peers ended: {ended:?}", ended.len()))
    }

    fn logs(&self, bytes: u64) -> Line {
        (bytes <= LOG, format!("{} kB of logs, {} events left out", bytes / 1000, self.missed))
    }
}

/// An honest peer has all blocks, but for those of the last seconds.
fn followed(name: &str, got: usize, made: usize) -> Line {
    (got + 1 >= made, format!("{name} got {got} of {made} blocks"))
}

fn waits(what: &str, waits: &Waits, limit: Duration) -> Line {
    let (longest, failed) = (waits.longest(), waits.failed);
    let line = format!("{} {what}, {failed} not; the longest wait was {longest:.1?}", waits.succeeded.len());
    (longest <= limit && failed == 0 && !waits.succeeded.is_empty(), line)
}
