//! What an operator asks of a running node: who is connected and what each has earned, who may not connect.

use serde::Serialize;

use super::{BanStatus, Node, PeerStatus};
use crate::{ban::BanTarget, peer::PeerId, peers::Peer, score::Score, time::Now};

/// A connected peer, with all that its score is made of.
#[derive(Clone, Debug, Serialize)]
pub struct PeerReport {
    /// How it connected, what it calls itself, and gossipsub's score of it.
    #[serde(flatten)]
    pub status: PeerStatus,
    /// How long it has been connected, whole seconds.
    pub age_secs: u64,
    /// Whether it is to be kept connected.
    #[serde(rename = "static")]
    pub is_static: bool,
    /// gossipsub's own part of its score: the score without our part of it.
    pub gossip: f64,
    /// What false messages cost beside gossipsub's own charge.
    pub false_messages: f64,
    /// The sum that is compared with the threshold of bans: the score and `false_messages`.
    pub total: f64,
    /// What it did of late, as counters that fall with time.
    pub earned: Score,
}

impl Node {
    /// Every connected peer at `now`, in order of their ids.
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
            false_messages: earned.false_messages(),
            total: status.score + earned.false_messages(),
            earned,
            status,
        }
    }

    /// The ban of somebody.
    pub fn ban_of(&self, who: BanTarget) -> Option<BanStatus> {
        self.reputation.bans().get(who).map(|ban| BanStatus::from((who, ban)))
    }

    /// Whether a peer is never banned.
    pub fn is_protected(&self, peer: PeerId) -> bool {
        self.reputation.is_protected(&self.context, peer)
    }
}
