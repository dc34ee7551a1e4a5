//! Whose score has fallen: gossipsub listens to them no more, and they lose their connections.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use super::{
    super::{Host, convert, params},
    Driver,
};
use crate::{node::Input, peer::PeerId};

impl<H: Host> Driver<H> {
    /// Closes a peer's connections and accepts none.
    pub(super) fn bar(&mut self, peer: PeerId) {
        let Some(peer) = convert::libp2p_peer(peer) else { return };
        if !self.swarm.behaviour_mut().barred.block_peer(peer) {
            return; // its connections are still being closed
        }
        self.barred.push_back(peer);
        if self.barred.len() > Self::BARRED
            && let Some(first) = self.barred.pop_front()
        {
            self.swarm.behaviour_mut().barred.unblock_peer(first);
        }
    }

    /// Finds those whose score has fallen for long enough, and lets those in again whose score is back. A program that
    /// begins anew knows of no backoff, and what it grafts too early counts so much against it that it falls for a moment:
    /// see [`params::fallen_for`].
    pub(super) fn look_at_scores(&mut self, now: Duration) {
        if now < self.look_at {
            return;
        }
        self.look_at = now.saturating_add(params::LOOK);
        self.let_back();
        let gossip = &self.swarm.behaviour().gossip;
        let score = |peer: &libp2p::PeerId| gossip.peer_score(peer).unwrap_or_default();
        let low =
            self.swarm.connected_peers().map(|peer| (peer, score(peer))).filter(|(_, score)| *score < params::GRAYLIST);
        let low: Vec<(PeerId, f64)> = low.filter_map(|(peer, score)| Some((convert::peer(peer)?, score))).collect();
        let since = |peer: &PeerId| self.fallen.get(peer).copied().unwrap_or(now);
        self.fallen = low.iter().map(|(peer, _)| (*peer, since(peer))).collect::<BTreeMap<_, _>>();
        for (peer, score) in low {
            let since = self.fallen.get(&peer).copied().unwrap_or(now);
            if now.saturating_sub(since) >= self.fallen_for {
                self.feed(Input::Graylisted { peer, score });
            }
        }
    }

    fn let_back(&mut self) {
        let (mut barred, mut back) = (VecDeque::new(), Vec::new());
        for peer in self.barred.drain(..) {
            let score = self.swarm.behaviour().gossip.peer_score(&peer).unwrap_or_default();
            if score < params::GRAYLIST { barred.push_back(peer) } else { back.push(peer) }
        }
        self.barred = barred;
        for peer in back {
            self.swarm.behaviour_mut().barred.unblock_peer(peer);
        }
    }
}
