//! A line every half minute that says how the process itself is: `{"event":"health", …}` among the JSON events.

use std::time::Duration;

use petrel_core::node::Status;
use serde::Serialize;
use tokio::{
    runtime::Handle,
    time::{Interval, MissedTickBehavior, interval},
};

/// Between two lines.
const PERIOD: Duration = Duration::from_secs(30);

/// What is told.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename = "health")]
pub struct Health {
    /// Connected peers.
    peers: usize,
    /// tokio's tasks that live: a few for the node, some for each connection.
    tasks: usize,
    /// Messages that wait for a judgement or are being judged.
    checks: usize,
}

impl Health {
    /// Now.
    pub fn of(status: &Status) -> Self {
        let tasks = Handle::current().metrics().num_alive_tasks();
        Self { peers: status.peering.peers.len(), tasks, checks: status.validation.tasks }
    }
}

/// When the next line is due.
pub fn ticks() -> Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
