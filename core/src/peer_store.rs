//! The peer store: known peers, connected or discovered, with their addresses, agent version and score.
//!
//! Leaves (browsers) are not stored unless they committed an offence: they use a new peer id each time. Bounds:
//! [`PeerStore::MAX`] peers. When there are more, peers without a negative score are removed first. Among them: first
//! those that only connected to us and contributed nothing, so that throw-away peer ids displace only each other; then
//! those that were never connected; then those that were seen longest ago. Last are peers with a negative score, the
//! smallest offences first. A peer that was not seen for [`PeerStore::SEEN_EXPIRY`] is removed.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::{
    address,
    address::{is_public, network_of},
    event::Direction,
    fault::Offence,
    peer::PeerId,
    score::{Contribution, Score},
    time::Now,
};

/// One peer of the store, persisted over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerEntry {
    /// Its listen multiaddrs, as it stated or as discovery found them; at most [`PeerStore::ADDRESSES`].
    pub addresses: Vec<String>,
    /// Its agent version (identify).
    pub agent: Option<String>,
    /// When it was connected last, Unix seconds; 0 when it never was.
    pub seen: u64,
    /// When discovery found it last, Unix seconds; 0 when it never did.
    #[serde(default)]
    pub found: u64,
    /// Whether it was useful: it answered our dial, or made a contribution.
    #[serde(default)]
    pub proven: bool,
    /// Its score at the last change.
    pub score: Score,
}

impl PeerEntry {
    /// Whether it has expired: neither seen nor discovered for long.
    fn is_expired(&self, now: Now) -> bool {
        let since = |at: u64| Duration::from_secs(now.secs().saturating_sub(at));
        since(self.seen) > PeerStore::SEEN_EXPIRY && since(self.found) > PeerStore::FOUND_EXPIRY
    }

    /// The higher, the later it is removed.
    fn rank(&self) -> u8 {
        if self.proven { 2 } else { u8::from(self.found > 0) }
    }
}

#[derive(Debug)]
struct StoreSlot {
    entry: PeerEntry,
    /// When the decay of its score was applied last (monotonic).
    decayed_at: Duration,
}

/// The known peers. See the module.
#[derive(Debug)]
pub struct PeerStore {
    peers: BTreeMap<PeerId, StoreSlot>,
    block_time: Duration,
    /// Peers whose entry differs from the persisted one; removed peers too.
    changed: BTreeSet<PeerId>,
}

impl PeerStore {
    /// Maximum number of peers.
    pub const MAX: usize = 4096;
    /// Maximum number of addresses of one peer.
    pub const ADDRESSES: usize = 8;
    /// Maximum length of an address, in bytes.
    pub const ADDRESS: usize = 256;
    /// How long a peer stays after it was seen last (op-node's expiry of peer metadata).
    pub const SEEN_EXPIRY: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// How long a peer stays after discovery found it last (op-node's lifetime of a discovered address).
    pub const FOUND_EXPIRY: Duration = Duration::from_secs(24 * 60 * 60);
    /// Maximum number of peers of one public network (IPv4 /24, IPv6 /48) that were never connected: whatever one
    /// operator advertises, there is room for others.
    pub const MAX_UNCONNECTED: usize = 64;

    /// With the entries that an earlier run persisted, at `now`; the decay of their scores since then is applied.
    pub fn new(block_time: Duration, now: Now, persisted: impl IntoIterator<Item = (PeerId, PeerEntry)>) -> Self {
        let mut store = Self { peers: BTreeMap::new(), block_time, changed: BTreeSet::new() };
        for (peer, mut entry) in persisted {
            if entry.is_expired(now) || store.peers.len() >= Self::MAX {
                store.changed.insert(peer);
                continue;
            }
            entry.score.decay(Duration::from_secs(now.secs().saturating_sub(entry.seen)), block_time);
            store.peers.insert(peer, StoreSlot { entry, decayed_at: now.mono });
        }
        store
    }

    /// A peer connected; `direction` says which side dialled.
    pub fn connected(&mut self, now: Now, peer: PeerId, direction: Direction) {
        let entry = &mut self.slot_mut(now, peer).entry;
        entry.seen = now.secs();
        entry.proven |= direction == Direction::Outbound;
    }

    /// Discovery found a peer at `addresses`, of which there is at least one. Returns `true` when the peer is new.
    /// Nothing is stored when its network has [`PeerStore::MAX_UNCONNECTED`] such peers already.
    pub fn discovered(&mut self, now: Now, peer: PeerId, mut addresses: Vec<String>) -> bool {
        addresses.truncate(Self::ADDRESSES);
        let is_new = !self.peers.contains_key(&peer);
        if is_new && addresses.first().is_some_and(|address| self.is_network_full(address)) {
            return false;
        }
        let entry = &mut self.slot_mut(now, peer).entry;
        entry.found = now.secs();
        if is_new {
            entry.seen = 0;
        }
        let older = core::mem::replace(&mut entry.addresses, addresses);
        for address in older {
            if entry.addresses.len() < Self::ADDRESSES && !entry.addresses.contains(&address) {
                entry.addresses.push(address);
            }
        }
        is_new
    }

    /// Whether as many never connected peers of this address' network are stored as allowed.
    fn is_network_full(&self, text: &str) -> bool {
        let network = |text: &String| address::tcp(text).filter(|(ip, _)| is_public(*ip)).map(|(ip, _)| network_of(ip));
        let Some(of_address) = network(&text.to_owned()) else { return false };
        let never_connected = self.peers.values().filter(|slot| slot.entry.seen == 0);
        let in_network =
            never_connected.filter(|slot| slot.entry.addresses.first().and_then(network) == Some(of_address));
        in_network.count() >= Self::MAX_UNCONNECTED
    }

    /// A peer stated its agent version and its listen addresses (identify).
    pub fn identified(&mut self, now: Now, peer: PeerId, agent: &str, addresses: &[String]) {
        let fits = |address: &&String| address.len() <= Self::ADDRESS;
        let addresses: Vec<String> = addresses.iter().filter(fits).take(Self::ADDRESSES).cloned().collect();
        let entry = &mut self.slot_mut(now, peer).entry;
        (entry.agent, entry.addresses) = (Some(agent.to_owned()), addresses);
    }

    /// Counts a peer's offence, and returns its score now.
    pub fn penalize(&mut self, now: Now, peer: PeerId, offence: Offence) -> Score {
        let slot = self.slot_mut(now, peer);
        slot.entry.score.penalize(offence);
        slot.entry.seen = now.secs();
        slot.entry.score
    }

    /// Counts a peer's contribution.
    pub fn credit(&mut self, now: Now, peer: PeerId, contribution: Contribution) {
        let slot = self.slot_mut(now, peer);
        slot.entry.score.credit(contribution);
        (slot.entry.seen, slot.entry.proven) = (now.secs(), true);
    }

    /// A peer's score at `now` (monotonic).
    pub fn score(&self, now: Duration, peer: PeerId) -> Score {
        let Some(slot) = self.peers.get(&peer) else { return Score::default() };
        let mut score = slot.entry.score;
        score.decay(now.saturating_sub(slot.decayed_at), self.block_time);
        score
    }

    /// A peer's entry; its score is the one of the last change.
    pub fn get(&self, peer: PeerId) -> Option<&PeerEntry> {
        self.peers.get(&peer).map(|slot| &slot.entry)
    }

    /// Every stored peer.
    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &PeerEntry)> {
        self.peers.iter().map(|(peer, slot)| (*peer, &slot.entry))
    }

    /// The changes to persist since the last call: an entry, or `None` for a removed peer. Removes expired peers first.
    pub fn take_changes(&mut self, now: Now) -> Vec<(PeerId, Option<PeerEntry>)> {
        let expired: Vec<PeerId> =
            self.iter().filter(|(_, entry)| entry.is_expired(now)).map(|(peer, _)| peer).collect();
        for peer in expired {
            self.peers.remove(&peer);
            self.changed.insert(peer);
        }
        let mut changes = Vec::new();
        for peer in core::mem::take(&mut self.changed) {
            let entry = self.peers.get_mut(&peer).map(|slot| {
                slot.decay_score(now.mono, self.block_time);
                slot.entry.clone()
            });
            changes.push((peer, entry));
        }
        changes
    }

    /// Whether there are changes to persist.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The slot of a peer, with its score up to date, to be changed. Adds the peer when it is new.
    fn slot_mut(&mut self, now: Now, peer: PeerId) -> &mut StoreSlot {
        if !self.peers.contains_key(&peer) && self.peers.len() >= Self::MAX {
            self.remove_least(now);
        }
        let new_slot =
            || StoreSlot { entry: PeerEntry { seen: now.secs(), ..PeerEntry::default() }, decayed_at: now.mono };
        let slot = self.peers.entry(peer).or_insert_with(new_slot);
        slot.decay_score(now.mono, self.block_time);
        self.changed.insert(peer);
        slot
    }

    fn remove_least(&mut self, now: Now) {
        let worth = |peer: &PeerId, slot: &StoreSlot| {
            let negative = self.score(now.mono, *peer).own().min(0.0);
            // First the smallest offences, then the lowest rank, then the longest unseen; among the never seen the one
            // discovered longest ago.
            (-negative, (slot.entry.rank(), slot.entry.seen, slot.entry.found))
        };
        let least = self.peers.iter().map(|(peer, slot)| (worth(peer, slot), *peer));
        let least = least.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some((_, peer)) = least {
            self.peers.remove(&peer);
            self.changed.insert(peer);
        }
    }
}

impl StoreSlot {
    fn decay_score(&mut self, now: Duration, block_time: Duration) {
        self.entry.score.decay(now.saturating_sub(self.decayed_at), block_time);
        self.decayed_at = now;
    }
}
