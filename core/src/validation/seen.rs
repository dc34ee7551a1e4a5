//! The blocks accepted so far, by topic and height: the rules that need other messages.
//!
//! As op-node: one book a topic, of the heights used last, each with at most [`Seen::PER_HEIGHT`]
//! hashes; the test for too many comes before the test for a repeat, so at a full height a repeat is Reject. A block is
//! recorded in the same call that accepts it: two copies checked at once cannot both pass.
//!
//! op-node remembers 1000 heights. Here it is at least so many, and on a quick chain as many as can be in time at once: a
//! block of a height that is forgotten would be accepted again.
//!
//! Bound: 4 topics × [`Seen::MAX_HEIGHTS`] × 6 hashes.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::{fault::BlockFault, fork::Version};

/// See the module.
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
    /// Height by last use: the first is evicted.
    by_use: BTreeMap<u64, u64>,
    clock: u64,
}

impl Seen {
    /// Heights kept for each topic at least (op-node).
    pub const HEIGHTS: usize = 1000;
    /// Heights kept for each topic at most.
    pub const MAX_HEIGHTS: usize = 20_000;
    /// Different blocks accepted at one height of one topic. op-node refuses when there are "more than five".
    pub const PER_HEIGHT: usize = 6;

    /// For a chain with a block every `interval` whose blocks are in time for `window`.
    pub fn new(interval: Duration, window: Duration) -> Self {
        let in_time = usize::try_from(window.as_millis() / interval.as_millis().max(1)).unwrap_or(usize::MAX);
        // A quarter more, for blocks that come in another order.
        let heights = in_time.saturating_add(in_time / 4).clamp(Self::HEIGHTS, Self::MAX_HEIGHTS);
        Self { heights, topics: Default::default() }
    }

    /// Takes a block that passed all other rules.
    ///
    /// # Errors
    /// [`BlockFault::TooManyAtHeight`] or [`BlockFault::Seen`]; nothing is recorded then.
    pub fn accept(&mut self, version: Version, number: u64, hash: B256) -> Result<(), BlockFault> {
        let most = self.heights;
        match self.topics.get_mut(usize::from(version.topic())) {
            Some(heights) => heights.accept(number, hash, most),
            None => Ok(()),
        }
    }
}

impl Heights {
    fn accept(&mut self, number: u64, hash: B256, most: usize) -> Result<(), BlockFault> {
        let hashes = self.touch(number, most);
        if hashes.len() >= Seen::PER_HEIGHT {
            return Err(BlockFault::TooManyAtHeight { number });
        }
        if hashes.contains(&hash) {
            return Err(BlockFault::Seen);
        }
        hashes.push(hash);
        Ok(())
    }

    /// The hashes at this height, which becomes the one used last; evicts the one used first when there are too many.
    fn touch(&mut self, number: u64, most: usize) -> &mut Vec<B256> {
        self.clock += 1;
        if let Some((used, _)) = self.by_number.get(&number) {
            self.by_use.remove(used);
        } else if self.by_number.len() >= most
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
