//! The peers: who is connected ([`Peers`]), who is to be kept connected ([`Statics`], [`Silence`]), what each has earned
//! ([`Score`], and over restarts the [`Book`]), who may not connect ([`Gate`]), whom we dial when there are too few
//! ([`Seek`]), who stays when there are too many ([`Tide`]), and where they see us ([`Observed`]).
//!
//! Bounded by what the host lets connect, and by [`Peers::MAX`].

use core::{num::NonZeroU32, time::Duration};
use std::{collections::BTreeMap, net::IpAddr};

pub mod address;
mod book;
mod dial;
mod gate;
mod observed;
mod score;
mod seek;
mod silence;
mod tide;

pub use book::{Book, Record};
pub use dial::{Dialer, Statics};
pub use gate::{Ban, Gate, NotASubject, Subject, is_public};
pub use observed::{Moved, Observed};
pub use score::{Deed, Score, colocation};
pub use seek::Seek;
pub use silence::Silence;
pub use tide::{Fate, Standing, Tide, Why, network};

use crate::{event::Connected, fork::Version, limit::Limit, node::DropReason, peer::PeerId};

/// The connected peers.
#[derive(Debug, Default)]
pub struct Peers {
    connected: BTreeMap<PeerId, Peer>,
}

/// A connected peer.
#[derive(Debug)]
pub struct Peer {
    /// How it connected.
    pub connected: Connected,
    /// Since when (monotonic).
    pub since: Duration,
    /// What it calls itself, by identify.
    pub agent: Option<String>,
    /// How often gossipsub gave up sending to it.
    pub slow: u32,
    /// Why we close its connections, once we do.
    parted: Option<DropReason>,
    /// The topics that it has joined, by [`Version::topic`].
    topics: [bool; 4],
    /// How fast it may send messages that are new to us.
    messages: Limit,
    /// gossipsub's score of it, as it was told last.
    pub score: f64,
    /// What gossipsub was told last of our part of it.
    pub told: f64,
    /// Of how many verified blocks it brought the first copy on this connection.
    pub firsts: u64,
}

impl Peers {
    /// Peers remembered; beyond them a peer is served but not listed.
    pub const MAX: usize = 4096;
    /// Messages a second that a peer may send for long, and at once. The sequencer makes one or a few a second, and a
    /// peer delivers only what no other delivered before; beyond this it replays or invents.
    pub const MESSAGES: (NonZeroU32, NonZeroU32) =
        (NonZeroU32::MIN.saturating_add(49), NonZeroU32::MIN.saturating_add(199));
    /// After so many times it is disconnected.
    pub const SLOW: u32 = 4;

    /// A peer's first connection at `now` (monotonic). Replaces what an earlier connection left.
    pub fn connect(&mut self, now: Duration, connected: Connected) {
        if self.connected.len() < Self::MAX || self.connected.contains_key(&connected.peer) {
            let messages = Limit::new(Self::MESSAGES.0, Self::MESSAGES.1, now);
            self.connected.insert(
                connected.peer,
                Peer {
                    connected,
                    since: now,
                    agent: None,
                    slow: 0,
                    parted: None,
                    topics: [false; 4],
                    messages,
                    score: 0.0,
                    told: 0.0,
                    firsts: 0,
                },
            );
        }
    }

    /// A peer's last connection ended; why, when it was we who ended it.
    pub fn disconnect(&mut self, peer: PeerId) -> Option<DropReason> {
        self.connected.remove(&peer)?.parted
    }

    /// We close a peer's connections. The first reason is the one that is told.
    pub fn part(&mut self, peer: PeerId, reason: DropReason) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.parted.get_or_insert(reason);
        }
    }

    /// A peer told its agent version.
    pub fn identify(&mut self, peer: PeerId, agent: &str) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.agent = Some(agent.to_owned());
        }
    }

    /// A peer said that it joined or left a topic. `true` when it joins what it had joined before: it has made its stream
    /// anew and forgotten what we told it on ours, so that direction is mute until there is a new connection.
    pub fn topic(&mut self, peer: PeerId, version: Version, joined: bool) -> bool {
        let Some(peer) = self.connected.get_mut(&peer) else { return false };
        let topic = peer.topics.get_mut(usize::from(version.topic()));
        topic.is_some_and(|known| core::mem::replace(known, joined) && joined)
    }

    /// gossipsub gave up sending to this peer. `true` when that happened too often.
    pub fn slow(&mut self, peer: PeerId) -> bool {
        let Some(peer) = self.connected.get_mut(&peer) else { return false };
        peer.slow += 1;
        peer.slow >= Self::SLOW
    }

    /// A peer sent a message at `now` (monotonic). `true` when it sends too fast.
    pub fn floods(&self, now: Duration, peer: PeerId) -> bool {
        self.connected.get(&peer).is_some_and(|peer| !peer.messages.take(now))
    }

    /// gossipsub's score of a peer.
    pub fn scored(&mut self, peer: PeerId, score: f64) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.score = score;
        }
    }

    /// A peer brought the first copy of a block.
    pub fn first(&mut self, peer: PeerId) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.firsts += 1;
        }
    }

    /// gossipsub's score of a peer as it was told last; 0 of one that is not connected.
    pub fn score(&self, peer: PeerId) -> f64 {
        self.connected.get(&peer).map_or(0.0, |peer| peer.score)
    }

    /// gossipsub is told our part of a peer's score.
    pub fn tell(&mut self, peer: PeerId, ours: f64) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.told = ours;
        }
    }

    /// What gossipsub was told last.
    pub fn told(&self, peer: PeerId) -> f64 {
        self.connected.get(&peer).map_or(0.0, |peer| peer.told)
    }

    /// Whether the peer came in as a browser does.
    pub fn is_leaf(&self, peer: PeerId) -> bool {
        self.connected.get(&peer).is_some_and(|peer| peer.connected.leaf)
    }

    /// The connected peers that are at an address.
    pub fn within(&self, address: Subject) -> impl Iterator<Item = PeerId> {
        let here = move |peer: &&Peer| peer.connected.ip.map(Subject::address) == Some(address);
        self.connected.values().filter(here).map(|peer| peer.connected.peer)
    }

    /// How many peers that are no leaves are connected from each address.
    pub fn crowds(&self) -> BTreeMap<Subject, usize> {
        let mut crowds = BTreeMap::new();
        for ip in self.connected.values().filter(|peer| !peer.connected.leaf).filter_map(|peer| peer.connected.ip) {
            *crowds.entry(Subject::address(ip)).or_default() += 1;
        }
        crowds
    }

    /// A connected peer.
    pub fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.connected.get(&peer)
    }

    /// The connected peers that are no leaves and do not go already.
    pub fn nodes(&self) -> impl Iterator<Item = &Peer> {
        self.connected.values().filter(|peer| !peer.connected.leaf && peer.parted.is_none())
    }

    /// The peer's IP, where it is connected and its address has one.
    pub fn ip(&self, peer: PeerId) -> Option<IpAddr> {
        self.connected.get(&peer).and_then(|peer| peer.connected.ip)
    }

    /// Whether the peer is connected.
    pub fn contains(&self, peer: PeerId) -> bool {
        self.connected.contains_key(&peer)
    }

    /// How many are connected.
    pub fn len(&self) -> usize {
        self.connected.len()
    }

    /// Whether none is connected.
    pub fn is_empty(&self) -> bool {
        self.connected.is_empty()
    }

    /// The connected peers, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.connected.values()
    }
}
