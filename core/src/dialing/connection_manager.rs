//! The connection manager: above the high watermark the least useful peers are disconnected, down to the low watermark.
//!
//! op-node's connection manager has the same three numbers (low, high, grace) and ranks peers by age alone. Here peers
//! are disconnected in this order: those with a negative score; then inbound before outbound peers; then those with the
//! fewest first deliveries and responses; then those that connected last, so that many new peers of one operator do not
//! displace the old ones. Static peers stay. Peers in their grace period stay too, without taking a place of the
//! others: otherwise peers that reconnect all the time would displace everyone else. Leaves are not counted.
//!
//! Above [`ConnectionLimits::most`] no inbound peer is accepted, and of one public address or network only
//! [`ConnectionManager::ADDRESS`] and [`ConnectionManager::NETWORK`]: otherwise one operator could take all the places.

use core::time::Duration;

use crate::{config::ConnectionLimits, event::PruneReason, peer::PeerId};

/// What pruning knows of one peer.
#[derive(Clone, Debug)]
pub struct PruneCandidate {
    /// The peer.
    pub peer: PeerId,
    /// Whether it is a static peer, which always stays.
    pub is_static: bool,
    /// Whether we dialled it.
    pub outbound: bool,
    /// When it connected (monotonic).
    pub since: Duration,
    /// Its total score.
    pub score: f64,
    /// How many first deliveries and responses it gave recently.
    pub useful: f64,
}

/// Whether a peer stays, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct PruneDecision {
    /// The peer.
    pub peer: PeerId,
    /// Whether it stays.
    pub stays: bool,
    /// The reason.
    pub why: PruneReason,
}

/// The limits. See the module.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionManager {
    limits: ConnectionLimits,
}

impl ConnectionManager {
    /// Inbound peers accepted at one public address; leaves do not count.
    pub const ADDRESS: usize = 8;
    /// Inbound peers accepted in one public network (IPv4 /24, IPv6 /48); leaves do not count.
    pub const NETWORK: usize = 16;

    /// With these limits.
    pub const fn new(limits: ConnectionLimits) -> Self {
        Self { limits }
    }

    /// One decision for each peer when there are more than the high watermark at `now` (monotonic), the most useful
    /// first; empty otherwise.
    pub fn prune(&self, now: Duration, mut peers: Vec<PruneCandidate>) -> Vec<PruneDecision> {
        if peers.len() <= self.limits.high {
            return Vec::new();
        }
        peers.sort_by(|a, b| {
            let negative = |candidate: &PruneCandidate| candidate.score.min(0.0);
            negative(b)
                .total_cmp(&negative(a))
                .then(b.outbound.cmp(&a.outbound))
                .then(b.useful.total_cmp(&a.useful))
                .then(a.since.cmp(&b.since))
                .then(a.peer.cmp(&b.peer))
        });
        let in_grace = |candidate: &PruneCandidate| now.saturating_sub(candidate.since) < self.limits.grace;
        let mut room = self.limits.low.saturating_sub(peers.iter().filter(|peer| peer.is_static).count());
        let mut rank = 0;
        let mut decisions = Vec::new();
        for candidate in peers {
            let age = now.saturating_sub(candidate.since).as_secs();
            let PruneCandidate { peer, score, outbound, useful, .. } = candidate;
            let (stays, why) = if candidate.is_static {
                (true, PruneReason::Static)
            } else if in_grace(&candidate) {
                (true, PruneReason::Grace(age))
            } else {
                rank += 1;
                let stays = room > 0;
                room = room.saturating_sub(1);
                (stays, PruneReason::Rank { place: rank, score, outbound, useful, age })
            };
            decisions.push(PruneDecision { peer, stays, why });
        }
        decisions
    }
}
