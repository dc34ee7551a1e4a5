//! Every peer that is worth remembering, connected, or found by others' word: where it is, what it calls itself, what it
//! has earned.
//!
//! Browsers are not remembered, unless they have done something bad: they come under a new name each time. Bounds:
//! [`PeerStore::MAX`] peers; those with nothing against them make room first: before all others who came by themselves and brought
//! nothing, so that keys that are thrown away drive out nobody but each other; then who was never met, then who was seen
//! longest ago; at last those with the least against them. After [`PeerStore::KEPT`] unseen a peer is forgotten.

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

/// What is kept of a peer over a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerEntry {
    /// Multiaddrs at which it said, or was seen, to listen; at most [`PeerStore::ADDRESSES`].
    pub addresses: Vec<String>,
    /// What it calls itself.
    pub agent: Option<String>,
    /// When it was connected last, Unix seconds; 0 when it never was.
    pub seen: u64,
    /// When others told of it last, Unix seconds; 0 when they never did.
    #[serde(default)]
    pub found: u64,
    /// Whether it was of use: it answered where we dialled it, or brought a block.
    #[serde(default)]
    pub proven: bool,
    /// What it has earned until then.
    pub score: Score,
}

impl PeerEntry {
    /// Whether it is not worth remembering any more: neither seen nor told of for long.
    fn is_over(&self, now: Now) -> bool {
        let since = |at: u64| Duration::from_secs(now.secs().saturating_sub(at));
        since(self.seen) > PeerStore::KEPT && since(self.found) > PeerStore::FOUND
    }

    /// Higher is kept longer.
    fn rank(&self) -> u8 {
        if self.proven { 2 } else { u8::from(self.found > 0) }
    }
}

#[derive(Debug)]
struct StoreSlot {
    record: PeerEntry,
    /// When its score was brought up to date last (monotonic).
    decayed: Duration,
}

/// See the module.
#[derive(Debug)]
pub struct PeerStore {
    peers: BTreeMap<PeerId, StoreSlot>,
    block_time: Duration,
    /// Whose record differs from what is kept: of those who were forgotten too.
    changed: BTreeSet<PeerId>,
}

impl PeerStore {
    /// Peers at most.
    pub const MAX: usize = 4096;
    /// Addresses of one peer at most.
    pub const ADDRESSES: usize = 8;
    /// Characters of an address at most.
    pub const ADDRESS: usize = 256;
    /// How long a peer is remembered that was not seen (op-node's expiry of peer metadata).
    pub const KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
    /// How long one is remembered that others told of (op-node's life of a discovered address).
    pub const FOUND: Duration = Duration::from_secs(24 * 60 * 60);
    /// Peers of one public network_of (IPv4 /24, IPv6 /48) that were never connected, at most: whatever one hand advertises,
    /// others have room.
    pub const STRANGERS: usize = 64;

    /// With what an earlier run kept; scores have decayed meanwhile.
    pub fn new(block_time: Duration, now: Now, kept: impl IntoIterator<Item = (PeerId, PeerEntry)>) -> Self {
        let mut book = Self { peers: BTreeMap::new(), block_time, changed: BTreeSet::new() };
        for (peer, mut record) in kept {
            if record.is_over(now) || book.peers.len() >= Self::MAX {
                book.changed.insert(peer);
                continue;
            }
            record.score.decay(Duration::from_secs(now.secs().saturating_sub(record.seen)), block_time);
            book.peers.insert(peer, StoreSlot { record, decayed: now.mono });
        }
        book
    }

    /// A peer is here; `direction` says who dialled.
    pub fn connected(&mut self, now: Now, peer: PeerId, direction: Direction) {
        let record = &mut self.entry(now, peer).record;
        record.seen = now.secs();
        record.proven |= direction == Direction::Outbound;
    }

    /// Others say that a peer is at `addresses`, of which there is one at least. `true` when it was not known; nothing is
    /// noted when its network_of has [`PeerStore::STRANGERS`] already.
    pub fn discovered(&mut self, now: Now, peer: PeerId, mut addresses: Vec<String>) -> bool {
        addresses.truncate(Self::ADDRESSES);
        let is_new = !self.peers.contains_key(&peer);
        if is_new && addresses.first().is_some_and(|address| self.is_crowded(address)) {
            return false;
        }
        let record = &mut self.entry(now, peer).record;
        record.found = now.secs();
        if is_new {
            record.seen = 0;
        }
        let older = core::mem::replace(&mut record.addresses, addresses);
        for address in older {
            if record.addresses.len() < Self::ADDRESSES && !record.addresses.contains(&address) {
                record.addresses.push(address);
            }
        }
        is_new
    }

    /// Whether as many strangers of this address' network_of are known as may be.
    fn is_crowded(&self, text: &str) -> bool {
        let home = |text: &String| address::tcp(text).filter(|(ip, _)| is_public(*ip)).map(|(ip, _)| network_of(ip));
        let Some(here) = home(&text.to_owned()) else { return false };
        let strangers = self.peers.values().filter(|entry| entry.record.seen == 0);
        let of_it = strangers.filter(|entry| entry.record.addresses.first().and_then(home) == Some(here));
        of_it.count() >= Self::STRANGERS
    }

    /// A peer said what it calls itself and where it listens.
    pub fn identified(&mut self, now: Now, peer: PeerId, agent: &str, addresses: &[String]) {
        let fits = |address: &&String| address.len() <= Self::ADDRESS;
        let addresses: Vec<String> = addresses.iter().filter(fits).take(Self::ADDRESSES).cloned().collect();
        let record = &mut self.entry(now, peer).record;
        (record.agent, record.addresses) = (Some(agent.to_owned()), addresses);
    }

    /// A peer did wrong; its score now.
    pub fn penalize(&mut self, now: Now, peer: PeerId, offence: Offence) -> Score {
        let entry = self.entry(now, peer);
        entry.record.score.penalize(offence);
        entry.record.seen = now.secs();
        entry.record.score
    }

    /// A peer was of use.
    pub fn credit(&mut self, now: Now, peer: PeerId, contribution: Contribution) {
        let entry = self.entry(now, peer);
        entry.record.score.credit(contribution);
        (entry.record.seen, entry.record.proven) = (now.secs(), true);
    }

    /// A peer's score at `now` (monotonic).
    pub fn score(&self, now: Duration, peer: PeerId) -> Score {
        let Some(entry) = self.peers.get(&peer) else { return Score::default() };
        let mut score = entry.record.score;
        score.decay(now.saturating_sub(entry.decayed), self.block_time);
        score
    }

    /// A peer's record, its score as of the last change.
    pub fn get(&self, peer: PeerId) -> Option<&PeerEntry> {
        self.peers.get(&peer).map(|entry| &entry.record)
    }

    /// Every peer that is remembered.
    pub fn iter(&self) -> impl Iterator<Item = (PeerId, &PeerEntry)> {
        self.peers.iter().map(|(peer, entry)| (*peer, &entry.record))
    }

    /// What is to be kept since the last time: a record, or `None` for a peer that was forgotten.
    /// Peers whose time is over are forgotten with it.
    pub fn take_changes(&mut self, now: Now) -> Vec<(PeerId, Option<PeerEntry>)> {
        let over: Vec<PeerId> = self.iter().filter(|(_, record)| record.is_over(now)).map(|(peer, _)| peer).collect();
        for peer in over {
            self.peers.remove(&peer);
            self.changed.insert(peer);
        }
        let mut changes = Vec::new();
        for peer in core::mem::take(&mut self.changed) {
            let record = self.peers.get_mut(&peer).map(|entry| {
                entry.bring(now.mono, self.block_time);
                entry.record.clone()
            });
            changes.push((peer, record));
        }
        changes
    }

    /// Whether anything is to be kept.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }

    /// The entry of a peer, its score up to date, to be changed.
    fn entry(&mut self, now: Now, peer: PeerId) -> &mut StoreSlot {
        if !self.peers.contains_key(&peer) && self.peers.len() >= Self::MAX {
            self.make_room(now);
        }
        let fresh = || StoreSlot { record: PeerEntry { seen: now.secs(), ..PeerEntry::default() }, decayed: now.mono };
        let entry = self.peers.entry(peer).or_insert_with(fresh);
        entry.bring(now.mono, self.block_time);
        self.changed.insert(peer);
        entry
    }

    fn make_room(&mut self, now: Now) {
        let worth = |peer: &PeerId, entry: &StoreSlot| {
            let against = self.score(now.mono, *peer).own().min(0.0);
            // The least against it first, then the least use, then the longest unseen, of the never seen the longest not told of.
            (-against, (entry.record.rank(), entry.record.seen, entry.record.found))
        };
        let least = self.peers.iter().map(|(peer, entry)| (worth(peer, entry), *peer));
        let least = least.min_by(|(a, _), (b, _)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        if let Some((_, peer)) = least {
            self.peers.remove(&peer);
            self.changed.insert(peer);
        }
    }
}

impl StoreSlot {
    fn bring(&mut self, now: Duration, block_time: Duration) {
        self.record.score.decay(now.saturating_sub(self.decayed), block_time);
        self.decayed = now;
    }
}
