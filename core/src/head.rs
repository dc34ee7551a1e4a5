//! The unsafe head: which of the verified blocks leads.
//!
//! The first block wins its height and stays there; the head advances along parent hashes. What is ahead of the head
//! waits, as a link of numbers and hashes, while the blocks between are missing: a gap. It is closed from its upper end by
//! reverse sync ([`Head::aim`]), or by late gossip from either. When nobody can fill it, or it is wider than it may be, the
//! head begins again behind it, and the gap is told as skipped.
//!
//! A sequencer that restarts from an older block signs other blocks at heights that have passed. They are conflicts, kept
//! as a branch; when that branch grows beyond the head, the head moves over (the longest signed chain leads, as the
//! sequencer's later word). A block behind the head that does not name it as its parent shows such a branch too.
//!
//! Bounds: [`Head::RECENT`] blocks of the leading chain and as many of branches, by number and hash; [`Head::WAITING`]
//! links waiting.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::event::{BlockRef, Conflict, Event, Gap, GapState, NewHead, Why};

/// What the head needs to know of a verified block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Link {
    /// Height.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Parent hash.
    pub parent: B256,
    /// Unix seconds.
    pub timestamp: u64,
}

/// What would bring the head nearer to what waits: the missing blocks, and the hash of the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aim {
    /// The first missing number.
    pub from: u64,
    /// The last missing number.
    pub to: u64,
    /// The hash of block `to`, as its verified child names it; `None` where nothing verified is known beyond it yet.
    pub expected: Option<B256>,
}

/// See the module.
#[derive(Debug)]
pub struct Head {
    patience: Duration,
    /// Blocks that a gap may have.
    max_gap: u64,
    /// The leading chain's latest blocks, without holes: hash by number. The last one is the head.
    chain: BTreeMap<u64, B256>,
    /// Parent by block, of every other branch.
    branches: BTreeMap<BlockRef, B256>,
    waiting: BTreeMap<BlockRef, Link>,
    gap: Option<OpenGap>,
}

#[derive(Clone, Copy, Debug)]
struct OpenGap {
    from: u64,
    to: u64,
    skip_at: Duration,
}

impl Head {
    /// Blocks of the leading chain that are remembered, and blocks of branches.
    pub const RECENT: usize = 1024;
    /// Links that wait: a gap of the widest kind, closed from its end, and what comes meanwhile.
    pub const WAITING: usize = 1 << 16;
    /// A gap may be this wide at most.
    pub const MAX_GAP: u64 = 50_000;
    /// Heads that one call tells; of a longer advance only the last.
    const TOLD: usize = 64;

    /// No head yet: the first block will be it. `patience` is how long a gap may stay open with nobody to fill it,
    /// `max_gap` how many blocks it may have.
    pub const fn new(patience: Duration, max_gap: u64) -> Self {
        Self {
            patience,
            max_gap,
            chain: BTreeMap::new(),
            branches: BTreeMap::new(),
            waiting: BTreeMap::new(),
            gap: None,
        }
    }

    /// The same with the leading chain of an earlier run: its latest links in rising order. Only what hangs together with
    /// the last of them counts.
    #[must_use]
    pub fn restored(mut self, links: &[Link]) -> Self {
        let mut above: Option<&Link> = None;
        for link in links.iter().rev().take(Self::RECENT) {
            if above.is_some_and(|above| (link.number + 1, link.hash) != (above.number, above.parent)) {
                break;
            }
            self.chain.insert(link.number, link.hash);
            above = Some(link);
        }
        self
    }

    /// The head.
    pub fn head(&self) -> Option<BlockRef> {
        self.chain.last_key_value().map(|(number, hash)| BlockRef { number: *number, hash: *hash })
    }

    /// The open gap: first and last missing number.
    pub fn gap(&self) -> Option<(u64, u64)> {
        self.gap.map(|gap| (gap.from, gap.to))
    }

    /// What is missing between the head and the lowest that waits.
    pub fn aim(&self) -> Option<Aim> {
        let (head, lowest) = (self.head()?, self.lowest()?);
        let (from, to) = (head.number + 1, lowest.number.checked_sub(1)?);
        (from <= to).then_some(Aim { from, to, expected: Some(lowest.parent) })
    }

    /// The lowest that waits; of several at one height one that another waits for.
    fn lowest(&self) -> Option<&Link> {
        let (first, _) = self.waiting.first_key_value()?;
        let last = BlockRef { number: first.number, hash: B256::repeat_byte(0xff) };
        let mut siblings = self.waiting.range(..=last).map(|(_, link)| link).peekable();
        let first = *siblings.peek()?;
        let from = BlockRef { number: first.number + 1, hash: B256::ZERO };
        let to = BlockRef { number: first.number + 1, hash: B256::repeat_byte(0xff) };
        let is_parent = |link: &&Link| self.waiting.range(from..=to).any(|(_, child)| child.parent == link.hash);
        siblings.find(is_parent).or(Some(first))
    }

    /// When [`Head::handle_timeout`] would skip the gap (monotonic).
    pub fn skip_at(&self) -> Option<Duration> {
        self.gap.map(|gap| gap.skip_at)
    }

    /// Takes a verified block at `now` (monotonic) and tells what it changed.
    pub fn take(&mut self, now: Duration, block: Link) -> Vec<Event> {
        let mut events = Vec::new();
        match self.head() {
            None => self.lead(&block, Why::Anchored, &mut events),
            Some(head) if block.number <= head.number => self.passed(&block, &mut events),
            Some(head) if block.number == head.number + 1 || self.on_branch(&block) => {
                self.next(head, &block, &mut events);
            }
            Some(_) => _ = self.waiting.insert(reference(&block), block),
        }
        self.settle(now, &mut events);
        events
    }

    /// Somebody may yet fill the gap: the patience begins again at `now` (monotonic).
    pub fn hope(&mut self, now: Duration) {
        if let Some(gap) = &mut self.gap {
            gap.skip_at = now.saturating_add(self.patience);
        }
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
    fn passed(&mut self, block: &Link, events: &mut Vec<Event>) {
        let Some(first) = self.chain.get(&block.number).copied() else {
            return; // older than what is remembered
        };
        if first == block.hash {
            return;
        }
        self.remember_branch(block);
        events.push(Event::Conflict(Conflict { number: block.number, first, second: block.hash }));
    }

    /// A block that is higher than the head and waits for nothing.
    fn next(&mut self, head: BlockRef, block: &Link, events: &mut Vec<Event>) {
        if block.parent == head.hash {
            self.lead(block, Why::Extended, events);
        } else {
            self.switch(head, block, events);
        }
    }

    /// Whether its parent is known on another branch.
    fn on_branch(&self, block: &Link) -> bool {
        let number = block.number.saturating_sub(1);
        self.branches.contains_key(&BlockRef { number, hash: block.parent })
    }

    /// Moves the head to `block` on another branch. What of that branch is known replaces the leading chain's blocks of
    /// the same heights; what is not known leaves a hole below, so the rest of the old chain is forgotten.
    fn switch(&mut self, head: BlockRef, block: &Link, events: &mut Vec<Event>) {
        let mut ancestor = BlockRef { number: block.number.saturating_sub(1), hash: block.parent };
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
            events.push(Event::Conflict(Conflict { number: head.number, first: head.hash, second: block.parent }));
        }
        self.chain.extend(moved.iter().map(|block| (block.number, block.hash)));
        self.push(block);
        events.push(Event::Head(new_head(block, Why::Reorged, Some(head))));
    }

    fn lead(&mut self, block: &Link, why: Why, events: &mut Vec<Event>) {
        self.push(block);
        events.push(Event::Head(new_head(block, why, None)));
    }

    fn push(&mut self, block: &Link) {
        self.chain.insert(block.number, block.hash);
        while self.chain.len() > Self::RECENT {
            self.chain.pop_first();
        }
    }

    fn remember_branch(&mut self, block: &Link) {
        self.branches.insert(reference(block), block.parent);
        while self.branches.len() > Self::RECENT {
            self.branches.pop_first();
        }
    }

    /// Advances over all that waits next to the head, then opens, keeps or closes the gap before what still waits.
    fn settle(&mut self, now: Duration, events: &mut Vec<Event>) {
        loop {
            self.advance(events);
            self.update_gap(now, events);
            let too_wide = self.gap().is_some_and(|(from, to)| to - from >= self.max_gap);
            if !too_wide && self.waiting.len() <= Self::WAITING {
                break;
            }
            self.skip(events);
        }
    }

    fn advance(&mut self, events: &mut Vec<Event>) {
        let mut told = Vec::new();
        while let Some(head) = self.head() {
            let Some(block) = self.take_waiting(head) else { break };
            if block.number <= head.number {
                self.passed(&block, &mut told);
            } else {
                self.next(head, &block, &mut told);
            }
            if told.len() > Self::TOLD {
                told.drain(..Self::TOLD);
            }
        }
        events.append(&mut told);
    }

    /// What waits at or below the head, or next to it: the head's own child before another.
    fn take_waiting(&mut self, head: BlockRef) -> Option<Link> {
        let last = BlockRef { number: head.number + 1, hash: B256::repeat_byte(0xff) };
        let mut near = self.waiting.range(..=last);
        let child = near.clone().find(|(_, block)| block.parent == head.hash).map(|(at, _)| *at);
        let at = child.or_else(|| near.next().map(|(at, _)| *at))?;
        self.waiting.remove(&at)
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
        let Some(block) = self.lowest().copied() else { return };
        let at = reference(&block);
        self.waiting.remove(&at);
        let from = self.head().map_or(at.number, |head| head.number + 1);
        self.chain.clear();
        events.push(Event::Gap(Gap { from, to: at.number - 1, state: GapState::Skipped }));
        self.lead(&block, Why::Anchored, events);
    }
}

fn reference(block: &Link) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash }
}

fn new_head(block: &Link, why: Why, replaces: Option<BlockRef>) -> NewHead {
    NewHead { number: block.number, hash: block.hash, parent: block.parent, timestamp: block.timestamp, why, replaces }
}
