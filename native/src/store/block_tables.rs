//! The tables of blocks, open for writing: what a block, a head and the budget change in them.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use petrel_core::block::{Block, BlockInfo, Verified};
use redb::{ReadableTable, Table, WriteTransaction};

use super::{
    Budget,
    layout::{self, BLOCKS, CHAIN, KeptLink, Key, LINKS},
};

/// Blocks and bytes that are there.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) blocks: u64,
    pub(super) bytes: u64,
}

/// The same, for whoever looks from outside.
#[derive(Debug, Default)]
pub struct Holdings {
    blocks: AtomicU64,
    bytes: AtomicU64,
}

impl Holdings {
    /// Blocks that are kept.
    pub fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::Relaxed)
    }

    /// Bytes of their payloads.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, held: Held) {
        self.blocks.store(held.blocks, Ordering::Relaxed);
        self.bytes.store(held.bytes, Ordering::Relaxed);
    }
}

/// See the module.
pub(super) struct Blocks<'a> {
    blocks: Table<'a, Key, &'static [u8]>,
    links: Table<'a, Key, KeptLink>,
    chain: Table<'a, u64, [u8; 32]>,
}

impl<'a> Blocks<'a> {
    pub(super) fn open(write: &'a WriteTransaction) -> Result<Self, redb::Error> {
        Ok(Self { blocks: write.open_table(BLOCKS)?, links: write.open_table(LINKS)?, chain: write.open_table(CHAIN)? })
    }

    pub(super) fn put(&mut self, block: &Verified<Block>, held: &mut Held) -> Result<(), redb::Error> {
        let payload = &block.payload;
        let (key, bytes) = ((payload.number(), block.hash.0), payload.body().len() as u64);
        if self.links.insert(key, (payload.parent_hash().0, payload.timestamp(), bytes))?.is_none() {
            self.blocks.insert(key, layout::encode(payload).as_slice())?;
            (held.blocks, held.bytes) = (held.blocks + 1, held.bytes + bytes);
        }
        Ok(())
    }

    /// Removes the oldest until the rest is within the budget. The head and the newest stay.
    pub(super) fn prune(&mut self, budget: Budget, held: &mut Held) -> Result<BTreeSet<Key>, redb::Error> {
        let mut pruned = BTreeSet::new();
        let head = self.chain.last()?.map(|(number, hash)| (number.value(), hash.value()));
        while held.blocks > 1 && (held.blocks > budget.blocks || held.bytes > budget.bytes) {
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
            (held.blocks, held.bytes) = (held.blocks - 1, held.bytes - bytes);
            pruned.insert(key);
        }
        Ok(pruned)
    }

    /// The head moved: what is above it leads no more, and below it leads what its parents name, as far as that is another
    /// chain and is known. What was fetched below the leading chain since is joined to it.
    pub(super) fn lead(&mut self, head: BlockInfo) -> Result<(), redb::Error> {
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
                // Nobody knows what is below: another chain's blocks must not stand there.
                self.forget_below(below)?;
                break;
            };
            self.chain.insert(below, parent)?;
            (number, parent) = (below, next);
        }
        Ok(())
    }

    /// The leading chain goes on below its first block, as far as that is known.
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

    /// The leading chain has a hole at `number`: it begins above it.
    fn forget_below(&mut self, number: u64) -> Result<(), redb::Error> {
        while self.chain.first()?.is_some_and(|(first, _)| first.value() <= number) {
            self.chain.pop_first()?;
        }
        Ok(())
    }

    fn remove(&mut self, (number, hash): Key) -> Result<(), redb::Error> {
        self.blocks.remove((number, hash))?;
        if self.chain.get(number)?.is_some_and(|leading| leading.value() == hash) {
            self.chain.remove(number)?;
        }
        Ok(())
    }
}
