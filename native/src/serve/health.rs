//! A report on the process every half minute: `{"event":"health", …}` among the JSON events.

use std::time::Duration;

use petrel_core::node::Status;
use serde::Serialize;
use tokio::{
    runtime::Handle,
    time::{Interval, MissedTickBehavior, interval},
};

/// Time between two reports.
const PERIOD: Duration = Duration::from_secs(30);

/// See the module.
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

/// Ticks when the next report is due.
pub fn ticks() -> Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
