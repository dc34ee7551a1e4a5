//! What an operator asks of a running node: who is connected and what each has earned, who may not connect.

use serde::Serialize;

use super::{BanStatus, DropReason, Node, PeerStatus};
use crate::{
    event::BanCause,
    peer::PeerId,
    peers::{Ban, Peer, Score, Subject},
    time::Now,
};

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
        self.peers.iter().map(|peer| self.report(now, peer)).collect()
    }

    fn report(&self, now: Now, peer: &Peer) -> PeerReport {
        let (status, id) = (PeerStatus::from(peer), peer.connected.peer);
        let earned = self.book.score(now.mono, id);
        PeerReport {
            age_secs: now.mono.saturating_sub(peer.since).as_secs(),
            is_static: self.statics.contains(id),
            gossip: status.score - status.application,
            false_messages: earned.false_messages(),
            total: self.total(now, id),
            earned,
            status,
        }
    }

    /// The ban of somebody.
    pub fn ban_of(&self, who: Subject) -> Option<BanStatus> {
        self.gate.get(who).map(|ban| BanStatus::from((who, ban)))
    }

    /// Whether a peer is never banned: a static one, as with op-node, which spares those that it tags `static`. Those that are
    /// protected through op-node's API (`opp2p_protectPeer`) are banned there like any other; here there is no such call.
    pub fn is_spared(&self, peer: PeerId) -> bool {
        self.spares(peer)
    }

    /// An operator bans somebody, in the place of a ban that it has; those whom it concerns lose their connections. A
    /// peer that is never banned is left alone.
    pub(super) fn ban_by_hand(&mut self, now: Now, who: Subject, ban: Ban) {
        if matches!(who, Subject::Peer(peer) if self.spares(peer)) {
            return;
        }
        let concerned: Vec<PeerId> =
            self.peers.iter().filter(|peer| concerns(who, peer)).map(|peer| peer.connected.peer).collect();
        for peer in concerned {
            if !self.spares(peer) {
                self.part(peer, DropReason::Banned);
            }
        }
        self.gate.lift(who);
        self.ban(now, who, ban, BanCause::Operator);
    }

    /// An operator lifts a ban; nothing happens when there is none.
    pub(super) fn lift_by_hand(&mut self, who: Subject) {
        if self.gate.lift(who) {
            self.open(who);
        }
    }
}

fn concerns(who: Subject, peer: &Peer) -> bool {
    let ip = peer.connected.ip;
    match who {
        Subject::Peer(id) => peer.connected.peer == id,
        Subject::Ip(_) => ip.map(Subject::address) == Some(who),
        Subject::Net(net) => ip.is_some_and(|ip| net.contains(&ip)),
    }
}
