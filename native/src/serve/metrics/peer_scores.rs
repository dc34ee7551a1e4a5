//! A look at each peer's score, every [`PERIOD`]: for the histogram of scores, and a line a peer in the log at debug.

use std::time::Duration;

use petrel_core::node::PeerReport;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Between two looks (op-node's inspection of scores).
const PERIOD: Duration = Duration::from_secs(15);

/// When the next look is due.
pub fn ticks() -> Interval {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// A line a peer, at debug.
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
            false_messages = report.false_messages,
            useful = report.earned.useful(),
            "peer score"
        );
    }
}
