//! The unsafe head: which of the verified blocks is the head of the chain.
//!
//! The first block at a height is part of the chain and stays so; the head advances along parent hashes. While blocks
//! between the head and a verified block above it are missing, there is a gap, and the block above waits, as number and
//! hashes only. Range sync closes the gap from its upper end ([`Head::target`]), or late gossip closes it from either
//! end. When no peer can fill the gap, or it is wider than allowed, the head moves to the block above it, and the gap
//! is emitted as skipped.
//!
//! **Reorgs.** A sequencer that goes back signs other blocks at heights that have passed: a branch. The head moves to
//! the branch (1) when the branch is higher than the head, because it was signed later, or (2) when two of its blocks
//! in a row are signed and the chain has not grown for [`Head::quiet`]: then the sequencer has left the chain. A block
//! between the two branches need not be known: the block that replaces a denied one is never gossiped (Lagoon). Blocks
//! missing below the new head are fetched down to the common ancestor of the branches, and then the reorg is emitted
//! with the replaced hashes. When no peer has a missing block, the reorg is emitted as far as it is known. After a
//! restart in between, this continues ([`Head::restored`]).
//!
//! Bounds: [`Head::recent`] blocks of the chain, as many of the branch that was left, and twice as many of all other
//! branches, by number and hash; [`Head::MAX_WAITING`] blocks waiting above a gap, and [`Head::recent`] that were dropped.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    iter::Peekable,
};

use alloy_primitives::B256;

use super::branches::{LeftBranch, last, new_head};
use crate::{
    block::{BlockInfo, BlockRef},
    event::{Event, Gap, GapState, HeadReason, NewHead},
    range_sync::RangeTarget,
};

/// The chain's recent blocks, other branches and waiting blocks. See the module.
#[derive(Debug)]
pub struct Head {
    pub(super) timeout: Duration,
    /// How long the chain must not have grown before the head may move to a branch that is not higher.
    pub(super) quiet: Duration,
    /// The maximum number of blocks in a gap.
    pub(super) max_gap: u64,
    pub(super) recent: usize,
    /// The chain's latest blocks, contiguous: hash by number. The last one is the head.
    pub(super) chain: BTreeMap<u64, B256>,
    /// The head, with its parent and its time.
    pub(super) tip: Option<BlockInfo>,
    /// When the head moved last (monotonic).
    pub(super) moved_at: Duration,
    /// Parent hash by block, of all other branches.
    pub(super) branches: BTreeMap<BlockRef, B256>,
    /// The branch that the head left, while the common ancestor is not known.
    pub(super) left: Option<LeftBranch>,
    pub(super) waiting: BTreeMap<BlockRef, BlockInfo>,
    /// Blocks that waited, were dropped in a reorg, and may be fetched again.
    pub(super) dropped: BTreeSet<BlockRef>,
    pub(super) gap: Option<OpenGap>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OpenGap {
    pub(super) from: u64,
    pub(super) to: u64,
    skip_at: Duration,
}

impl Head {
    /// Blocks that wait above a gap: a gap of maximum width that is closed from its upper end, and new blocks
    /// meanwhile.
    pub const MAX_WAITING: usize = 1 << 18;
    /// Maximum number of blocks in a gap: 12 hours of blocks every 200 ms, and some more.
    pub const MAX_GAP: u64 = 240_000;
    /// Minimum and maximum number of remembered blocks of the chain.
    pub const RECENT: core::ops::RangeInclusive<usize> = 4096..=1 << 16;
    /// A reorg that goes back this far is followed to the common ancestor.
    const RECENT_TIME: Duration = Duration::from_secs(2 * 60 * 60);
    /// Head events of one call that only extend the chain. Of a longer advance the last event counts the blocks that have
    /// none ([`NewHead::omitted`]). More than the 1200 blocks of the longest gap of a browser at five blocks a second, and
    /// less than the 4096 lines that the daemon queues for a reader of its events.
    pub const MAX_HEAD_EVENTS: usize = 2048;

    /// Without a head: the first block becomes it. `timeout` is how long a gap may stay open while no peer can fill
    /// it, `max_gap` how many blocks it may have; `interval` is the block interval, which decides how many blocks are
    /// remembered.
    pub fn new(timeout: Duration, max_gap: u64, interval: Duration) -> Self {
        let recent = Self::RECENT_TIME.as_millis() / interval.as_millis().max(1);
        let recent = usize::try_from(recent).unwrap_or(usize::MAX);
        Self {
            timeout,
            quiet: (interval * 3).max(Duration::from_secs(3)),
            max_gap,
            recent: recent.clamp(*Self::RECENT.start(), *Self::RECENT.end()),
            chain: BTreeMap::new(),
            tip: None,
            moved_at: Duration::ZERO,
            branches: BTreeMap::new(),
            left: None,
            waiting: BTreeMap::new(),
            dropped: BTreeSet::new(),
            gap: None,
        }
    }

    /// The same with the chain of an earlier run at `now` (monotonic): its latest blocks in rising order. Only those
    /// that are connected by parent hashes to the last one count. Blocks directly below them that are another branch
    /// are a branch that the head had left, and the blocks missing between the two are fetched.
    #[must_use]
    pub fn restored(mut self, now: Duration, blocks: &[BlockInfo]) -> Self {
        let mut down = blocks.iter().rev().take(self.recent).peekable();
        let (chain, lowest) = connected_blocks(&mut down);
        self.chain = chain;
        self.tip = blocks.last().copied();
        if let Some(lowest) = lowest
            && down.peek().is_some_and(|below| below.number + 1 == lowest.number)
        {
            self.restore_left(now, connected_blocks(&mut down).0, lowest.parent);
        }
        self
    }

    /// The head.
    pub fn head(&self) -> Option<BlockRef> {
        last(&self.chain)
    }

    /// The head, with its parent and its time.
    pub const fn tip(&self) -> Option<BlockInfo> {
        self.tip
    }

    /// How many blocks of the chain are remembered.
    pub const fn recent(&self) -> usize {
        self.recent
    }

    /// How long the chain must not have grown before the head may move to a branch that is not higher: three block
    /// intervals, at least 3 s.
    pub const fn quiet(&self) -> Duration {
        self.quiet
    }

    /// Sets the maximum number of blocks in a gap.
    pub const fn set_max_gap(&mut self, blocks: u64) {
        self.max_gap = blocks;
    }

    /// The open gap: first and last missing number.
    pub fn gap(&self) -> Option<(u64, u64)> {
        self.gap.map(|gap| (gap.from, gap.to))
    }

    /// The blocks missing between the head and the lowest waiting block; if there are none, those missing below the
    /// head after a reorg.
    pub fn target(&self) -> Option<RangeTarget> {
        let (head, lowest) = (self.head()?, self.lowest());
        let above = lowest.and_then(|lowest| {
            let (from, to) = (head.number + 1, lowest.number.checked_sub(1)?);
            (from <= to).then_some(RangeTarget { from, to, expected: Some(lowest.parent) })
        });
        above.or_else(|| self.below())
    }

    /// The lowest waiting block; of several at one height the one that is another waiting block's parent.
    fn lowest(&self) -> Option<&BlockInfo> {
        let (first, _) = self.waiting.first_key_value()?;
        let last = BlockRef { number: first.number, hash: B256::repeat_byte(0xff) };
        let mut siblings = self.waiting.range(..=last).map(|(_, block)| block).peekable();
        let first = *siblings.peek()?;
        let from = BlockRef { number: first.number + 1, hash: B256::ZERO };
        let to = BlockRef { number: first.number + 1, hash: B256::repeat_byte(0xff) };
        let is_parent = |block: &&BlockInfo| self.waiting.range(from..=to).any(|(_, child)| child.parent == block.hash);
        siblings.find(is_parent).or(Some(first))
    }

    /// When [`Head::handle_timeout`] skips the gap, or gives up the search for the common ancestor (monotonic).
    pub fn due(&self) -> Option<Duration> {
        let (skip_at, give_up_at) = (self.gap.map(|gap| gap.skip_at), self.left.as_ref().map(|left| left.give_up_at));
        skip_at.into_iter().chain(give_up_at).min()
    }

    /// Takes a verified block at `now` (monotonic) and returns what it changed.
    pub fn add(&mut self, now: Duration, block: BlockInfo) -> Vec<Event> {
        let mut events = Vec::new();
        match self.head() {
            None => self.set_head(now, &block, HeadReason::Anchored, &mut events),
            Some(_) if self.is_wanted_below(&block) => self.extend_down(&block, &mut events),
            Some(head) if block.number <= head.number => self.passed(now, &block, &mut events),
            Some(head) if block.number == head.number + 1 || self.on_branch(&block) => {
                self.next(now, head, &block, &mut events);
            }
            Some(_) => _ = self.waiting.insert(block.block(), block),
        }
        self.settle(now, &mut events);
        events
    }

    /// A peer may still fill the gap: the timeout starts again at `now` (monotonic).
    pub fn extend_timeout(&mut self, now: Duration) {
        let until = now.saturating_add(self.timeout);
        if let Some(gap) = &mut self.gap {
            gap.skip_at = until;
        }
        // Blocks above are fetched first, and those below wait for them.
        if let Some(left) = &mut self.left {
            left.give_up_at = until;
        }
    }

    /// Skips a gap whose timeout is over at `now` (monotonic), and gives up the search for the common ancestor when
    /// its time is over.
    pub fn handle_timeout(&mut self, now: Duration) -> Vec<Event> {
        let mut events = Vec::new();
        if self.left.as_ref().is_some_and(|left| left.give_up_at <= now) {
            self.give_up(&mut events);
        }
        if self.gap.is_some_and(|gap| gap.skip_at <= now) {
            self.skip(now, &mut events);
            self.settle(now, &mut events);
        }
        events
    }

    pub(super) fn set_head(&mut self, now: Duration, block: &BlockInfo, why: HeadReason, events: &mut Vec<Event>) {
        self.push(now, block);
        events.push(Event::Head(new_head(block, why, None)));
    }

    pub(super) fn push(&mut self, now: Duration, block: &BlockInfo) {
        self.chain.insert(block.number, block.hash);
        (self.tip, self.moved_at) = (Some(*block), now);
        self.forget_oldest();
    }

    pub(super) fn forget_oldest(&mut self) {
        // Blocks below are fetched downwards from the lowest one, so it must stay until the common ancestor is known.
        while self.left.is_none() && self.chain.len() > self.recent {
            self.chain.pop_first();
        }
    }

    /// Advances the head over waiting blocks, then opens, keeps or closes the gap below the blocks that still wait.
    fn settle(&mut self, now: Duration, events: &mut Vec<Event>) {
        loop {
            self.advance(now, events);
            self.update_gap(now, events);
            let too_wide = self.gap().is_some_and(|(from, to)| to - from >= self.max_gap);
            if !too_wide && self.waiting.len() <= Self::MAX_WAITING {
                break;
            }
            self.skip(now, events);
        }
        if self.chain.len() > 2 * self.recent {
            self.give_up(events);
            self.forget_oldest();
        }
    }

    fn advance(&mut self, now: Duration, events: &mut Vec<Event>) {
        let (mut new_events, mut extended) = (Vec::new(), 0);
        while let Some(head) = self.head() {
            let Some(block) = self.take_waiting(head) else { break };
            if block.number <= head.number {
                self.passed(now, &block, &mut new_events);
            } else {
                self.next(now, head, &block, &mut new_events);
            }
            extended += 1;
            if extended > Self::MAX_HEAD_EVENTS {
                keep_last_extended(&mut new_events);
                extended = 0;
            }
        }
        events.append(&mut new_events);
    }

    /// Takes a waiting block at most one above the head: a child of the head first.
    fn take_waiting(&mut self, head: BlockRef) -> Option<BlockInfo> {
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
            self.gap = Some(OpenGap { from, to, skip_at: now.saturating_add(self.timeout) });
            events.push(Event::Gap(Gap { from, to, state: GapState::Opened }));
        }
    }

    /// Skips the gap: the head moves to the lowest waiting block.
    fn skip(&mut self, now: Duration, events: &mut Vec<Event>) {
        self.gap = None;
        let Some(block) = self.lowest().copied() else { return };
        self.waiting.remove(&block.block());
        let from = self.head().map_or(block.number, |head| head.number + 1);
        self.give_up(events);
        self.chain.clear();
        events.push(Event::Gap(Gap { from, to: block.number - 1, state: GapState::Skipped }));
        self.set_head(now, &block, HeadReason::Anchored, events);
    }
}

/// Of the head events that only extend the chain, keeps the last one, which counts the others.
fn keep_last_extended(events: &mut Vec<Event>) {
    let last = events.iter().rposition(is_extended);
    let (mut place, mut omitted) = (0.., 0);
    events.retain(|event| match (event, place.next() == last) {
        (Event::Head(head), false) if is_extended(event) => {
            omitted += 1 + head.omitted;
            false
        }
        _ => true,
    });
    if let Some(Event::Head(head)) = events.iter_mut().rfind(|event| is_extended(event)) {
        head.omitted += omitted;
    }
}

fn is_extended(event: &Event) -> bool {
    matches!(event, Event::Head(NewHead { why: HeadReason::Extended, .. }))
}

/// Takes blocks, downwards, while each is the parent of the one before; also returns the lowest of them.
fn connected_blocks<'a>(
    down: &mut Peekable<impl Iterator<Item = &'a BlockInfo>>,
) -> (BTreeMap<u64, B256>, Option<&'a BlockInfo>) {
    let (mut chain, mut above) = (BTreeMap::new(), None::<&BlockInfo>);
    let is_parent = |above: Option<&BlockInfo>, block: &BlockInfo| {
        above.is_none_or(|above| (block.number + 1, block.hash) == (above.number, above.parent))
    };
    while let Some(block) = down.next_if(|block| is_parent(above, block)) {
        chain.insert(block.number, block.hash);
        above = Some(block);
    }
    (chain, above)
}
