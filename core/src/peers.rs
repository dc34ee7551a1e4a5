//! The connected peers, with the state of each connection.
//!
//! Bound: [`Peers::MAX`]; a further peer is refused, so each connected peer has its limits.

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
    /// How many of them [`Peers::nodes`] has.
    nodes: usize,
    /// How many of them are leaves.
    leaves: usize,
}

/// A connected peer.
#[derive(Debug)]
pub struct Peer {
    /// How it connected.
    pub connected: Connected,
    /// When it connected (monotonic).
    pub since: Duration,
    /// Its agent version (identify).
    pub agent: Option<String>,
    /// How often gossipsub could not send to it for a while.
    pub slow: u32,
    /// Why this node closes its connections, once it does.
    disconnecting: Option<DisconnectReason>,
    /// When its current window of control messages began (monotonic), and how many it has sent in it.
    control: (Duration, u32),
    /// Whether it is subscribed, by [`Version::topic`].
    topics: [bool; 4],
    /// Another chain to whose topics it has subscribed, as it states.
    other_chain: Option<u64>,
}

impl Peer {
    /// Whether it is subscribed to a topic of the chain.
    pub fn is_subscribed(&self) -> bool {
        self.topics.contains(&true)
    }

    /// The other chain to whose topics it has subscribed, if it is subscribed to no topic of this chain.
    pub fn other_chain(&self) -> Option<u64> {
        self.other_chain.filter(|_| !self.is_subscribed())
    }

    /// Whether this node closes its connections.
    pub const fn is_disconnecting(&self) -> bool {
        self.disconnecting.is_some()
    }
}

impl Peers {
    /// Maximum number of peers: [`MAX_LEAVES`](crate::config::MAX_LEAVES), twice
    /// [`MAX_HIGH_WATERMARK`](crate::config::MAX_HIGH_WATERMARK), [`MAX_STATIC_PEERS`](crate::config::MAX_STATIC_PEERS),
    /// and those that are being disconnected because they are too many.
    pub const MAX: usize = 8192;
    /// How often gossipsub may fail to send to a peer before it is disconnected.
    pub const SLOW: u32 = 4;
    /// Subscriptions, unsubscriptions and identify messages that a peer may send in [`Peers::CONTROL_WINDOW`]. An honest
    /// one sends four subscriptions and one identify message when it connects, and hardly any later.
    pub const CONTROL: u32 = 32;
    /// See [`Peers::CONTROL`].
    pub const CONTROL_WINDOW: Duration = Duration::from_secs(60);

    /// A peer's first connection was established at `now` (monotonic). Replaces the state of an earlier connection.
    /// Returns `false`, without a change, when there are [`Peers::MAX`] peers.
    pub fn connect(&mut self, now: Duration, connected: Connected) -> bool {
        if self.connected.len() >= Self::MAX && !self.connected.contains_key(&connected.peer) {
            return false;
        }
        let peer = connected.peer;
        self.disconnect(peer);
        if connected.leaf {
            self.leaves += 1;
        } else {
            self.nodes += 1;
        }
        let entry = Peer {
            connected,
            since: now,
            agent: None,
            slow: 0,
            disconnecting: None,
            control: (now, 0),
            topics: [false; 4],
            other_chain: None,
        };
        self.connected.insert(peer, entry);
        true
    }

    /// A peer's last connection ended. Returns the reason, when this node closed it.
    pub fn disconnect(&mut self, peer: PeerId) -> Option<DisconnectReason> {
        let peer = self.connected.remove(&peer)?;
        if peer.connected.leaf {
            self.leaves -= 1;
        } else if peer.disconnecting.is_none() {
            self.nodes -= 1;
        }
        peer.disconnecting
    }

    /// This node closes a peer's connections. The first reason given is the one that is emitted.
    pub fn set_disconnecting(&mut self, peer: PeerId, reason: DisconnectReason) {
        let Some(peer) = self.connected.get_mut(&peer).filter(|peer| peer.disconnecting.is_none()) else { return };
        peer.disconnecting = Some(reason);
        if !peer.connected.leaf {
            self.nodes -= 1;
        }
    }

    /// A peer stated its agent version.
    pub fn identify(&mut self, peer: PeerId, agent: &str) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.agent = Some(agent.to_owned());
        }
    }

    /// A peer subscribed to a topic, or unsubscribed. Returns `true` when it subscribes to a topic that it is
    /// subscribed to already: it has opened a new gossip stream and lost our subscriptions, so it sends us nothing
    /// until there is a new connection.
    pub fn topic(&mut self, peer: PeerId, version: Version, joined: bool) -> bool {
        let Some(peer) = self.connected.get_mut(&peer) else { return false };
        let topic = peer.topics.get_mut(usize::from(version.topic()));
        topic.is_some_and(|known| core::mem::replace(known, joined) && joined)
    }

    /// A peer subscribed to a topic of another chain.
    pub fn set_other_chain(&mut self, peer: PeerId, chain: u64) {
        if let Some(peer) = self.connected.get_mut(&peer) {
            peer.other_chain = Some(chain);
        }
    }

    /// A peer sent a subscription, an unsubscription or an identify message at `now` (monotonic). Returns how many it has
    /// sent in the current window.
    pub fn control(&mut self, now: Duration, peer: PeerId) -> u32 {
        let Some(peer) = self.connected.get_mut(&peer) else { return 0 };
        let (since, sent) = &mut peer.control;
        if now.saturating_sub(*since) >= Self::CONTROL_WINDOW {
            (*since, *sent) = (now, 0);
        }
        *sent = sent.saturating_add(1);
        *sent
    }

    /// gossipsub could not send to this peer for a while. Returns `true` when that happened [`Peers::SLOW`] times.
    pub fn slow(&mut self, peer: PeerId) -> bool {
        let Some(peer) = self.connected.get_mut(&peer) else { return false };
        peer.slow += 1;
        peer.slow >= Self::SLOW
    }

    /// Whether the peer is a leaf: it connected to us as a browser does.
    pub fn is_leaf(&self, peer: PeerId) -> bool {
        self.connected.get(&peer).is_some_and(|peer| peer.connected.leaf)
    }

    /// The connected peers that are at an address.
    pub fn at_address(&self, address: BanTarget) -> impl Iterator<Item = PeerId> {
        let is_at_address = move |peer: &&Peer| peer.connected.ip.map(BanTarget::address) == Some(address);
        self.connected.values().filter(is_at_address).map(|peer| peer.connected.peer)
    }

    /// A connected peer.
    pub fn get(&self, peer: PeerId) -> Option<&Peer> {
        self.connected.get(&peer)
    }

    /// The connected peers that are not leaves and that this node is not disconnecting.
    pub fn nodes(&self) -> impl Iterator<Item = &Peer> {
        self.connected.values().filter(|peer| !peer.connected.leaf && peer.disconnecting.is_none())
    }

    /// How many peers [`Peers::nodes`] has; at no cost, because it is asked after every input.
    pub const fn node_count(&self) -> usize {
        self.nodes
    }

    /// How many of the connected peers are leaves, those that are being disconnected too.
    pub const fn leaf_count(&self) -> usize {
        self.leaves
    }

    /// The peer's IP, if it is connected and its address has one.
    pub fn ip(&self, peer: PeerId) -> Option<IpAddr> {
        self.connected.get(&peer).and_then(|peer| peer.connected.ip)
    }

    /// Whether the peer is connected.
    pub fn contains(&self, peer: PeerId) -> bool {
        self.connected.contains_key(&peer)
    }

    /// The number of connected peers.
    pub fn len(&self) -> usize {
        self.connected.len()
    }

    /// Whether no peer is connected.
    pub fn is_empty(&self) -> bool {
        self.connected.is_empty()
    }

    /// The connected peers, in order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.connected.values()
    }
}
