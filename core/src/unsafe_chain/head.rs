//! The unsafe head: which of the verified blocks leads.
//!
//! The first block wins its height and stays there; the head advances along parent hashes. What is ahead of the head
//! waits, as a link of numbers and hashes, while the blocks between are missing: a gap. It is closed from its upper end by
//! range sync ([`Head::target`]), or by late gossip from either. When nobody can fill it, or it is wider than it may be, the
//! head begins again behind it, and the gap is told as skipped.
//!
//! **Reorgs.** A sequencer that goes back signs other blocks at heights that have passed. They are a branch. The head moves to
//! it (1) when the branch is higher than the head, as the sequencer's later word, or (2) when two of its blocks in a row are
//! signed and the branch that leads has not grown for [`Head::quiet`]: then the sequencer has left it. A block between the
//! branches need not be known: the block that replaces a denied one is never gossiped (Lagoon). What is missing below the
//! new head is fetched down to where the branches part, at or below the old head's height, and then the reorg is told with
//! the hashes that are gone; where nobody has the missing block, it is told as far as it is known. A restart in between
//! takes it up again ([`Head::restored`]).
//!
//! Bounds: [`Head::recent`] blocks of the leading chain, as many of the branch that was left, and twice as many of all other
//! branches, by number and hash; [`Head::WAITING`] links waiting.

use core::time::Duration;
use std::{collections::BTreeMap, iter::Peekable};

use alloy_primitives::B256;

use super::branches::{LeftBranch, last, new_head};
use crate::{
    block::{BlockInfo, BlockRef},
    event::{Event, Gap, GapState, HeadReason, NewHead},
    range_sync::RangeTarget,
};

/// See the module.
#[derive(Debug)]
pub struct Head {
    pub(super) patience: Duration,
    /// How long the leading chain must not have grown before a branch at its heights may lead.
    pub(super) quiet: Duration,
    /// Blocks that a gap may have.
    pub(super) max_gap: u64,
    pub(super) recent: usize,
    /// The leading chain's latest blocks, without holes: hash by number. The last one is the head.
    pub(super) chain: BTreeMap<u64, B256>,
    /// The head, with all that is known of it.
    pub(super) tip: Option<BlockInfo>,
    /// When the head moved last (monotonic).
    pub(super) moved_at: Duration,
    /// Parent by block, of every other branch.
    pub(super) branches: BTreeMap<BlockRef, B256>,
    /// The branch that the head has left, as long as it is not known where.
    pub(super) left: Option<LeftBranch>,
    pub(super) waiting: BTreeMap<BlockRef, BlockInfo>,
    pub(super) gap: Option<OpenGap>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct OpenGap {
    pub(super) from: u64,
    pub(super) to: u64,
    skip_at: Duration,
}

impl Head {
    /// Links that wait: a gap of the widest kind, closed from its end, and what comes meanwhile.
    pub const WAITING: usize = 1 << 18;
    /// A gap may be this wide at most: 12 hours of blocks every 200 ms, and some.
    pub const MAX_GAP: u64 = 240_000;
    /// Blocks of the leading chain that are remembered at least, and at most.
    pub const RECENT: core::ops::RangeInclusive<usize> = 4096..=1 << 16;
    /// A reorg of so much time is followed to where it began.
    const RECENT_TIME: Duration = Duration::from_secs(2 * 60 * 60);
    /// Heads that one call tells; of a longer advance only the last.
    const TOLD: usize = 64;

    /// No head yet: the first block will be it. `patience` is how long a gap may stay open with nobody to fill it,
    /// `max_gap` how many blocks it may have; `interval` is the time between blocks, of which what is remembered is made.
    pub fn new(patience: Duration, max_gap: u64, interval: Duration) -> Self {
        let recent = Self::RECENT_TIME.as_millis() / interval.as_millis().max(1);
        let recent = usize::try_from(recent).unwrap_or(usize::MAX);
        Self {
            patience,
            quiet: (interval * 3).max(Duration::from_secs(3)),
            max_gap,
            recent: recent.clamp(*Self::RECENT.start(), *Self::RECENT.end()),
            chain: BTreeMap::new(),
            tip: None,
            moved_at: Duration::ZERO,
            branches: BTreeMap::new(),
            left: None,
            waiting: BTreeMap::new(),
            gap: None,
        }
    }

    /// The same at `now` (monotonic) with the leading chain of an earlier run: its latest links in rising order. Only what
    /// hangs together with the last of them counts; what stands right below that and is another branch is one that the head
    /// had left, and what is missing between the two is asked for.
    #[must_use]
    pub fn restored(mut self, now: Duration, links: &[BlockInfo]) -> Self {
        let mut down = links.iter().rev().take(self.recent).peekable();
        let (chain, lowest) = hanging_together(&mut down);
        self.chain = chain;
        self.tip = links.last().copied();
        if let Some(lowest) = lowest
            && down.peek().is_some_and(|below| below.number + 1 == lowest.number)
        {
            self.restore_left(now, hanging_together(&mut down).0, lowest.parent);
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

    /// Blocks of the leading chain that are remembered.
    pub const fn recent(&self) -> usize {
        self.recent
    }

    /// How long the leading chain must not have grown before a branch at its heights may lead: three intervals, at least 3 s.
    pub const fn quiet(&self) -> Duration {
        self.quiet
    }

    /// From now on a gap may have so many blocks.
    pub const fn set_max_gap(&mut self, blocks: u64) {
        self.max_gap = blocks;
    }

    /// The open gap: first and last missing number.
    pub fn gap(&self) -> Option<(u64, u64)> {
        self.gap.map(|gap| (gap.from, gap.to))
    }

    /// What is missing between the head and the lowest that waits; else below the head, after a reorg.
    pub fn target(&self) -> Option<RangeTarget> {
        let (head, lowest) = (self.head()?, self.lowest());
        let above = lowest.and_then(|lowest| {
            let (from, to) = (head.number + 1, lowest.number.checked_sub(1)?);
            (from <= to).then_some(RangeTarget { from, to, expected: Some(lowest.parent) })
        });
        above.or_else(|| self.below())
    }

    /// The lowest that waits; of several at one height one that another waits for.
    fn lowest(&self) -> Option<&BlockInfo> {
        let (first, _) = self.waiting.first_key_value()?;
        let last = BlockRef { number: first.number, hash: B256::repeat_byte(0xff) };
        let mut siblings = self.waiting.range(..=last).map(|(_, link)| link).peekable();
        let first = *siblings.peek()?;
        let from = BlockRef { number: first.number + 1, hash: B256::ZERO };
        let to = BlockRef { number: first.number + 1, hash: B256::repeat_byte(0xff) };
        let is_parent = |link: &&BlockInfo| self.waiting.range(from..=to).any(|(_, child)| child.parent == link.hash);
        siblings.find(is_parent).or(Some(first))
    }

    /// When [`Head::handle_timeout`] would skip the gap, or give up what is missing below (monotonic).
    pub fn due(&self) -> Option<Duration> {
        let (skip_at, give_up_at) = (self.gap.map(|gap| gap.skip_at), self.left.as_ref().map(|left| left.give_up_at));
        skip_at.into_iter().chain(give_up_at).min()
    }

    /// Takes a verified block at `now` (monotonic) and tells what it changed.
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

    /// Somebody may yet fill the gap: the patience begins again at `now` (monotonic).
    pub fn extend_patience(&mut self, now: Duration) {
        let until = now.saturating_add(self.patience);
        if let Some(gap) = &mut self.gap {
            gap.skip_at = until;
        }
        // What is missing above is fetched first, and what is below waits for it.
        if let Some(left) = &mut self.left {
            left.give_up_at = until;
        }
    }

    /// Skips a gap whose time is over at `now` (monotonic), and gives up what is missing below.
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
        // What is missing below is fetched from the lowest: it must stay as long as it counts.
        while self.left.is_none() && self.chain.len() > self.recent {
            self.chain.pop_first();
        }
    }

    /// Advances over all that waits next to the head, then opens, keeps or closes the gap before what still waits.
    fn settle(&mut self, now: Duration, events: &mut Vec<Event>) {
        loop {
            self.advance(now, events);
            self.update_gap(now, events);
            let too_wide = self.gap().is_some_and(|(from, to)| to - from >= self.max_gap);
            if !too_wide && self.waiting.len() <= Self::WAITING {
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
        let (mut told, mut extended) = (Vec::new(), 0);
        while let Some(head) = self.head() {
            let Some(block) = self.take_waiting(head) else { break };
            if block.number <= head.number {
                self.passed(now, &block, &mut told);
            } else {
                self.next(now, head, &block, &mut told);
            }
            extended += 1;
            if extended > Self::TOLD {
                // Of the heads that only follow each other the last are enough.
                let last = told.iter().rposition(is_extended);
                let mut at = 0..;
                told.retain(|event| at.next() == last || !is_extended(event));
                extended = 0;
            }
        }
        events.append(&mut told);
    }

    /// What waits at or below the head, or next to it: the head's own child before another.
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
            self.gap = Some(OpenGap { from, to, skip_at: now.saturating_add(self.patience) });
            events.push(Event::Gap(Gap { from, to, state: GapState::Opened }));
        }
    }

    /// Begins again at the lowest waiting block.
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

fn is_extended(event: &Event) -> bool {
    matches!(event, Event::Head(NewHead { why: HeadReason::Extended, .. }))
}

/// Takes links, from above downwards, as long as each is the parent of the one before; also gives the lowest.
fn hanging_together<'a>(
    down: &mut Peekable<impl Iterator<Item = &'a BlockInfo>>,
) -> (BTreeMap<u64, B256>, Option<&'a BlockInfo>) {
    let (mut chain, mut above) = (BTreeMap::new(), None::<&BlockInfo>);
    let is_parent = |above: Option<&BlockInfo>, link: &BlockInfo| {
        above.is_none_or(|above| (link.number + 1, link.hash) == (above.number, above.parent))
    };
    while let Some(link) = down.next_if(|link| is_parent(above, link)) {
        chain.insert(link.number, link.hash);
        above = Some(link);
    }
    (chain, above)
}
