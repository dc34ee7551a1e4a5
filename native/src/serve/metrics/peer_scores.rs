//! Sampling of the peers' scores every [`PERIOD`]: for the histogram of scores, and one log line per peer at debug.

use std::time::Duration;

use petrel_core::node::PeerReport;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Time between two samples (op-node's inspection of scores).
const PERIOD: Duration = Duration::from_secs(15);

/// Ticks when the next sample is due.
pub fn ticks() -> Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Logs one line per peer, at debug.
pub fn log(peers: &[PeerReport]) {
    for report in peers {
        let (connected, total) = (&report.status.connected, report.total);
        let (score, gossip, application) = (report.status.score, report.gossip, report.status.application);
        tracing::debug!(
            peer = %connected.peer,
            transport = connected.transport,
            direction = ?connected.direction,
            age_secs = report.age_secs,
            total,
            score,
            gossip,
            application,
            invalid_messages = report.invalid_messages,
            useful = report.earned.useful(),
            "peer score"
        );
    }
}
