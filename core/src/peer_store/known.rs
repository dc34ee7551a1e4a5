//! Known peers: the addresses of nodes, in buckets by network, like Bitcoin Core's address manager (`addrman`), but
//! without hashing.
//!
//! A peer is *tried* when it answered our dial or made a contribution, and *heard* before: discovery found it, or it
//! dialled us and stated addresses. A bucket has the tried, or the heard, peers of one network (IPv4 /16, IPv6 /32:
//! [`group_of`]): that of the IP at which the peer was connected, otherwise that of its first address. Room is
//! made only in these ways:
//!
//! - Of one public address (IPv6: /64) there are at most [`KnownPeers::PER_ADDRESS`] peers in a bucket. A further one that
//!   was connected there displaces the one of the same address that was seen longest ago; one that discovery found is
//!   not stored, because any node may state any address in its record.
//! - In a full bucket a further tried peer displaces the tried one that was seen longest ago. A further heard peer is not
//!   stored.
//! - When all buckets together are full, the largest one loses the peer that was seen longest ago, if the new peer's
//!   bucket is smaller (of heard peers, by two at least); otherwise a heard peer is not stored.
//!
//! So heard peers never displace tried ones, and one network never displaces the peers of others. Peers at addresses that
//! are not public count only for the totals. A peer that was not seen for [`KnownPeer::SEEN_EXPIRY`], nor found for
//! [`KnownPeer::FOUND_EXPIRY`], is removed. Bounds: [`KnownPeers::TRIED`] and [`KnownPeers::HEARD`].

use core::{net::IpAddr, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use crate::{
    address::{self, group_of, is_public},
    ban::BanTarget,
    event::{Connected, Direction},
    peer::PeerId,
    time::Now,
};

/// A peer with addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownPeer {
    /// Its multiaddrs, all of them IP and TCP port; at most [`KnownPeer::ADDRESSES`].
    pub addresses: Vec<String>,
    /// Its agent version (identify).
    pub agent: Option<String>,
    /// When it was connected last, Unix seconds; 0 when it never was.
    pub seen: u64,
    /// When discovery found it last, Unix seconds; 0 when it never did.
    pub found: u64,
    /// Whether it answered our dial, or made a contribution.
    pub tried: bool,
    /// The IP at which it was connected: when it is tried, the one that we dialled.
    pub ip: Option<IpAddr>,
}

/// The tried, or the heard, peers of one network; `None` is unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Bucket {
    tried: bool,
    network: Option<IpAddr>,
}

/// What a further peer needs.
enum Room {
    Free,
    /// This peer makes room.
    Displaces(PeerId),
    None,
}

/// The peers with addresses. See the module.
#[derive(Debug, Default)]
pub struct KnownPeers {
    peers: BTreeMap<PeerId, KnownPeer>,
    buckets: BTreeMap<Bucket, BTreeSet<PeerId>>,
    /// How many peers are tried.
    tried: usize,
}

impl KnownPeer {
    /// Maximum number of addresses.
    pub const ADDRESSES: usize = 8;
    /// Maximum length of an address, in bytes.
    pub const ADDRESS: usize = 256;
    /// How long a peer stays after it was seen last (op-node's expiry of peer metadata).
    pub const SEEN_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// How long a peer stays after discovery found it last (op-node's lifetime of a discovered address).
    pub const FOUND_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);

    /// Without addresses that cannot be dialled or are too many.
    pub(super) fn bounded(mut self) -> Self {
        let addresses = core::mem::take(&mut self.addresses);
        self.add_addresses(addresses);
        self
    }

    /// Puts these addresses before those that are known.
    fn add_addresses(&mut self, newer: impl IntoIterator<Item = String>) {
        let older = core::mem::take(&mut self.addresses);
        let fits = |address: &String| address.len() <= KnownPeer::ADDRESS && address::tcp(address).is_some();
        for address in newer.into_iter().take(2 * KnownPeer::ADDRESSES).chain(older).filter(fits) {
            let is_known = self.addresses.iter().any(|known| address::tcp(known) == address::tcp(&address));
            if self.addresses.len() < KnownPeer::ADDRESSES && !is_known {
                self.addresses.push(address);
            }
        }
    }

    /// Whether it was neither seen nor discovered for long.
    pub(super) fn is_expired(&self, now: Now) -> bool {
        let since = |at: u64| Duration::from_secs(now.secs().saturating_sub(at));
        since(self.seen) > KnownPeer::SEEN_EXPIRY && since(self.found) > KnownPeer::FOUND_EXPIRY
    }

    /// The IP that decides its bucket.
    fn at(&self) -> Option<IpAddr> {
        self.ip.or_else(|| Some(address::tcp(self.addresses.first()?)?.0))
    }

    fn bucket(&self) -> Bucket {
        Bucket { tried: self.tried, network: self.at().map(group_of) }
    }
}

impl KnownPeers {
    /// Maximum number of tried peers.
    pub const TRIED: usize = 1024;
    /// Maximum number of heard peers.
    pub const HEARD: usize = 3072;
    /// Maximum number of peers in the bucket of a public network.
    pub const PER_NETWORK: usize = 64;
    /// Maximum number of peers of one public address in a bucket: as many as may be connected from one
    /// ([`ConnectionManager::ADDRESS`](crate::dialing::ConnectionManager::ADDRESS)).
    pub const PER_ADDRESS: usize = 8;

    /// Number of peers.
    pub fn len(&self) -> usize {
        self.peers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Whether the addresses of a peer are known.
    pub fn contains(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    /// A peer.
    pub fn get(&self, peer: PeerId) -> Option<&KnownPeer> {
        self.peers.get(&peer)
    }

    /// The peers of each bucket, and whether they are tried.
    pub fn buckets(&self) -> impl Iterator<Item = (bool, &BTreeSet<PeerId>)> {
        self.buckets.iter().map(|(bucket, peers)| (bucket.tried, peers))
    }

    /// A peer after it connected; `None` when there is nothing to store.
    pub(super) fn connected(&self, now: Now, connected: &Connected) -> Option<KnownPeer> {
        let known = self.get(connected.peer).cloned();
        if connected.direction == Direction::Inbound {
            let known = known?;
            let ip = if known.tried { known.ip } else { connected.ip.or(known.ip) };
            return Some(KnownPeer { seen: now.secs(), ip, ..known });
        }
        let mut known = known.unwrap_or_default();
        known.add_addresses([connected.address.clone()]);
        let known = KnownPeer { seen: now.secs(), tried: true, ip: connected.ip.or(known.ip), ..known };
        (!known.addresses.is_empty()).then_some(known)
    }

    /// A peer after discovery found it.
    pub(super) fn discovered(&self, now: Now, peer: PeerId, addresses: Vec<String>) -> KnownPeer {
        let mut known = self.get(peer).cloned().unwrap_or_default();
        known.found = now.secs();
        known.add_addresses(addresses);
        known
    }

    /// A peer that is connected at this IP, after it stated its addresses; `None` when there is nothing to store.
    pub(super) fn identified(
        &self,
        now: Now,
        peer: PeerId,
        ip: Option<IpAddr>,
        agent: &str,
        addresses: &[String],
    ) -> Option<KnownPeer> {
        let mut known = self.get(peer).cloned().unwrap_or_default();
        known.add_addresses(addresses.iter().cloned());
        if known.addresses.is_empty() {
            return None;
        }
        if !known.tried {
            known.ip = ip.or(known.ip);
        }
        (known.seen, known.agent) = (now.secs(), Some(agent.to_owned()));
        Some(known)
    }

    /// A peer after it made a contribution; `None` when it is not known.
    pub(super) fn contributed(&self, now: Now, peer: PeerId) -> Option<KnownPeer> {
        self.get(peer).map(|known| KnownPeer { seen: now.secs(), tried: true, ..known.clone() })
    }

    /// A peer is connected.
    pub(super) fn seen(&mut self, now: Now, peer: PeerId) {
        if let Some(known) = self.peers.get_mut(&peer) {
            known.seen = now.secs();
        }
    }

    /// Stores a peer in place of its former entry. Returns the peer that was removed for it, if one was; `None`, without a
    /// change, when there is no room.
    pub(super) fn put(&mut self, peer: PeerId, known: KnownPeer) -> Option<Option<PeerId>> {
        let before = self.remove(peer);
        let displaced = match self.room(&known) {
            Room::Free => None,
            Room::Displaces(other) => {
                self.remove(other);
                Some(other)
            }
            Room::None => {
                if let Some(before) = before {
                    self.insert(peer, before);
                }
                return None;
            }
        };
        self.insert(peer, known);
        Some(displaced)
    }

    /// Removes the expired peers, and returns them.
    pub(super) fn remove_expired(&mut self, now: Now) -> Vec<PeerId> {
        let expired: Vec<PeerId> =
            self.peers.iter().filter(|(_, known)| known.is_expired(now)).map(|(peer, _)| *peer).collect();
        for peer in &expired {
            self.remove(*peer);
        }
        expired
    }

    fn insert(&mut self, peer: PeerId, known: KnownPeer) {
        self.tried += usize::from(known.tried);
        self.buckets.entry(known.bucket()).or_default().insert(peer);
        self.peers.insert(peer, known);
    }

    fn remove(&mut self, peer: PeerId) -> Option<KnownPeer> {
        let known = self.peers.remove(&peer)?;
        self.tried -= usize::from(known.tried);
        let bucket = known.bucket();
        if let Some(peers) = self.buckets.get_mut(&bucket) {
            peers.remove(&peer);
            if peers.is_empty() {
                self.buckets.remove(&bucket);
            }
        }
        Some(known)
    }

    /// The room for a peer that is not stored.
    fn room(&self, known: &KnownPeer) -> Room {
        let bucket = known.bucket();
        let same: Vec<PeerId> = self.buckets.get(&bucket).into_iter().flatten().copied().collect();
        if known.at().is_some_and(is_public) {
            let of_address = |peer: &PeerId| self.get(*peer).is_some_and(|other| same_address(other, known));
            let of_address: Vec<PeerId> = same.iter().copied().filter(of_address).collect();
            if of_address.len() >= Self::PER_ADDRESS {
                let displaced = known.ip.and_then(|_| self.oldest(&of_address));
                return displaced.map_or(Room::None, Room::Displaces);
            }
            if same.len() >= Self::PER_NETWORK {
                let displaced = self.oldest(&same).filter(|_| known.tried);
                return displaced.map_or(Room::None, Room::Displaces);
            }
        }
        let full = if known.tried { self.tried >= Self::TRIED } else { self.len() - self.tried >= Self::HEARD };
        if full { self.room_in_largest(known, same.len()) } else { Room::Free }
    }

    /// The room for a peer in a bucket of this size, when all buckets together are full.
    fn room_in_largest(&self, known: &KnownPeer, size: usize) -> Room {
        let others = self.buckets.iter().filter(|(bucket, _)| bucket.tried == known.tried);
        let Some((_, largest)) = others.max_by_key(|(_, peers)| peers.len()) else { return Room::None };
        if !known.tried && largest.len() <= size + 1 && known.at().is_some_and(is_public) {
            return Room::None;
        }
        let largest: Vec<PeerId> = largest.iter().copied().collect();
        self.oldest(&largest).map_or(Room::None, Room::Displaces)
    }

    /// Of these peers the one that was seen or found longest ago.
    fn oldest(&self, peers: &[PeerId]) -> Option<PeerId> {
        let last = |peer: &&PeerId| self.get(**peer).map(|known| known.seen.max(known.found));
        peers.iter().min_by_key(last).copied()
    }
}

/// Whether two peers are at one address.
fn same_address(one: &KnownPeer, other: &KnownPeer) -> bool {
    one.at().map(BanTarget::address) == other.at().map(BanTarget::address)
}
