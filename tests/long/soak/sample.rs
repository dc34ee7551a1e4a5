//! The resources of a process, from Linux and from its own events.

use std::{fs, time::Duration};

use petrel_tests::resources::status;
use serde_json::Value;

/// Maximum relative growth from the early to the last values.
const DRIFT: f64 = 0.05;
/// The window over which values are averaged.
const WINDOW: Duration = Duration::from_secs(60);
/// A smaller difference of a count is no growth.
const FEW: f64 = 4.0;

/// See the module.
pub(crate) struct Samples {
    process: u32,
    tasks: f64,
    taken: Vec<(Duration, [f64; 4])>,
}

const NAMES: [&str; 4] = ["resident MiB", "file handles", "threads", "tasks"];

impl Samples {
    pub(crate) fn new(process: u32) -> Self {
        Self { process, tasks: 0.0, taken: Vec::new() }
    }

    /// Reads an event of the daemon.
    pub(crate) fn note(&mut self, event: &Value) {
        if event["event"] == "health" {
            self.tasks = event["tasks"].as_f64().unwrap();
        }
    }

    pub(crate) fn look(&mut self, at: Duration) {
        let field = |name| status(self.process, name);
        let handles = fs::read_dir(format!("/proc/{}/fd", self.process)).unwrap().count() as f64;
        self.taken.push((at, [field("VmRSS:") / 1024.0, handles, field("Threads:"), self.tasks]));
    }

    /// The mean over the minute before `end`.
    fn before(&self, end: Duration) -> [f64; 4] {
        let within = |(at, _): &&(Duration, [f64; 4])| *at <= end && *at + WINDOW > end;
        let found: Vec<_> = self.taken.iter().filter(within).map(|(_, values)| values).collect();
        std::array::from_fn(|which| found.iter().map(|values| values[which]).sum::<f64>() / found.len() as f64)
    }

    /// Prints the last sample, with the anonymous part of the memory.
    pub(crate) fn trail(&self) {
        let Some((at, [memory, handles, threads, tasks])) = self.taken.last() else { return };
        let own = status(self.process, "RssAnon:") / 1024.0;
        let minute = at.as_secs() / 60;
        println!(
            "minute {minute}: {memory:.1} MiB ({own:.1} anonymous), {handles} handles, {threads} threads, {tasks} tasks"
        );
    }

    /// Prints the early and the last values; `true` when there is no growth.
    pub(crate) fn print(&self, minutes: u64) -> bool {
        let early = Duration::from_secs(5 * 60).min(Duration::from_secs(minutes * 60) / 3);
        let late = self.taken.last().map_or(Duration::ZERO, |(at, _)| *at);
        let (before, after) = (self.before(early), self.before(late));
        println!("               minute {:<4} minute {:<4}", early.as_secs() / 60, late.as_secs() / 60);
        let mut flat = true;
        for ((name, before), after) in NAMES.iter().zip(before).zip(after) {
            let same = (after - before) / before <= DRIFT || (*name != NAMES[0] && after - before < FEW);
            flat &= same;
            println!("{name:<14} {before:>8.1} {after:>11.1}{}", if same { "" } else { "  <-- not flat" });
        }
        flat
    }
}
