//! The tables of blocks, open for writing: the changes for a new block, a new head, and the budget.

use std::collections::BTreeSet;

use petrel_core::block::{Block, BlockInfo, Verified};
use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    budget::StoreBudget,
    layout,
    tables::{BLOCKS, BlockKey, CHAIN, LINKS, StoredLink},
    usage::UsageCount,
};

/// See the module.
pub(super) struct BlockTables<'a> {
    blocks: Table<'a, BlockKey, &'static [u8]>,
    links: Table<'a, BlockKey, StoredLink>,
    chain: Table<'a, u64, [u8; 32]>,
}

impl<'a> BlockTables<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { blocks: write.open_table(BLOCKS)?, links: write.open_table(LINKS)?, chain: write.open_table(CHAIN)? })
    }

    pub(super) fn put(&mut self, block: &Verified<Block>, usage: &mut UsageCount) -> Result<(), redb::Error> {
        let payload = &block.payload;
        let (key, bytes) = ((payload.number(), block.hash.0), payload.body().len() as u64);
        if self.links.insert(key, (payload.parent_hash().0, payload.timestamp(), bytes))?.is_none() {
            self.blocks.insert(key, layout::encode(payload).as_slice())?;
            usage.add(bytes);
        }
        Ok(())
    }

    /// Removes the oldest blocks until the rest is within the budget, and at most this many. The head and the newest block stay.
    pub(super) fn prune(
        &mut self,
        budget: StoreBudget,
        usage: &mut UsageCount,
        most: usize,
    ) -> Result<BTreeSet<BlockKey>, redb::Error> {
        let mut pruned = BTreeSet::new();
        let head = self.chain.last()?.map(|(number, hash)| (number.value(), hash.value()));
        let is_over = |usage: &UsageCount| usage.blocks > budget.blocks || usage.file_bytes > budget.bytes_of_blocks();
        while usage.blocks > 1 && pruned.len() < most && is_over(usage) {
            let mut oldest = None;
            for entry in self.links.iter()?.take(2) {
                let (key, link) = entry?;
                if Some(key.value()) != head {
                    oldest = Some((key.value(), link.value().2));
                    break;
                }
            }
            let Some((key, bytes)) = oldest else { break };
            self.links.remove(key)?;
            self.remove(key)?;
            usage.remove(bytes);
            pruned.insert(key);
        }
        Ok(pruned)
    }

    /// Moves the head: blocks above it are no longer canonical, and below it the known ancestors of the head are. Blocks that were
    /// fetched below the canonical chain are then joined to it.
    pub(super) fn set_head(&mut self, head: BlockInfo) -> Result<(), redb::Error> {
        while self.chain.last()?.is_some_and(|(number, _)| number.value() > head.number) {
            self.chain.pop_last()?;
        }
        self.chain.insert(head.number, head.hash.0)?;
        let (mut number, mut parent) = (head.number, head.parent.0);
        while let Some(below) = number.checked_sub(1) {
            let known = self.chain.get(below)?.map(|hash| hash.value());
            if known == Some(parent) {
                return self.extend_down();
            }
            let next = self.links.get((below, parent))?.map(|link| link.value().0);
            let Some(next) = next else {
                // The parent is unknown: blocks of another branch must not be canonical below it.
                self.forget_below(below)?;
                break;
            };
            self.chain.insert(below, parent)?;
            (number, parent) = (below, next);
        }
        Ok(())
    }

    /// Extends the canonical chain below its first block with known ancestors.
    fn extend_down(&mut self) -> Result<(), redb::Error> {
        let Some((mut number, mut hash)) = self.chain.first()?.map(|(number, hash)| (number.value(), hash.value()))
        else {
            return Ok(());
        };
        while let Some(below) = number.checked_sub(1)
            && let Some(parent) = self.links.get((number, hash))?.map(|link| link.value().0)
            && self.links.get((below, parent))?.is_some()
        {
            self.chain.insert(below, parent)?;
            (number, hash) = (below, parent);
        }
        Ok(())
    }

    /// The canonical chain has a gap at `number`: it begins above it.
    fn forget_below(&mut self, number: u64) -> Result<(), redb::Error> {
        while self.chain.first()?.is_some_and(|(first, _)| first.value() <= number) {
            self.chain.pop_first()?;
        }
        Ok(())
    }

    fn remove(&mut self, (number, hash): BlockKey) -> Result<(), redb::Error> {
        self.blocks.remove((number, hash))?;
        if self.chain.get(number)?.is_some_and(|canonical| canonical.value() == hash) {
            self.chain.remove(number)?;
        }
        Ok(())
    }
}
