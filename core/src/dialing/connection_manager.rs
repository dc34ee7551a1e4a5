//! How many peers: above the high tide the least useful go, down to the low tide.
//!
//! op-node's connection manager has the same three numbers and knows nothing of its peers but their age. Here go first those
//! with points against them; then, of the others, those who came in before those whom we chose to dial; then those who
//! brought the fewest new blocks and answers; then those who came last: many new ones from one hand do not crowd out
//! the old ones. Static peers stay, and whoever came a moment ago has its grace, which takes nobody's place: else those who
//! leave and come back all the time would push out everybody else. Leaves are not counted here.
//!
//! Beyond [`ConnectionLimits::most`] nobody is let in at all, and of one public address or network only [`ConnectionLimits::ADDRESS`] and
//! [`ConnectionLimits::NETWORK`]: what would be left of the others would be of one hand.

use core::time::Duration;

use crate::{config::ConnectionLimits, event::PruneReason, peer::PeerId};

/// What is known of a peer when somebody must go.
#[derive(Clone, Debug)]
pub struct PruneCandidate {
    /// Who.
    pub peer: PeerId,
    /// Whether it stays whatever happens.
    pub is_static: bool,
    /// Whether we dialled it.
    pub outbound: bool,
    /// Since when it is here (monotonic).
    pub since: Duration,
    /// Its points in sum.
    pub score: f64,
    /// How many new blocks and answers it brought of late.
    pub useful: f64,
}

/// What becomes of a peer.
#[derive(Clone, Debug, PartialEq)]
pub struct PruneDecision {
    /// Who.
    pub peer: PeerId,
    /// Whether it stays.
    pub stays: bool,
    /// PruneReason.
    pub why: PruneReason,
}

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionManager {
    limits: ConnectionLimits,
}

impl ConnectionManager {
    /// Peers of one public address that are no leaves.
    pub const ADDRESS: usize = 8;
    /// Peers of one public network (IPv4 /24, IPv6 /48) that are no leaves.
    pub const NETWORK: usize = 16;

    /// With these limits.
    pub const fn new(limits: ConnectionLimits) -> Self {
        Self { limits }
    }

    /// What becomes of each when there are more than the high tide at `now` (monotonic), the most useful first; nothing
    /// otherwise.
    pub fn prune(&self, now: Duration, mut peers: Vec<PruneCandidate>) -> Vec<PruneDecision> {
        if peers.len() <= self.limits.high {
            return Vec::new();
        }
        peers.sort_by(|a, b| {
            let against = |standing: &PruneCandidate| standing.score.min(0.0);
            against(b)
                .total_cmp(&against(a))
                .then(b.outbound.cmp(&a.outbound))
                .then(b.useful.total_cmp(&a.useful))
                .then(a.since.cmp(&b.since))
                .then(a.peer.cmp(&b.peer))
        });
        let fresh = |standing: &PruneCandidate| now.saturating_sub(standing.since) < self.limits.grace;
        let mut room = self.limits.low.saturating_sub(peers.iter().filter(|peer| peer.is_static).count());
        let mut place = 0;
        let mut fates = Vec::new();
        for standing in peers {
            let age = now.saturating_sub(standing.since).as_secs();
            let PruneCandidate { peer, score, outbound, useful, .. } = standing;
            let (stays, why) = if standing.is_static {
                (true, PruneReason::Static)
            } else if fresh(&standing) {
                (true, PruneReason::Grace(age))
            } else {
                place += 1;
                let stays = room > 0;
                room = room.saturating_sub(1);
                (stays, PruneReason::Rank { place, score, outbound, useful, age })
            };
            fates.push(PruneDecision { peer, stays, why });
        }
        fates
    }
}
