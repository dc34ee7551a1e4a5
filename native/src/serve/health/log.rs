//! What is wrong with the node, as log lines with the text of the probes: when it begins, once a minute while it lasts, and when it
//! is over.

use std::time::Duration;

use super::checks::Health;

/// Time between two lines while something is wrong.
const PERIOD: Duration = Duration::from_secs(60);
/// A node that starts has no peer and perhaps no head: that is not logged before this time.
const START: Duration = Duration::from_secs(30);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct HealthLog {
    /// When the last line was written; `None` while nothing is wrong.
    last: Option<Duration>,
}

/// A line to log.
#[derive(Debug, PartialEq, Eq)]
enum Line {
    /// The node does not follow the chain.
    NotReady(String),
    /// It follows the chain, and something else is wrong.
    NotHealthy(String),
    /// Nothing is wrong any more.
    Well,
}

impl HealthLog {
    /// Logs at `now`, the time since the start, what is due.
    pub(super) fn update(&mut self, now: Duration, health: &Health) {
        match self.line(now, health) {
            Some(Line::NotReady(reasons)) => tracing::warn!("not ready: {reasons}"),
            Some(Line::NotHealthy(reasons)) => tracing::warn!("not healthy: {reasons}"),
            Some(Line::Well) => tracing::info!("ready and healthy again"),
            None => {}
        }
    }

    fn line(&mut self, now: Duration, health: &Health) -> Option<Line> {
        let (ready, all) = (health.reasons(true), health.reasons(false));
        if all.is_empty() {
            return self.last.take().map(|_| Line::Well);
        }
        if now < START || self.last.is_some_and(|last| now < last + PERIOD) {
            return None;
        }
        self.last = Some(now);
        let text = all.join("; ");
        Some(if ready.is_empty() { Line::NotHealthy(text) } else { Line::NotReady(text) })
    }
}

#[cfg(test)]
mod tests {
    use petrel_core::{chain::Chain, config::Config, node::Node, persistence::RestoredState, time::Now};

    use super::*;
    use crate::serve::health::checks::{Findings, Health};

    /// A node without peers and without a head.
    fn unwell() -> Health {
        let now = Now { mono: Duration::ZERO, unix: Duration::from_secs(1_760_000_000) };
        let config = Config::new(Chain::preset("op-mainnet").unwrap()).settle().unwrap();
        let status = Node::new(config, &RestoredState::default(), [0; 32], now).status(now);
        Health::of(&status, &Findings::default(), now.millis())
    }

    #[test]
    fn what_is_wrong_is_said_once_a_minute_while_it_lasts() {
        let (mut log, unwell, well) = (HealthLog::default(), unwell(), Health::default());
        let times: Vec<u64> =
            (0..=300).step_by(5).filter(|at| log.line(Duration::from_secs(*at), &unwell).is_some()).collect();
        assert_eq!(times, [30, 90, 150, 210, 270]);
        assert_eq!(log.line(Duration::from_secs(305), &well), Some(Line::Well));
        assert_eq!(log.line(Duration::from_secs(310), &well), None);
        // What begins anew is said at once, in the words of the probes.
        let Some(Line::NotReady(text)) = log.line(Duration::from_secs(315), &unwell) else { panic!("no line") };
        assert_eq!(text, unwell.reasons(false).join("; "));
        assert_eq!(text, "no peer is connected; there is no head: no block was verified yet");
    }
}
