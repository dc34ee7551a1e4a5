//! The blocks that a node has persisted: all of them, and at each height the one on the head's chain, as in the daemon's database.

use std::collections::BTreeMap;

use alloy_primitives::B256;
use petrel_core::{
    block::{BlockInfo, Payload},
    payload_by_number::StoredBlock,
    persistence::Persist,
};

/// See the module.
#[derive(Default)]
pub(super) struct BlockStore {
    all: BTreeMap<(u64, B256), (B256, StoredBlock)>,
    canonical: BTreeMap<u64, B256>,
}

impl BlockStore {
    pub(super) fn persist(&mut self, item: &Persist) {
        match item {
            Persist::Block(block) => {
                let payload = &block.payload;
                let (number, body) = (payload.number(), payload.body().clone());
                let stored = StoredBlock { version: payload.version(), hash: block.hash, body };
                self.all.insert((number, block.hash), (payload.parent_hash(), stored));
            }
            Persist::Head(head) => self.make_canonical(*head),
            Persist::Peer(..) | Persist::Ban(..) => {}
        }
    }

    /// The chain of this head becomes canonical, as far down as its blocks are stored.
    fn make_canonical(&mut self, head: BlockInfo) {
        self.canonical.split_off(&(head.number + 1));
        let (mut number, mut hash) = (head.number, head.hash);
        while let Some((parent, _)) = self.all.get(&(number, hash)) {
            self.canonical.insert(number, hash);
            (number, hash) = (number - 1, *parent);
        }
    }

    /// The block of this number: the canonical one, else any.
    pub(super) fn get(&self, number: u64) -> Option<&StoredBlock> {
        let any = || self.all.range((number, B256::ZERO)..).next().filter(|((at, _), _)| *at == number);
        let canonical = self.canonical.get(&number).and_then(|hash| self.all.get(&(number, *hash)));
        canonical.or_else(|| any().map(|(_, found)| found)).map(|(_, stored)| stored)
    }

    /// Removes all but the latest heights.
    pub(super) fn keep_latest(&mut self, keep: usize) {
        let heights: Vec<u64> = self.all.keys().map(|(number, _)| *number).collect();
        let mut heights = heights;
        heights.dedup();
        let oldest = heights.len().checked_sub(keep).and_then(|at| heights.get(at)).copied().unwrap_or(0);
        self.all.retain(|(number, _), _| *number >= oldest);
        self.canonical.retain(|number, _| *number >= oldest);
    }

    /// The blocks of the canonical chain, in rising order.
    pub(super) fn links(&self, time_ms: impl Fn(&Payload) -> u64) -> Vec<BlockInfo> {
        let found = self.canonical.iter().filter_map(|(number, hash)| Some(&self.all.get(&(*number, *hash))?.1));
        let link = |stored: &StoredBlock| {
            let payload = Payload::decode(stored.version, stored.body.clone()).expect("it was verified");
            let (timestamp, timestamp_ms) = (payload.timestamp(), time_ms(&payload));
            BlockInfo {
                number: payload.number(),
                hash: stored.hash,
                parent: payload.parent_hash(),
                timestamp,
                timestamp_ms,
            }
        };
        found.map(link).collect()
    }
}
