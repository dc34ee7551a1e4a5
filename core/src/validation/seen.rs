//! The blocks accepted so far, by topic and height: the rules that need other messages.
//!
//! As op-node: one table for each topic, of the heights used last, each with at most [`Seen::PER_HEIGHT`] hashes. The
//! rule on too many blocks comes before the rule on duplicates, so a duplicate at a full height is rejected. A block is
//! recorded in the same call that accepts it: of two copies validated at once, only one is accepted.
//!
//! op-node remembers 1000 heights. Here it is at least as many, and on a fast chain as many as can be in time at once,
//! because a block at a forgotten height would be accepted again: in another envelope too, since the other signature of
//! the same key (high `s`) makes another message id. Of a gap that is fetched only the newest heights are recorded
//! ([`Seen::fetched`]).
//!
//! Bound: 4 topics × [`Seen::MAX_HEIGHTS`] × 6 hashes.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::{fault::BlockFault, fork::Version};

/// The accepted blocks of all topics. See the module.
#[derive(Debug)]
pub struct Seen {
    heights: usize,
    topics: [Heights; 4],
}

impl Default for Seen {
    fn default() -> Self {
        Self { heights: Self::HEIGHTS, topics: Default::default() }
    }
}

#[derive(Debug, Default)]
struct Heights {
    /// Hashes by height, and the height's last use.
    by_number: BTreeMap<u64, (u64, Vec<B256>)>,
    /// Height by last use; the first is evicted.
    by_use: BTreeMap<u64, u64>,
    clock: u64,
}

impl Seen {
    /// Minimum number of heights for each topic (op-node).
    pub const HEIGHTS: usize = 1000;
    /// Maximum number of heights for each topic.
    pub const MAX_HEIGHTS: usize = 20_000;
    /// Different blocks accepted at one height of one topic. op-node rejects when there are "more than five".
    pub const PER_HEIGHT: usize = 6;

    /// For a chain with this block interval whose blocks are in time for `window`.
    pub fn new(interval: Duration, window: Duration) -> Self {
        let in_time = usize::try_from(window.as_millis() / interval.as_millis().max(1)).unwrap_or(usize::MAX);
        // A quarter more, for blocks that arrive in another order.
        let heights = in_time.saturating_add(in_time / 4).clamp(Self::HEIGHTS, Self::MAX_HEIGHTS);
        Self { heights, topics: Default::default() }
    }

    /// Records a fetched block, so that a copy that is gossiped later is a duplicate. A block that is as many heights
    /// below the newest one as are remembered is left out: it would push out blocks of which a copy can still be in
    /// time, and a gap may have more blocks than heights are remembered.
    pub fn fetched(&mut self, version: Version, number: u64, hash: B256) {
        let reach = self.heights as u64;
        let Some(heights) = self.topics.get_mut(usize::from(version.topic())) else { return };
        let newest = heights.by_number.last_key_value().map_or(0, |(newest, _)| *newest);
        if number.saturating_add(reach) > newest {
            // A refusal only says that the height has too many blocks, or this one already; the fetched block counts
            // anyway.
            let _counted_anyway = heights.accept(number, hash, self.heights);
        }
    }

    /// Accepts a block that passed all other rules.
    ///
    /// # Errors
    /// [`BlockFault::TooManyAtHeight`] or [`BlockFault::Seen`]; nothing is recorded then.
    pub fn accept(&mut self, version: Version, number: u64, hash: B256) -> Result<(), BlockFault> {
        let max_heights = self.heights;
        match self.topics.get_mut(usize::from(version.topic())) {
            Some(heights) => heights.accept(number, hash, max_heights),
            None => Ok(()),
        }
    }
}

impl Heights {
    fn accept(&mut self, number: u64, hash: B256, max_heights: usize) -> Result<(), BlockFault> {
        let hashes = self.touch(number, max_heights);
        if hashes.len() >= Seen::PER_HEIGHT {
            return Err(BlockFault::TooManyAtHeight { number });
        }
        if hashes.contains(&hash) {
            return Err(BlockFault::Seen);
        }
        hashes.push(hash);
        Ok(())
    }

    /// The hashes at this height, which becomes the one used last; evicts the height used longest ago when there are
    /// too many.
    fn touch(&mut self, number: u64, max_heights: usize) -> &mut Vec<B256> {
        self.clock += 1;
        if let Some((used, _)) = self.by_number.get(&number) {
            self.by_use.remove(used);
        } else if self.by_number.len() >= max_heights
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            self.by_number.remove(&oldest);
        }
        self.by_use.insert(self.clock, number);
        let (used, hashes) = self.by_number.entry(number).or_default();
        *used = self.clock;
        hashes
    }
}
