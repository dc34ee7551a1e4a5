//! Reports for an operator of a running node: connected peers with their scores, and bans.

use serde::Serialize;

use super::{BanStatus, Node, PeerStatus};
use crate::{ban::BanTarget, peer::PeerId, peers::Peer, score::Score, time::Now};

/// A connected peer, with every part of its score.
#[derive(Clone, Debug, Serialize)]
pub struct PeerReport {
    /// Its connection, its agent version and gossipsub's score of it.
    #[serde(flatten)]
    pub status: PeerStatus,
    /// Time since it connected, whole seconds.
    pub age_secs: u64,
    /// Whether it is a static peer.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// gossipsub's own part of the score: the score without the application score.
    pub gossip: f64,
    /// Our penalty for invalid messages, in addition to gossipsub's own (P4).
    pub invalid_messages: f64,
    /// The total that is compared with the ban threshold: the score plus `invalid_messages`.
    pub total: f64,
    /// Its recent offences and contributions, as counters that decay with time.
    pub earned: Score,
}

impl Node {
    /// Every connected peer at `now`, ordered by peer id.
    pub fn peers(&self, now: Now) -> Vec<PeerReport> {
        self.context.peers.iter().map(|peer| self.report(now, peer)).collect()
    }

    fn report(&self, now: Now, peer: &Peer) -> PeerReport {
        let (status, id) = (self.peer_status(peer), peer.connected.peer);
        let earned = self.context.store.score(now.mono, id);
        PeerReport {
            age_secs: now.mono.saturating_sub(peer.since).as_secs(),
            is_static: self.context.static_peers.contains(&id),
            gossip: status.score - status.application,
            invalid_messages: earned.invalid_messages(),
            total: status.score + earned.invalid_messages(),
            earned,
            status,
        }
    }

    /// The ban of a peer, an address or a network, if there is one.
    pub fn ban_of(&self, who: BanTarget) -> Option<BanStatus> {
        self.reputation.bans().get(who).map(|ban| BanStatus::from((who, ban)))
    }

    /// Whether a peer is protected from bans.
    pub fn is_protected(&self, peer: PeerId) -> bool {
        self.reputation.is_protected(&self.context, peer)
    }
}
