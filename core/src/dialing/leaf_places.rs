//! Places for leaves (browsers): a deadline to subscribe, and which leaf is disconnected when there are too many.
//!
//! A leaf that is subscribed to no topic of the chain [`LeafPlaces::SUBSCRIBE_TIMEOUT`] after it connected is
//! disconnected: no block would be sent to it. When more leaves are connected than allowed, one of the network (IPv4
//! /24, IPv6 /48) with the most leaves is disconnected, so that a few addresses cannot take every place: see
//! [`excess_leaf`]. Leaves without a public address (behind a proxy that is not trusted, or in a local network) count as
//! one network.
//!
//! Bound: the leaves that connected within the timeout and are still connected.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use crate::{
    address::{is_public, network_of},
    event::Connected,
    peer::PeerId,
    peers::{Peer, Peers},
};

/// The deadlines of leaves to subscribe. See the module.
#[derive(Debug, Default)]
pub struct LeafPlaces {
    deadlines: BTreeSet<(Duration, PeerId)>,
}

impl LeafPlaces {
    /// How long a leaf may be connected without a subscription. A browser subscribes in its first second; a phone may
    /// need some round trips on a slow network.
    pub const SUBSCRIBE_TIMEOUT: Duration = Duration::from_secs(30);

    /// A leaf connected at `now` (monotonic).
    pub(super) fn connected(&mut self, peer: PeerId, now: Duration) {
        self.deadlines.insert((now.saturating_add(Self::SUBSCRIBE_TIMEOUT), peer));
    }

    /// A peer that connected at `since` (monotonic) is disconnected.
    pub(super) fn disconnected(&mut self, peer: PeerId, since: Duration) {
        self.deadlines.remove(&(since.saturating_add(Self::SUBSCRIBE_TIMEOUT), peer));
    }

    /// The next deadline (monotonic).
    pub(super) fn due(&self) -> Option<Duration> {
        self.deadlines.first().map(|(at, _)| *at)
    }

    /// Removes one passed deadline, and returns its leaf if that is still connected and subscribed to nothing; `None`
    /// when no deadline has passed.
    pub(super) fn pop_due(&mut self, peers: &Peers, now: Duration) -> Option<Option<PeerId>> {
        let (_, peer) = *self.deadlines.first().filter(|(at, _)| *at <= now)?;
        self.deadlines.pop_first();
        let waits = |peer: &&Peer| peer.connected.leaf && !peer.is_subscribed() && !peer.is_disconnecting();
        Some(peers.get(peer).filter(waits).map(|peer| peer.connected.peer))
    }
}

/// The leaf that is disconnected when `newcomer` connected and there are more than `limit` leaves, itself included;
/// `None` when there are not.
///
/// It is a leaf of the network with the most leaves, if that has more than the newcomer's: one that is subscribed to
/// nothing if there is one, otherwise the one that connected last. If no network has more, it is the newcomer.
pub(super) fn excess_leaf(peers: &Peers, newcomer: &Connected, limit: usize) -> Option<PeerId> {
    if peers.leaf_count() <= limit {
        return None;
    }
    let leaves = || peers.iter().filter(|peer| peer.connected.leaf && !peer.is_disconnecting());
    if leaves().count() <= limit {
        return None;
    }
    let mut counts: BTreeMap<Option<IpAddr>, usize> = BTreeMap::new();
    for leaf in leaves() {
        *counts.entry(network(&leaf.connected)).or_default() += 1;
    }
    let own = counts.get(&network(newcomer)).copied().unwrap_or_default();
    let (largest, count) = counts.into_iter().max_by_key(|(_, count)| *count)?;
    if count <= own {
        return Some(newcomer.peer);
    }
    let of_largest = leaves().filter(|leaf| network(&leaf.connected) == largest);
    let excess = of_largest.max_by_key(|leaf| (!leaf.is_subscribed(), leaf.since));
    excess.map(|leaf| leaf.connected.peer)
}

fn network(connected: &Connected) -> Option<IpAddr> {
    connected.ip.filter(|ip| is_public(*ip)).map(network_of)
}
