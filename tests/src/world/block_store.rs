//! What a node has kept: every block, and at each height the one on the head's chain, as the daemon's store has them.

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
    leading: BTreeMap<u64, B256>,
}

impl BlockStore {
    pub(super) fn keep(&mut self, keep: &Persist) {
        match keep {
            Persist::Block(block) => {
                let payload = &block.payload;
                let (number, body) = (payload.number(), payload.body().clone());
                let stored = StoredBlock { version: payload.version(), hash: block.hash, body };
                self.all.insert((number, block.hash), (payload.parent_hash(), stored));
            }
            Persist::Head(head) => self.lead(*head),
            Persist::Peer(..) | Persist::Ban(..) => {}
        }
    }

    /// The chain of this head leads, as far down as it is known.
    fn lead(&mut self, head: BlockInfo) {
        self.leading.split_off(&(head.number + 1));
        let (mut number, mut hash) = (head.number, head.hash);
        while let Some((parent, _)) = self.all.get(&(number, hash)) {
            self.leading.insert(number, hash);
            (number, hash) = (number - 1, *parent);
        }
    }

    /// The block of this number: the head's, else any.
    pub(super) fn get(&self, number: u64) -> Option<&StoredBlock> {
        let any = || self.all.range((number, B256::ZERO)..).next().filter(|((at, _), _)| *at == number);
        let led = self.leading.get(&number).and_then(|hash| self.all.get(&(number, *hash)));
        led.or_else(|| any().map(|(_, found)| found)).map(|(_, stored)| stored)
    }

    /// Forgets all but the latest heights.
    pub(super) fn forget(&mut self, keep: usize) {
        let heights: Vec<u64> = self.all.keys().map(|(number, _)| *number).collect();
        let mut heights = heights;
        heights.dedup();
        let oldest = heights.len().checked_sub(keep).and_then(|at| heights.get(at)).copied().unwrap_or(0);
        self.all.retain(|(number, _), _| *number >= oldest);
        self.leading.retain(|number, _| *number >= oldest);
    }

    /// The links of the leading chain, rising.
    pub(super) fn links(&self, time_ms: impl Fn(&Payload) -> u64) -> Vec<BlockInfo> {
        let led = self.leading.iter().filter_map(|(number, hash)| Some(&self.all.get(&(*number, *hash))?.1));
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
        led.map(link).collect()
    }
}
