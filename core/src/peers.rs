//! The connected peers.
//!
//! Bound: what the host lets connect, and [`Peers::MAX`].

use core::time::Duration;
use std::{collections::BTreeMap, net::IpAddr};

use crate::{
    ban::BanTarget,
    event::{Connected, DisconnectReason},
    fork::Version,
    peer::PeerId,
};

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
    disconnecting: Option<DisconnectReason>,
    /// The topics that it has joined, by [`Version::topic`].
    topics: [bool; 4],
}

impl Peers {
    /// Peers remembered; beyond them a peer is served but not listed.
    pub const MAX: usize = 4096;
    /// After so many times it is disconnected.
    pub const SLOW: u32 = 4;

    /// A peer's first connection at `now` (monotonic). Replaces what an earlier connection left.
    pub fn connect(&mut self, now: Duration, connected: Connected) {
        if self.connected.len() < Self::MAX || self.connected.contains_key(&connected.peer) {
            let peer = connected.peer;
            let fresh = Peer { connected, since: now, agent: None, slow: 0, disconnecting: None, topics: [false; 4] };
            self.connected.insert(peer, fresh);
        }
    }

    /// A peer's last connection ended; why, when it was we who ended it.
    pub fn disconnect(&mut self, peer: PeerId) -> Option<DisconnectReason> {
        self.connected.remove(&peer)?.disconnecting
    }

    /// We close a peer's connections. The first reason is the one that is told.
    pub fn set_disconnecting(&mut self, peer: PeerId, reason: DisconnectReason) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.disconnecting.get_or_insert(reason);
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

    /// Whether the peer came in as a browser does.
    pub fn is_leaf(&self, peer: PeerId) -> bool {
        self.connected.get(&peer).is_some_and(|peer| peer.connected.leaf)
    }

    /// The connected peers that are at an address.
    pub fn at_address(&self, address: BanTarget) -> impl Iterator<Item = PeerId> {
        let here = move |peer: &&Peer| peer.connected.ip.map(BanTarget::address) == Some(address);
        self.connected.values().filter(here).map(|peer| peer.connected.peer)
    }

    /// A connected peer.
    pub fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.connected.get(&peer)
    }

    /// The connected peers that are no leaves and do not go already.
    pub fn nodes(&self) -> impl Iterator<Item = &Peer> {
        self.connected.values().filter(|peer| !peer.connected.leaf && peer.disconnecting.is_none())
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
