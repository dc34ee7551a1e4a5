//! The unsafe head: which of the verified blocks leads.
//!
//! The first block wins its height and stays there; the head advances along parent hashes. What is ahead of the head
//! waits, bounded in bytes, while the blocks between are missing: a gap. When nobody fills a gap within the given
//! patience, or what waits outgrows its bound, the head begins again behind it, and the gap is told as skipped.
//!
//! A sequencer that restarts from an older block signs other blocks at heights that have passed. They are conflicts, kept
//! as a branch; when that branch grows beyond the head, the head moves over (the longest signed chain leads, as the
//! sequencer's later word). A block behind the head that does not name it as its parent shows such a branch too.
//!
//! Bounds: [`Head::RECENT`] blocks of the leading chain and as many of branches, by number and hash;
//! [`Head::WAITING_BYTES`] and [`Head::WAITING_BLOCKS`] waiting.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::event::{BlockRef, Conflict, Event, Gap, GapState, NewHead, Why};

/// What the head needs to know of a block.
pub trait Linked {
    /// Height.
    fn number(&self) -> u64;
    /// Hash.
    fn hash(&self) -> B256;
    /// Parent hash.
    fn parent(&self) -> B256;
    /// Unix seconds.
    fn timestamp(&self) -> u64;
    /// Bytes that it holds in memory.
    fn size(&self) -> usize;
}

/// See the module. `B` is the block, shared so that it can wait.
#[derive(Debug)]
pub struct Head<B> {
    patience: Duration,
    /// The leading chain's latest blocks, without holes: hash by number. The last one is the head.
    chain: BTreeMap<u64, B256>,
    /// Parent by block, of every other branch.
    branches: BTreeMap<BlockRef, B256>,
    waiting: BTreeMap<BlockRef, B>,
    waiting_bytes: usize,
    gap: Option<OpenGap>,
}

#[derive(Clone, Copy, Debug)]
struct OpenGap {
    from: u64,
    to: u64,
    skip_at: Duration,
}

impl<B: Linked> Head<B> {
    /// Blocks of the leading chain that are remembered, and blocks of branches.
    pub const RECENT: usize = 1024;
    /// Bytes of waiting blocks.
    pub const WAITING_BYTES: usize = 64 << 20;
    /// Waiting blocks.
    pub const WAITING_BLOCKS: usize = 1024;

    /// No head yet: the first block will be it. `patience` is how long a gap may stay open.
    pub const fn new(patience: Duration) -> Self {
        Self {
            patience,
            chain: BTreeMap::new(),
            branches: BTreeMap::new(),
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            gap: None,
        }
    }

    /// The head.
    pub fn head(&self) -> Option<BlockRef> {
        self.chain.last_key_value().map(|(number, hash)| BlockRef { number: *number, hash: *hash })
    }

    /// The open gap: first and last missing number.
    pub fn gap(&self) -> Option<(u64, u64)> {
        self.gap.map(|gap| (gap.from, gap.to))
    }

    /// When [`Head::handle_timeout`] would skip the gap (monotonic).
    pub fn skip_at(&self) -> Option<Duration> {
        self.gap.map(|gap| gap.skip_at)
    }

    /// Takes a verified block at `now` (monotonic) and tells what it changed.
    pub fn take(&mut self, now: Duration, block: B) -> Vec<Event> {
        let mut events = Vec::new();
        match self.head() {
            None => self.lead(&block, Why::Anchored, &mut events),
            Some(head) if block.number() <= head.number => self.passed(&block, &mut events),
            Some(head) if block.number() == head.number + 1 || self.on_branch(&block) => {
                self.next(head, &block, &mut events);
            }
            Some(_) => self.wait(block),
        }
        self.settle(now, &mut events);
        events
    }

    /// Skips a gap whose time is over at `now` (monotonic).
    pub fn handle_timeout(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if self.gap.is_some_and(|gap| gap.skip_at <= now) {
            self.skip(&mut events);
            self.settle(now, &mut events);
        }
        events
    }

    /// A block at a height that the head has passed.
    fn passed(&mut self, block: &B, events: &mut Vec<Event>) {
        let Some(first) = self.chain.get(&block.number()).copied() else {
            return; // older than what is remembered
        };
        if first == block.hash() {
            return;
        }
        self.remember_branch(block);
        events.push(Event::Conflict(Conflict { number: block.number(), first, second: block.hash() }));
    }

    /// A block that is higher than the head and waits for nothing.
    fn next(&mut self, head: BlockRef, block: &B, events: &mut Vec<Event>) {
        if block.parent() == head.hash {
            self.lead(block, Why::Extended, events);
        } else {
            self.switch(head, block, events);
        }
    }

    /// Whether its parent is known on another branch.
    fn on_branch(&self, block: &B) -> bool {
        let number = block.number().saturating_sub(1);
        self.branches.contains_key(&BlockRef { number, hash: block.parent() })
    }

    /// Moves the head to `block` on another branch. What of that branch is known replaces the leading chain's blocks of
    /// the same heights; what is not known leaves a hole below, so the rest of the old chain is forgotten.
    fn switch(&mut self, head: BlockRef, block: &B, events: &mut Vec<Event>) {
        let mut ancestor = BlockRef { number: block.number().saturating_sub(1), hash: block.parent() };
        let mut moved = Vec::new();
        while let Some(parent) = self.branches.remove(&ancestor) {
            moved.push(ancestor);
            ancestor = BlockRef { number: ancestor.number.saturating_sub(1), hash: parent };
        }
        let kept = self.chain.get(&ancestor.number) == Some(&ancestor.hash);
        if kept {
            self.chain.split_off(&(ancestor.number + 1));
        } else {
            self.chain.clear();
            events.push(Event::Conflict(Conflict { number: head.number, first: head.hash, second: block.parent() }));
        }
        self.chain.extend(moved.iter().map(|block| (block.number, block.hash)));
        self.push(block);
        events.push(Event::Head(new_head(block, Why::Reorged, Some(head))));
    }

    fn lead(&mut self, block: &B, why: Why, events: &mut Vec<Event>) {
        self.push(block);
        events.push(Event::Head(new_head(block, why, None)));
    }

    fn push(&mut self, block: &B) {
        self.chain.insert(block.number(), block.hash());
        while self.chain.len() > Self::RECENT {
            self.chain.pop_first();
        }
    }

    fn remember_branch(&mut self, block: &B) {
        self.branches.insert(reference(block), block.parent());
        while self.branches.len() > Self::RECENT {
            self.branches.pop_first();
        }
    }

    fn wait(&mut self, block: B) {
        let size = block.size();
        if self.waiting.insert(reference(&block), block).is_none() {
            self.waiting_bytes += size;
        }
    }

    /// Advances over all that waits next to the head, then opens, keeps or closes the gap before what still waits.
    fn settle(&mut self, now: Duration, events: &mut Vec<Event>) {
        loop {
            self.advance(events);
            self.update_gap(now, events);
            if self.waiting_bytes <= Self::WAITING_BYTES && self.waiting.len() <= Self::WAITING_BLOCKS {
                break;
            }
            self.skip(events);
        }
    }

    fn advance(&mut self, events: &mut Vec<Event>) {
        while let Some(head) = self.head() {
            let Some(block) = self.take_waiting(head) else { break };
            if block.number() <= head.number {
                self.passed(&block, events);
            } else {
                self.next(head, &block, events);
            }
        }
    }

    /// What waits at or below the head, or next to it: the head's own child before another.
    fn take_waiting(&mut self, head: BlockRef) -> Option<B> {
        let last = BlockRef { number: head.number + 1, hash: B256::repeat_byte(0xff) };
        let mut near = self.waiting.range(..=last);
        let child = near.clone().find(|(_, block)| block.parent() == head.hash).map(|(at, _)| *at);
        let at = child.or_else(|| near.next().map(|(at, _)| *at))?;
        let block = self.waiting.remove(&at)?;
        self.waiting_bytes -= block.size();
        Some(block)
    }

    fn update_gap(&mut self, now: Duration, events: &mut Vec<Event>) {
        let (Some(head), lowest) = (self.head(), self.waiting.first_key_value().map(|(at, _)| at.number)) else {
            return;
        };
        if let Some(gap) = self.gap
            && head.number >= gap.to
        {
            self.gap = None;
            events.push(Event::Gap(Gap { from: gap.from, to: gap.to, state: GapState::Closed }));
        }
        if let (None, Some(lowest)) = (self.gap, lowest) {
            let (from, to) = (head.number + 1, lowest - 1);
            self.gap = Some(OpenGap { from, to, skip_at: now.saturating_add(self.patience) });
            events.push(Event::Gap(Gap { from, to, state: GapState::Opened }));
        }
    }

    /// Begins again at the lowest waiting block.
    fn skip(&mut self, events: &mut Vec<Event>) {
        self.gap = None;
        let Some((at, block)) = self.waiting.pop_first() else { return };
        self.waiting_bytes -= block.size();
        let from = self.head().map_or(at.number, |head| head.number + 1);
        self.chain.clear();
        events.push(Event::Gap(Gap { from, to: at.number - 1, state: GapState::Skipped }));
        self.lead(&block, Why::Anchored, events);
    }
}

fn reference(block: &impl Linked) -> BlockRef {
    BlockRef { number: block.number(), hash: block.hash() }
}

fn new_head(block: &impl Linked, why: Why, replaces: Option<BlockRef>) -> NewHead {
    NewHead {
        number: block.number(),
        hash: block.hash(),
        parent: block.parent(),
        timestamp: block.timestamp(),
        why,
        replaces,
    }
}
