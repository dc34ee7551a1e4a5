//! The verified blocks that a tab keeps: the newest ones, bounded in bytes and in number.
//!
//! A block is dropped when it is the farthest from the newest block that was gossiped, above or below it: fetched blocks come
//! newest first, and after a reorg the replaced blocks may have higher numbers than the head. Of two blocks of one number
//! the one that is not part of the chain goes first.

use std::collections::{BTreeMap, BTreeSet};

use alloy_primitives::B256;
use petrel_core::{
    Event,
    event::{NewBlock, Via},
};

use super::{canonical::Canonical, kept::KeptBlock};

/// The bounds of a [`Window`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct WindowLimits {
    /// Bytes of bodies, of the index of transactions (32 bytes each) and of what a block takes beside them.
    pub(crate) bytes: usize,
    /// Blocks. 4096 are two hours of a block every two seconds, and a quarter of an hour at five a second.
    pub(crate) blocks: usize,
}

impl Default for WindowLimits {
    fn default() -> Self {
        Self { bytes: 64 << 20, blocks: 4096 }
    }
}

/// What the window keeps now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WindowSummary {
    /// The lowest and the highest number of the chain whose blocks are kept without a hole; `None` when none is kept.
    pub(crate) numbers: Option<(u64, u64)>,
    /// All kept blocks, those of other branches included.
    pub(crate) blocks: usize,
    /// What they take, bytes.
    pub(crate) bytes: usize,
}

/// The kept blocks.
#[derive(Debug)]
pub(crate) struct Window {
    limits: WindowLimits,
    blocks: BTreeMap<B256, KeptBlock>,
    /// Their numbers and hashes.
    order: BTreeSet<(u64, B256)>,
    canonical: Canonical,
    bytes: usize,
    /// The number of the newest block that was not fetched, by arrival.
    newest: u64,
}

impl Default for Window {
    fn default() -> Self {
        Self::new(WindowLimits::default())
    }
}

impl Window {
    /// An empty window.
    pub(crate) fn new(limits: WindowLimits) -> Self {
        let (blocks, order) = (BTreeMap::new(), BTreeSet::new());
        Self { limits, blocks, order, canonical: Canonical::default(), bytes: 0, newest: 0 }
    }

    /// Takes what an event says of the chain.
    pub(crate) fn observe(&mut self, event: &Event) {
        match event {
            Event::Block(block) => self.add(block),
            Event::Head(head) => {
                let blocks = &self.blocks;
                self.canonical.head(head.number, head.hash, head.parent, |hash| parent(blocks, hash));
                self.bound();
            }
            _ => {}
        }
    }

    fn add(&mut self, event: &NewBlock) {
        let (number, hash) = (event.block.payload.number(), event.block.hash);
        if event.via != Via::Sync || self.blocks.is_empty() {
            self.newest = number;
        }
        if self.blocks.contains_key(&hash) {
            return;
        }
        let kept = KeptBlock::new(event);
        self.bytes += kept.cost();
        self.order.insert((number, hash));
        self.blocks.insert(hash, kept);
        let blocks = &self.blocks;
        self.canonical.added(number, hash, event.block.payload.parent_hash(), |hash| parent(blocks, hash));
        self.bound();
    }

    /// Drops blocks until the limits hold; the last one stays.
    fn bound(&mut self) {
        while self.blocks.len() > 1 && (self.bytes > self.limits.bytes || self.blocks.len() > self.limits.blocks) {
            let Some(farthest) = self.farthest() else { break };
            self.order.remove(&farthest);
            if let Some(dropped) = self.blocks.remove(&farthest.1) {
                self.bytes -= dropped.cost();
            }
        }
        // The parent of the lowest kept block has a name and no contents.
        let lowest = self.order.first().map_or(0, |(number, _)| number.saturating_sub(1));
        self.canonical.keep(lowest, self.limits.blocks + 1);
    }

    fn farthest(&self) -> Option<(u64, B256)> {
        let ((lowest, _), (highest, _)) = (*self.order.first()?, *self.order.last()?);
        let number = if self.newest.abs_diff(highest) > self.newest.abs_diff(lowest) { highest } else { lowest };
        let mut of_number = self.order.range((number, B256::ZERO)..=(number, B256::repeat_byte(0xff))).copied();
        let first = of_number.clone().next();
        of_number.find(|(number, hash)| !self.canonical.contains(*number, hash)).or(first)
    }

    /// The block with this hash, of any branch.
    pub(crate) fn block(&self, hash: &B256) -> Option<&KeptBlock> {
        self.blocks.get(hash)
    }

    /// The block of the chain with this number.
    pub(crate) fn numbered(&self, number: u64) -> Option<&KeptBlock> {
        self.block(&self.canonical.hash(number)?)
    }

    /// The head.
    pub(crate) fn head(&self) -> Option<&KeptBlock> {
        self.block(&self.canonical.newest()?)
    }

    /// Whether the block is part of the chain.
    pub(crate) fn is_canonical(&self, block: &KeptBlock) -> bool {
        self.canonical.contains(block.payload.number(), &block.hash)
    }

    /// The kept blocks of the chain, the newest first.
    fn chain(&self) -> impl Iterator<Item = (u64, &KeptBlock)> {
        self.canonical.newest_first().filter_map(|(number, hash)| Some((number, self.block(hash)?)))
    }

    /// The block of the chain that has a transaction, and the transaction's index. The hashes of a block's transactions are
    /// computed when it is first looked at.
    pub(crate) fn transaction(&self, hash: &B256) -> Option<(&KeptBlock, usize)> {
        self.chain().find_map(|(_, block)| {
            let index = block.transaction_hashes().iter().position(|found| found == hash)?;
            Some((block, index))
        })
    }

    /// What is kept now.
    pub(crate) fn summary(&self) -> WindowSummary {
        let mut numbers: Option<(u64, u64)> = None;
        for (number, _) in self.chain() {
            match numbers {
                None => numbers = Some((number, number)),
                Some((lowest, highest)) if lowest.checked_sub(1) == Some(number) => numbers = Some((number, highest)),
                Some(_) => break,
            }
        }
        WindowSummary { numbers, blocks: self.blocks.len(), bytes: self.bytes }
    }
}

fn parent(blocks: &BTreeMap<B256, KeptBlock>, hash: &B256) -> Option<B256> {
    blocks.get(hash).map(|block| block.payload.parent_hash())
}

#[cfg(test)]
mod tests;
