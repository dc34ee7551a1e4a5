//! Peer scores: passes them between gossipsub and the node.

use core::time::Duration;

use crate::{
    net::{Host, convert, driver::Driver, params},
    node::Input,
    peer::PeerId,
    reputation::Reputation,
};

impl<H: Host> Driver<H> {
    /// Score refresh, once per [`params::SCORE_REFRESH`]: gives the node gossipsub's scores of the connected peers, and
    /// the stalled leaves.
    pub(super) fn refresh_scores(&mut self, now: Duration) {
        if now < self.scores_at {
            return;
        }
        self.scores_at = now.saturating_add(params::SCORE_REFRESH);
        let gossip = &self.swarm.behaviour().gossip.gossipsub;
        let score = |peer: &libp2p::PeerId| gossip.peer_score(peer).unwrap_or_default();
        let scores =
            self.swarm.connected_peers().filter_map(|peer| Some((convert::peer(peer)?, score(peer)))).collect();
        self.feed(Input::Scored(scores));
        let gossip = &self.swarm.behaviour().gossip.gossipsub;
        // At twice the graylist threshold, a peer's score hardly rises above it before the next refresh.
        let ignored = |peer: &&libp2p::PeerId| gossip.peer_score(peer).unwrap_or_default() < 2.0 * Reputation::GRAYLIST;
        self.transform.readahead().set_ignored_peers(self.swarm.connected_peers().filter(ignored).copied().collect());
        for peer in self.leaves.refresh(now).iter().filter_map(convert::peer) {
            self.feed(Input::SendStalled { peer });
        }
    }

    /// Gives gossipsub the node's part of a score.
    pub(super) fn set_score(&mut self, peer: PeerId, score: f64) {
        if let Some(peer) = convert::libp2p_peer(peer) {
            // `false` means that the peer has disconnected, or that scoring is off.
            let _known = self.gossip().set_application_score(&peer, score);
        }
    }
}
