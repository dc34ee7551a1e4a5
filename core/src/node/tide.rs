//! How many peers there are: see [`Tide`](crate::peers::Tide).

use super::{DropReason, Node};
use crate::{
    event::{Connected, Event, Fared, Tided},
    peer::PeerId,
    peers::{Standing, Subject, Tide, is_public, network},
    time::Now,
};

impl Node {
    /// Why a peer that has just come in may not stay, if so. Whom we dialled we wanted.
    pub(super) fn too_many(&self, connected: &Connected) -> Option<DropReason> {
        if connected.leaf {
            let leaves = self.peers.iter().filter(|peer| peer.connected.leaf).count();
            return (leaves > self.config.tide.leaves).then_some(DropReason::FullOfLeaves);
        }
        if connected.direction == crate::event::Direction::Outbound || self.keeps(connected.peer) {
            return None;
        }
        // It is among them already.
        if self.peers.nodes().count() > self.config.tide.most() {
            return Some(DropReason::Full);
        }
        let ip = connected.ip.filter(|ip| is_public(*ip))?;
        let at = |same: &dyn Fn(std::net::IpAddr) -> bool| {
            self.peers.nodes().filter_map(|peer| peer.connected.ip).filter(|ip| same(*ip)).count()
        };
        let (address, network_of) = (Subject::address(ip), network(ip));
        let crowded = at(&|other| Subject::address(other) == address) > Tide::ADDRESS
            || at(&|other| network(other) == network_of) > Tide::NETWORK;
        crowded.then_some(DropReason::Crowded)
    }

    /// Lets the least useful go when there are too many, and says who stays and why.
    pub(super) fn ebb(&mut self, now: Now) {
        let standings = self.peers.nodes().map(|peer| self.standing(now, peer.connected.peer)).collect();
        let fates = self.config.tide.turn(now.mono, standings);
        if fates.is_empty() {
            return;
        }
        let (stay, gone): (Vec<_>, Vec<_>) = fates.into_iter().partition(|fate| fate.stays);
        if gone.is_empty() {
            return; // all of them have come just now
        }
        for fate in &gone {
            self.part(fate.peer, DropReason::Ebb);
        }
        let fared = |fates: Vec<crate::peers::Fate>| {
            fates.into_iter().map(|fate| Fared { peer: fate.peer, why: fate.why }).collect()
        };
        let (low, high) = (self.config.tide.low, self.config.tide.high);
        self.tell(Event::Tided(Tided { low, high, stay: fared(stay), gone: fared(gone) }));
    }

    fn standing(&self, now: Now, peer: PeerId) -> Standing {
        let known = self.peers.get(peer);
        Standing {
            peer,
            is_static: self.keeps(peer),
            outbound: known.is_some_and(|peer| peer.connected.direction == crate::event::Direction::Outbound),
            since: known.map_or(now.mono, |peer| peer.since),
            score: self.total(now, peer),
            useful: self.book.score(now.mono, peer).useful(),
        }
    }
}
