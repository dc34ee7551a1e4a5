//! Reorgs: other branches that the sequencer signed, when the head moves to one, and which blocks are replaced.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::{
    block::{BlockInfo, BlockRef},
    event::{Conflict, Event, Gap, GapState, HeadReason, Reorg},
    range_sync::RangeTarget,
    unsafe_chain::{
        Head,
        branches::{LeftBranch, new_head},
    },
};

impl Head {
    /// The blocks missing between the branch that was left and the chain.
    pub(super) fn below(&self) -> Option<RangeTarget> {
        let left = self.left.as_ref()?;
        let to = self.chain.first_key_value()?.0.checked_sub(1)?;
        // The common ancestor cannot be below the lowest remembered block.
        let from = left.chain.first_key_value()?.0.checked_add(1)?.max(to.saturating_sub(self.max_gap.max(1) - 1));
        (from <= to).then_some(RangeTarget { from, to, expected: Some(left.expected) })
    }

    /// Takes a block at a height that the head has passed.
    pub(super) fn passed(&mut self, now: Duration, block: &BlockInfo, events: &mut Vec<Event>) {
        let first = self.chain.get(&block.number).copied();
        if first == Some(block.hash) || first.is_none() && self.left.is_none() {
            return; // known, or older than what is remembered
        }
        let parent = BlockRef { number: block.number.saturating_sub(1), hash: block.parent };
        let descends = self.branches.contains_key(&parent);
        let is_known = descends || self.has_branch_child(block);
        self.remember_branch(block.block(), block.parent);
        let Some(first) = first else { return };
        if !is_known {
            events.push(Event::Conflict(Conflict { number: block.number, first, second: block.hash }));
        } else if descends
            && now.saturating_sub(self.moved_at) >= self.quiet
            && let Some(head) = self.head()
        {
            // Blocks waiting above were mostly signed before the sequencer went back.
            self.drop_waiting();
            if let Some(gap) = self.gap.take() {
                events.push(Event::Gap(Gap { from: gap.from, to: gap.to, state: GapState::Skipped }));
            }
            self.switch(now, head, block, events);
        }
    }

    /// Drops the waiting blocks. One that belongs to the new chain all the same is fetched again, and is remembered as
    /// one that was emitted.
    fn drop_waiting(&mut self) {
        self.dropped.extend(core::mem::take(&mut self.waiting).into_keys());
        while self.dropped.len() > self.recent {
            self.dropped.pop_first();
        }
    }

    /// Whether a block was emitted before it was dropped in a reorg; asked once for each block.
    pub(super) fn was_dropped(&mut self, block: BlockRef) -> bool {
        self.dropped.remove(&block)
    }

    /// Whether a block of a branch names this block as its parent.
    fn has_branch_child(&self, block: &BlockInfo) -> bool {
        let above = |hash| BlockRef { number: block.number.saturating_add(1), hash };
        let children = self.branches.range(above(B256::ZERO)..=above(B256::repeat_byte(0xff)));
        children.into_iter().any(|(_, parent)| *parent == block.hash)
    }

    /// Takes a block above the head that does not wait for a missing block.
    pub(super) fn next(&mut self, now: Duration, head: BlockRef, block: &BlockInfo, events: &mut Vec<Event>) {
        if block.parent == head.hash {
            self.set_head(now, block, HeadReason::Extended, events);
        } else {
            if !self.on_branch(block) {
                events.push(Event::Conflict(Conflict { number: head.number, first: head.hash, second: block.parent }));
            }
            self.switch(now, head, block, events);
        }
    }

    /// Whether its parent is known on another branch.
    pub(super) fn on_branch(&self, block: &BlockInfo) -> bool {
        let parent = BlockRef { number: block.number.saturating_sub(1), hash: block.parent };
        self.branches.contains_key(&parent) || self.left.as_ref().and_then(LeftBranch::head) == Some(parent)
    }

    /// The parent hash of a block on another branch.
    fn parent_of(&self, block: BlockRef) -> Option<B256> {
        let of_left = || {
            let left = &self.left.as_ref()?.chain;
            left.get(&block.number).filter(|hash| **hash == block.hash)?;
            left.get(&block.number.checked_sub(1)?).copied()
        };
        self.branches.get(&block).copied().or_else(of_left)
    }

    /// Moves the head to `block` on another branch; the branch becomes the chain, as far down as it is known.
    fn switch(&mut self, now: Duration, head: BlockRef, block: &BlockInfo, events: &mut Vec<Event>) {
        let mut ancestor = BlockRef { number: block.number.saturating_sub(1), hash: block.parent };
        let mut path = Vec::new();
        while self.chain.get(&ancestor.number) != Some(&ancestor.hash)
            && let Some(parent) = self.parent_of(ancestor)
        {
            path.push(ancestor);
            ancestor = BlockRef { number: ancestor.number.saturating_sub(1), hash: parent };
        }
        for block in &path {
            self.branches.remove(block);
        }
        let ancestor_known = self.chain.get(&ancestor.number) == Some(&ancestor.hash);
        let replaced = if ancestor_known {
            self.chain.split_off(&(ancestor.number + 1))
        } else {
            core::mem::take(&mut self.chain)
        };
        self.chain.extend(path.iter().map(|block| (block.number, block.hash)));
        self.push(now, block);
        events.push(Event::Head(new_head(block, HeadReason::Reorged, Some(head))));
        if ancestor_known {
            self.emit_reorg(replaced, Some(ancestor.hash), events);
        } else {
            self.leave(now, replaced, ancestor, events);
        }
    }

    /// The head has left the branch `replaced`, and the chain is known only down to the block above `missing`.
    fn leave(&mut self, now: Duration, replaced: BTreeMap<u64, B256>, missing: BlockRef, events: &mut Vec<Event>) {
        let give_up_at = now.saturating_add(self.timeout);
        let (before, expected) = (self.left.take(), missing.hash);
        // An earlier left branch that is the chain again is known as far down as it was remembered.
        let is_chain_again = |head: BlockRef| self.chain.get(&head.number) == Some(&head.hash);
        let before = before.filter(|before| !before.head().is_some_and(is_chain_again));
        let deepest = replaced.first_key_value().map_or(u64::MAX, |(number, _)| *number);
        match before {
            // The common ancestor of the two left branches is not known either, and the first branch goes deeper.
            Some(before) => {
                self.emit_reorg(replaced, Some(before.expected), events);
                self.left = Some(LeftBranch { chain: before.chain, expected, give_up_at });
            }
            None if missing.number <= deepest => return self.emit_reorg(replaced, None, events),
            None => self.left = Some(LeftBranch { chain: replaced, expected, give_up_at }),
        }
        self.join(events);
    }

    /// Restores a branch that an earlier run had left before it found the common ancestor; `expected` is the parent
    /// hash of the chain's lowest block.
    pub(super) fn restore_left(&mut self, now: Duration, chain: BTreeMap<u64, B256>, expected: B256) {
        self.left = Some(LeftBranch { chain, expected, give_up_at: now.saturating_add(self.timeout) });
    }

    /// Whether a block is the missing parent of the chain's lowest block.
    pub(super) fn is_wanted_below(&self, block: &BlockInfo) -> bool {
        let lowest = self.chain.first_key_value().map(|(number, _)| *number);
        let above = block.number.checked_add(1);
        above.is_some() && above == lowest && self.left.as_ref().is_some_and(|left| left.expected == block.hash)
    }

    /// Takes the missing parent of the chain's lowest block.
    pub(super) fn extend_down(&mut self, block: &BlockInfo, events: &mut Vec<Event>) {
        self.chain.insert(block.number, block.hash);
        if let Some(left) = &mut self.left {
            left.expected = block.parent;
        }
        self.join(events);
    }

    /// Extends the chain downwards over known blocks; where it meets the branch that was left, the reorg is complete.
    fn join(&mut self, events: &mut Vec<Event>) {
        loop {
            let Some(left) = &mut self.left else { return };
            let Some(below) = self.chain.first_key_value().and_then(|(number, _)| number.checked_sub(1)) else {
                return;
            };
            if left.chain.get(&below) == Some(&left.expected) {
                let replaced = left.chain.split_off(&(below + 1));
                self.chain.append(&mut left.chain);
                let parent = left.expected;
                self.left = None;
                self.emit_reorg(replaced, Some(parent), events);
                return self.forget_oldest();
            }
            if left.chain.first_key_value().is_none_or(|(lowest, _)| *lowest >= below) {
                return self.give_up(events);
            }
            let Some(parent) = self.branches.remove(&BlockRef { number: below, hash: left.expected }) else { return };
            self.chain.insert(below, left.expected);
            left.expected = parent;
        }
    }

    /// Gives up the search for the common ancestor: the reorg is emitted as far as it is known.
    pub(super) fn give_up(&mut self, events: &mut Vec<Event>) {
        let Some(mut left) = self.left.take() else { return };
        let lowest = self.chain.first_key_value().map_or(0, |(number, _)| number.saturating_sub(1));
        self.emit_reorg(left.chain.split_off(&lowest), None, events);
    }

    /// Emits the replaced blocks, and remembers them as a branch that may grow again; `parent` is the parent hash of
    /// the first one.
    fn emit_reorg(&mut self, replaced: BTreeMap<u64, B256>, parent: Option<B256>, events: &mut Vec<Event>) {
        let (Some((from, first)), Some((to, _))) = (replaced.first_key_value(), replaced.last_key_value()) else {
            return;
        };
        let skipped = replaced.len().saturating_sub(Reorg::HASHES);
        let hashes = replaced.values().skip(skipped).copied().collect();
        events.push(Event::Reorg(Reorg { from: *from, to: *to, depth: to - from + 1, hashes }));
        let first = parent.map(|parent| (BlockRef { number: *from, hash: *first }, parent));
        let rest = replaced.iter().zip(replaced.iter().skip(1));
        let rest = rest.map(|((_, parent), (number, hash))| (BlockRef { number: *number, hash: *hash }, *parent));
        let blocks: Vec<_> = first.into_iter().chain(rest).collect();
        for (block, parent) in blocks {
            self.remember_branch(block, parent);
        }
    }

    fn remember_branch(&mut self, block: BlockRef, parent: B256) {
        self.branches.insert(block, parent);
        while self.branches.len() > 2 * self.recent {
            self.branches.pop_first();
        }
    }
}
