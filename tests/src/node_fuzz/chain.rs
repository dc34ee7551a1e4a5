//! The sequencer's chain: every block that it signed, and which of them are canonical.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;
use bytes::Bytes;
use petrel_core::{
    chain::Chain,
    fork::{Fork, Version},
    message::{Form, Message, MessageId},
    payload_by_number::StoredBlock,
};

use crate::forge::{Forge, compress};

/// Unix seconds of the first block.
pub(super) const START: u64 = 1_800_000_000;
/// Number of the first block.
pub(super) const FIRST: u64 = 1000;
/// The block interval.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);
/// Length of a signature, bytes.
const SIGNATURE: usize = 65;

/// A block that the sequencer signed.
#[derive(Clone, Debug)]
pub(super) struct SignedBlock {
    pub(super) number: u64,
    pub(super) parent: B256,
    pub(super) id: MessageId,
    pub(super) message: Message,
    pub(super) stored: StoredBlock,
}

/// See the module.
pub(super) struct SignedChain {
    chain: Chain,
    blocks: BTreeMap<B256, SignedBlock>,
    canonical: BTreeMap<u64, B256>,
    /// Counts branches: makes the blocks of a branch differ from those that they replace.
    branch: u64,
}

/// The version of every block of a run.
pub(super) fn version() -> Version {
    Fork::Isthmus.version()
}

/// As gossip delivers it.
pub(super) fn message(data: Vec<u8>) -> Message {
    Message { form: Form::Snappy, wire: compress(&data).len(), data: data.into() }
}

/// The time of a block number, Unix seconds.
pub(super) fn time_of(number: u64) -> u64 {
    START + number.saturating_sub(FIRST) * INTERVAL.as_secs()
}

impl SignedChain {
    pub(super) fn new(chain: Chain) -> Self {
        let mut signed = Self { chain, blocks: BTreeMap::new(), canonical: BTreeMap::new(), branch: 0 };
        signed.produce(FIRST);
        signed
    }

    /// Makes the blocks that are due at `unix` seconds.
    pub(super) fn produce_until(&mut self, unix: u64) {
        while time_of(self.tip() + 1) <= unix {
            self.produce(self.tip() + 1);
        }
    }

    /// The sequencer goes back by `depth` blocks and makes others in their place; how many were replaced.
    pub(super) fn reorg(&mut self, depth: u64) -> usize {
        let tip = self.tip();
        let from = tip.saturating_sub(depth).max(FIRST + 1);
        self.branch += 1;
        let replaced = self.canonical.split_off(&from).len();
        for number in from..=tip {
            self.produce(number);
        }
        replaced
    }

    fn produce(&mut self, number: u64) {
        let parent = self.canonical.get(&(number - 1)).copied().unwrap_or_else(|| B256::repeat_byte(9));
        let branch = self.branch;
        let (data, hash) = self.forge(number, time_of(number), parent, branch).sealed();
        let body = Bytes::from(data[SIGNATURE..].to_vec());
        let message = message(data);
        let id = message.id(&self.chain.topic(version()));
        let stored = StoredBlock { version: version(), hash, body };
        self.blocks.insert(hash, SignedBlock { number, parent, id, message, stored });
        self.canonical.insert(number, hash);
    }

    /// A block like the sequencer's, to be sealed or changed.
    pub(super) fn forge(&self, number: u64, timestamp: u64, parent: B256, branch: u64) -> Forge {
        Forge::new(self.chain.id, Fork::Isthmus, number, timestamp, 300).with(|payload| {
            payload.parent_hash = parent;
            payload.gas_used += branch;
        })
    }

    pub(super) fn chain(&self) -> &Chain {
        &self.chain
    }

    /// The newest number.
    pub(super) fn tip(&self) -> u64 {
        self.canonical.last_key_value().map_or(FIRST, |(number, _)| *number)
    }

    /// The canonical block of a number.
    pub(super) fn at(&self, number: u64) -> Option<&SignedBlock> {
        self.blocks.get(self.canonical.get(&number)?)
    }

    pub(super) fn get(&self, hash: B256) -> Option<&SignedBlock> {
        self.blocks.get(&hash)
    }

    /// Whether the second block descends from the first one, which is another one.
    pub(super) fn is_ancestor(&self, ancestor: B256, of: B256) -> bool {
        let parent = |block: &&SignedBlock| self.blocks.get(&block.parent);
        std::iter::successors(self.blocks.get(&of), parent).any(|block| block.parent == ancestor)
    }

    /// The signed blocks of a number, canonical or not.
    pub(super) fn count_at(&self, number: u64) -> usize {
        self.blocks.values().filter(|block| block.number == number).count()
    }

    /// Whether the sequencer ever went back.
    pub(super) fn has_reorged(&self) -> bool {
        self.branch > 0
    }
}
