//! Whether the node is well, for probes, the log, and readers of the events.
//!
//! [`HealthMonitor`] belongs to the event loop. Every [`CHECK_PERIOD`] it compares the node with what is expected ([`checks`]),
//! publishes the result for the probes ([`probes`]: `/livez`, `/readyz`, `/healthz`), logs what is wrong ([`log`]), and from time to
//! time prints a report on the process: `{"event":"health", …}` among the JSON events. Probes read the published result, so the
//! event loop does not wait for them and they do not wait for it.

use std::{
    collections::BTreeSet,
    path::PathBuf,
    time::{Duration, Instant},
};

use petrel_core::{Event, event::Connected, node::Status, peer::PeerId, persistence::RestoredState};
use serde::Serialize;
use tokio::{
    runtime::Handle,
    time::{Interval, MissedTickBehavior, interval},
};

mod chain_log;
pub mod checks;
mod disk;
mod log;
pub mod probes;

use crate::system::clock::unix_now_ms;
use chain_log::ChainLog;
use checks::{Findings, Health, LastPeer};
use disk::DiskWatcher;
use log::HealthLog;
pub use probes::SharedHealth;

/// Time between two checks. A probe is out of date by this much at most.
const CHECK_PERIOD: Duration = Duration::from_secs(5);
/// Checks from one report to the next: half a minute.
const CHECKS_PER_REPORT: u64 = 6;

/// A report on the process.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "health")]
pub struct HealthReport {
    /// Connected peers.
    peers: usize,
    /// Live tokio tasks: a few for the node, some for each connection.
    tasks: usize,
    /// Messages that wait for validation or are being validated.
    checks: usize,
}

impl HealthReport {
    /// Takes a report.
    pub fn of(status: &Status) -> Self {
        let tasks = Handle::current().metrics().num_alive_tasks();
        Self { peers: status.peering.peers.len(), tasks, checks: status.validation.tasks }
    }
}

/// See the module. Bound: one entry for each connected peer that is no leaf.
#[derive(Debug)]
pub struct HealthMonitor {
    ticks: Interval,
    /// Checks so far.
    count: u64,
    start: Instant,
    /// Connected peers that are not leaves: those that can deliver blocks.
    nodes: BTreeSet<PeerId>,
    findings: Findings,
    /// When L1 was last read; `None` without `--l1`.
    l1_read: Option<Instant>,
    disk: DiskWatcher,
    log: HealthLog,
    chain_log: ChainLog,
    /// Since when peers are connected of which none subscribes to the chain's topics.
    unsubscribed_since: Option<Instant>,
    shared: SharedHealth,
}

impl HealthMonitor {
    /// `memory` is what an earlier run persisted, `datadir` the directory whose disk is watched. Needs a tokio runtime.
    pub fn new(memory: &RestoredState, datadir: PathBuf, reads_l1: bool) -> Self {
        let mut ticks = interval(CHECK_PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let head_ms = memory.chain.last().map(|block| block.timestamp_ms);
        let start = Instant::now();
        Self {
            ticks,
            count: 0,
            start,
            nodes: BTreeSet::new(),
            findings: Findings { head_ms, ..Findings::default() },
            l1_read: reads_l1.then_some(start),
            disk: DiskWatcher::start(datadir),
            log: HealthLog::default(),
            chain_log: ChainLog::default(),
            unsubscribed_since: None,
            shared: SharedHealth::default(),
        }
    }

    /// For the probes.
    pub fn shared(&self) -> SharedHealth {
        self.shared.clone()
    }

    /// Waits until the next check is due. Cancel-safe.
    pub async fn tick(&mut self) {
        self.ticks.tick().await;
    }

    /// Remembers what the status does not say.
    pub fn on_event(&mut self, event: &Event) {
        match event {
            Event::Connected(Connected { peer, leaf: false, .. }) => _ = self.nodes.insert(*peer),
            Event::Disconnected(gone) if self.nodes.remove(&gone.peer) => {
                self.findings.last_peer = Some(LastPeer { peer: gone.peer, reason: gone.reason.clone() });
            }
            Event::Head(head) => self.findings.head_ms = Some(head.timestamp_ms),
            Event::Store(state) => self.findings.store_error = state.error.clone(),
            _ => {}
        }
    }

    /// L1 was read.
    pub fn on_l1_read(&mut self) {
        self.l1_read = Some(Instant::now());
    }

    /// Checks the node, publishes and logs the result; a report on the process, when one is due.
    pub fn check(&mut self, status: &Status) -> Option<HealthReport> {
        self.findings.l1_silence = self.l1_read.map(|at| at.elapsed());
        self.findings.disk = self.disk.state();
        self.findings.unsubscribed = self.unsubscribed(status);
        let health = Health::of(status, &self.findings, unix_now_ms());
        self.log.update(self.start.elapsed(), &health);
        self.shared.publish(health);
        self.chain_log.update(self.start.elapsed(), status.chain, &status.peering);
        let is_due = self.count.is_multiple_of(CHECKS_PER_REPORT);
        self.count += 1;
        is_due.then(|| HealthReport::of(status))
    }

    /// How long peers have been connected of which none subscribes to the chain's topics.
    fn unsubscribed(&mut self, status: &Status) -> Duration {
        let is_unsubscribed = checks::nodes(&status.peering) > 0 && status.peering.subscribed == 0;
        self.unsubscribed_since = is_unsubscribed.then(|| self.unsubscribed_since.unwrap_or_else(Instant::now));
        self.unsubscribed_since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}
