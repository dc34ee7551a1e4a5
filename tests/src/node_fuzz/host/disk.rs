//! The disk of a run: what it acknowledged survives a restart, nothing else does.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;
use petrel_core::{
    ban::{Ban, BanTarget},
    block::BlockInfo,
    payload_by_number::{Lookup, LookupFailed, StoredBlock},
    peer::PeerId,
    peer_store::PeerEntry,
    persistence::{Persist, Persisted, RestoredState},
};

/// Blocks of the chain that a restart restores, as the daemon does.
const RESTORED: usize = 4096;

/// See the module.
#[derive(Default)]
pub(in super::super) struct Disk {
    /// Whether the disk fails: nothing is written or read.
    pub(in super::super) fails: bool,
    /// When the last write ends: items are persisted in order.
    busy_until: Duration,
    /// Writes that end at a time.
    writes: Vec<(Duration, Persist)>,
    blocks: BTreeMap<B256, (BlockInfo, StoredBlock)>,
    numbers: BTreeMap<u64, B256>,
    head: Option<BlockInfo>,
    peers: BTreeMap<PeerId, PeerEntry>,
    bans: BTreeMap<BanTarget, Ban>,
}

impl Disk {
    /// When a write that takes `took` ends, after those before it.
    pub(super) fn busy_until(&mut self, now: Duration, took: Duration) -> Duration {
        self.busy_until = self.busy_until.max(now) + took;
        self.busy_until
    }

    /// Writes an item; the result is given at `at`.
    pub(super) fn persist(&mut self, item: Persist, at: Duration) -> Persisted {
        if self.fails {
            return Persisted::Failed("no space is left".to_owned());
        }
        self.writes.push((at, item));
        Persisted::OnDisk
    }

    /// The block of this number, once it was written. A disk that fails is not read either.
    pub(super) fn lookup(&self, number: u64) -> Lookup {
        if self.fails {
            return Err(LookupFailed);
        }
        Ok(self.numbers.get(&number).and_then(|hash| self.blocks.get(hash)).map(|(_, stored)| stored.clone()))
    }

    /// What was acknowledged until `now`.
    pub(super) fn restore(&mut self, now: Duration) -> RestoredState {
        for (at, item) in std::mem::take(&mut self.writes) {
            if at <= now {
                self.apply(item);
            }
        }
        self.busy_until = now;
        RestoredState {
            chain: self.chain(),
            peers: self.peers.iter().map(|(peer, entry)| (*peer, entry.clone())).collect(),
            bans: self.bans.iter().map(|(who, ban)| (*who, ban.clone())).collect(),
        }
    }

    /// From the head down, as far as blocks are there; rising.
    fn chain(&self) -> Vec<BlockInfo> {
        let Some(head) = self.head else { return Vec::new() };
        let below = |info: &BlockInfo| self.blocks.get(&info.parent).map(|(info, _)| *info);
        let mut chain: Vec<BlockInfo> = std::iter::successors(Some(head), below).take(RESTORED).collect();
        chain.reverse();
        chain
    }

    fn apply(&mut self, item: Persist) {
        match item {
            Persist::Block(block) => {
                let payload = &block.payload;
                let (number, timestamp) = (payload.number(), payload.timestamp());
                let (parent, timestamp_ms) = (payload.parent_hash(), timestamp * 1000);
                let info = BlockInfo { number, hash: block.hash, parent, timestamp, timestamp_ms };
                let stored = StoredBlock { version: payload.version(), hash: block.hash, body: payload.body().clone() };
                self.blocks.insert(block.hash, (info, stored));
                self.numbers.insert(number, block.hash);
            }
            Persist::Head(head) => self.head = Some(head),
            Persist::Peer(peer, Some(entry)) => _ = self.peers.insert(peer, entry),
            Persist::Peer(peer, None) => _ = self.peers.remove(&peer),
            Persist::Ban(who, Some(ban)) => _ = self.bans.insert(who, ban),
            Persist::Ban(who, None) => _ = self.bans.remove(&who),
        }
    }
}
