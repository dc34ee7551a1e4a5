//! Between gossipsub's scores and the node's.

use core::time::Duration;

use crate::{
    net::{Host, convert, driver::Driver, params},
    node::Input,
    peer::PeerId,
    reputation::Reputation,
};

impl<H: Host> Driver<H> {
    /// Tells the node gossipsub's scores of those who are connected, and which leaves take nothing, once in a
    /// [`params::LOOK`].
    pub(super) fn look_at_scores(&mut self, now: Duration) {
        if now < self.look_at {
            return;
        }
        self.look_at = now.saturating_add(params::LOOK);
        let gossip = &self.swarm.behaviour().gossip;
        let score = |peer: &libp2p::PeerId| gossip.peer_score(peer).unwrap_or_default();
        let scores =
            self.swarm.connected_peers().filter_map(|peer| Some((convert::peer(peer)?, score(peer)))).collect();
        self.feed(Input::Scored(scores));
        let gossip = &self.swarm.behaviour().gossip;
        // So far below that hardly one of them is heard again before the next look.
        let ignored = |peer: &&libp2p::PeerId| gossip.peer_score(peer).unwrap_or_default() < 2.0 * Reputation::GRAYLIST;
        self.transform.readahead().ignore(self.swarm.connected_peers().filter(ignored).copied().collect());
        for peer in self.leaves.look(now).iter().filter_map(convert::peer) {
            self.feed(Input::SendStalled { peer });
        }
    }

    /// Tells gossipsub the node's part of a score.
    pub(super) fn tell_score(&mut self, peer: PeerId, score: f64) {
        if let Some(peer) = convert::libp2p_peer(peer) {
            // Unknown to gossipsub: it is gone already, or nothing is scored.
            let _gone = self.gossip().set_application_score(&peer, score);
        }
    }
}
