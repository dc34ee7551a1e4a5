//! The resources of a process, from Linux and from its own events, and the size of its store.

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use petrel_tests::resources::status;
use serde_json::Value;

/// Maximum relative growth from the early to the last values.
const DRIFT: f64 = 0.05;
/// The end of the first window over which values are averaged, if the test is three times as long. The window has half of that: connections
/// come and go, and the tasks of one minute differ from those of the next by a sixth.
const EARLY: Duration = Duration::from_secs(10 * 60);
/// A smaller difference of a count is no growth.
const FEW: f64 = 4.0;

/// See the module.
pub(crate) struct Samples {
    process: u32,
    store: PathBuf,
    tasks: f64,
    taken: Vec<(Duration, Values)>,
}

/// The values of one sample, in the order of [`NAMES`].
type Values = [f64; 5];

const NAMES: [&str; 5] = ["resident MiB", "store MiB", "file handles", "threads", "tasks"];
/// Of the first so many any growth counts.
const SIZES: usize = 2;

impl Samples {
    pub(crate) fn new(process: u32, folder: &Path) -> Self {
        Self { process, store: folder.join("petrel.redb"), tasks: 0.0, taken: Vec::new() }
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
        let store = fs::metadata(&self.store).unwrap().len() as f64 / f64::from(1 << 20);
        self.taken.push((at, [field("VmRSS:") / 1024.0, store, handles, field("Threads:"), self.tasks]));
    }

    /// The mean over the window before `end`.
    fn before(&self, end: Duration, window: Duration) -> Values {
        let within = |(at, _): &&(Duration, Values)| *at <= end && *at + window > end;
        let found: Vec<_> = self.taken.iter().filter(within).map(|(_, values)| values).collect();
        std::array::from_fn(|which| found.iter().map(|values| values[which]).sum::<f64>() / found.len() as f64)
    }

    /// Prints the last sample, with the anonymous part of the memory.
    pub(crate) fn trail(&self) {
        let Some((at, [memory, store, handles, threads, tasks])) = self.taken.last() else { return };
        let own = status(self.process, "RssAnon:") / 1024.0;
        let minute = at.as_secs() / 60;
        println!(
            "minute {minute}: {memory:.1} MiB ({own:.1} anonymous), store {store:.1} MiB, {handles} handles, {threads} threads, \
             {tasks} tasks"
        );
    }

    /// Prints the early and the last values; `true` when there is no growth.
    pub(crate) fn print(&self, minutes: u64) -> bool {
        let early = EARLY.min(Duration::from_secs(minutes * 60) / 3);
        let window = early / 2;
        let late = self.taken.last().map_or(Duration::ZERO, |(at, _)| *at);
        let (before, after) = (self.before(early, window), self.before(late, window));
        println!("               minute {:<4} minute {:<4}", early.as_secs() / 60, late.as_secs() / 60);
        let mut flat = true;
        for (index, ((name, before), after)) in NAMES.iter().zip(before).zip(after).enumerate() {
            let same = (after - before) / before <= DRIFT || (index >= SIZES && after - before < FEW);
            flat &= same;
            println!("{name:<14} {before:>8.1} {after:>11.1}{}", if same { "" } else { "  <-- not flat" });
        }
        flat
    }
}
