//! Peers that follow another chain, as a warning: a node with a wrong chain id has peers, and no message arrives that it could reject.
//! It is logged while no peer subscribes to this chain's topics: at the first check, then once a minute with the number of peers.

use std::time::Duration;

use petrel_core::node::PeeringStatus;

use super::checks::most_followed;

/// Time between two lines at least.
const PERIOD: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ChainLog {
    /// When the last line was written.
    last: Option<Duration>,
}

impl ChainLog {
    /// Logs at `now`, the time since the start, what is due.
    pub(super) fn update(&mut self, now: Duration, chain: u64, peering: &PeeringStatus) {
        if let Some((other, peers)) = self.due(now, peering) {
            tracing::warn!(
                chain,
                other,
                peers,
                "peers subscribe to topics of another chain, and none to this chain's: check --network or \
                 --rollup.config"
            );
        }
    }

    /// The other chain that most peers follow, with their number, if that is to be logged now.
    fn due(&mut self, now: Duration, peering: &PeeringStatus) -> Option<(u64, usize)> {
        let most = most_followed(peering).filter(|_| peering.subscribed == 0)?;
        if self.last.is_some_and(|last| now < last + PERIOD) {
            return None;
        }
        self.last = Some(now);
        Some(most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peering(subscribed: usize, other_chains: &[(u64, usize)]) -> PeeringStatus {
        PeeringStatus {
            peers: Vec::new(),
            subscribed,
            other_chains: other_chains.iter().copied().collect(),
            bans: Vec::new(),
            known: 0,
            dials_failed: 0,
            observed: Vec::new(),
            reachable: None,
        }
    }

    /// The seconds of three minutes, at checks every five, at which there is a line.
    fn lines(log: &mut ChainLog, peering: &PeeringStatus) -> Vec<u64> {
        (0..180).step_by(5).filter(|second| log.due(Duration::from_secs(*second), peering).is_some()).collect()
    }

    #[test]
    fn peers_of_another_chain_are_logged_at_once_and_then_once_a_minute() {
        assert_eq!(lines(&mut ChainLog::default(), &peering(0, &[(130, 1), (8453, 3)])), [0, 60, 120]);
        let most = ChainLog::default().due(Duration::ZERO, &peering(0, &[(130, 1), (8453, 3)]));
        assert_eq!(most, Some((8453, 3)), "the chain of most peers");
    }

    #[test]
    fn nothing_is_logged_while_a_peer_follows_this_chain_or_none_follows_another() {
        assert!(lines(&mut ChainLog::default(), &peering(1, &[(8453, 3)])).is_empty());
        assert!(lines(&mut ChainLog::default(), &peering(0, &[])).is_empty());
    }
}
