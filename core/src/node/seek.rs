//! How a node gets enough peers: see [`Seek`](crate::peers::Seek).

use super::{Node, Output};
use crate::{
    config::Reach,
    event::{Discovered, Event},
    peer::PeerId,
    peers::{Book, Seek, Subject, address, is_public, network},
    time::Now,
};

impl Node {
    /// Peers of one public network that we dial into, at most: who has a network of its own gets no more of us.
    pub const OF_A_NETWORK: usize = 4;

    /// Somebody says that a peer of this chain is there.
    pub(super) fn found(&mut self, now: Now, peer: PeerId, addresses: &[String]) {
        let Some(reach) = self.config.seek else { return };
        let addresses: Vec<String> = addresses.iter().filter(|text| reaches(reach, text)).cloned().collect();
        if let Some(address) = addresses.first().cloned()
            && self.book.found(now, peer, addresses)
        {
            self.tell(Event::Discovered(Discovered { peer, address }));
        }
    }

    /// Dials some of the book, when there are too few peers and it is time.
    pub(super) fn seek(&mut self, now: Now) {
        if self.seek_at().is_none_or(|at| at > now.mono) {
            return;
        }
        self.seek.begin(now.mono);
        let is_open = |peer: &PeerId| {
            !self.peers.contains(*peer)
                && !self.statics.contains(*peer)
                && !self.low.contains(peer)
                && !self.gate.contains(Subject::Peer(*peer))
        };
        let mut candidates: Vec<PeerId> = self.book.iter().map(|(peer, _)| peer).filter(is_open).collect();
        for _ in 0..Seek::LOOKS {
            if self.wanted() == 0 || self.seek.dialled().count() >= Seek::AT_ONCE {
                return;
            }
            let Some(peer) = self.seek.draw(now.mono, &mut candidates) else { return };
            let addresses = self.targets(peer);
            if !addresses.is_empty() {
                self.seek.dial(now.mono, peer);
                self.outputs.push_back(Output::Dial { peer, addresses });
            }
        }
    }

    /// When [`Node::seek`] has something to do (monotonic).
    pub(super) fn seek_at(&self) -> Option<core::time::Duration> {
        if self.config.seek.is_none() || self.wanted() == 0 {
            return None;
        }
        self.seek.due()
    }

    /// Whether there are fewer peers than the low tide.
    pub fn is_needy(&self) -> bool {
        self.peers.nodes().count() < self.config.tide.low
    }

    /// How many peers there should be beside those who are here or are being dialled.
    fn wanted(&self) -> usize {
        self.config.tide.low.saturating_sub(self.peers.nodes().count() + self.seek.dialled().count())
    }

    /// The addresses of a peer in the book that may be dialled.
    fn targets(&self, peer: PeerId) -> Vec<String> {
        let (Some(record), Some(reach)) = (self.book.get(peer), self.config.seek) else { return Vec::new() };
        record.addresses.iter().filter(|text| reaches(reach, text) && !self.is_crowded(text)).cloned().collect()
    }

    /// Whether we are connected to, or dial, enough peers of an address' network.
    fn is_crowded(&self, text: &str) -> bool {
        let Some((ip, _)) = address::tcp(text).filter(|(ip, _)| is_public(*ip)) else { return false };
        let dialled = |peer| self.book.get(peer).and_then(|record| address::tcp(record.addresses.first()?));
        let dialled = self.seek.dialled().filter_map(dialled).map(|(ip, _)| ip);
        let here = self.peers.nodes().filter_map(|peer| peer.connected.ip).chain(dialled);
        here.filter(|other| network(*other) == network(ip)).count() >= Self::OF_A_NETWORK
    }
}

/// Whether an address is one that we dial because others name it.
fn reaches(reach: Reach, text: &str) -> bool {
    let short = text.len() <= Book::ADDRESS;
    short && address::tcp(text).is_some_and(|(ip, _)| reach == Reach::Anywhere || is_public(ip))
}
