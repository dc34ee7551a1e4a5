//! The blocks accepted so far, by topic and height: the rules that need other messages.
//!
//! As op-node: one book a topic, of the [`Seen::HEIGHTS`] heights used last, each with at most [`Seen::PER_HEIGHT`]
//! hashes; the test for too many comes before the test for a repeat, so at a full height a repeat is Reject. A block is
//! recorded in the same call that accepts it: two copies checked at once cannot both pass.
//!
//! Bound: 4 topics × 1000 heights × 6 hashes.

use std::collections::BTreeMap;

use alloy_primitives::B256;

use super::Fault;
use crate::fork::Version;

/// See the module.
#[derive(Debug, Default)]
pub struct Seen {
    topics: [Heights; 4],
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
    /// Heights kept for each topic.
    pub const HEIGHTS: usize = 1000;
    /// Different blocks accepted at one height of one topic. op-node refuses when there are "more than five".
    pub const PER_HEIGHT: usize = 6;

    /// Takes a block that passed all other rules.
    ///
    /// # Errors
    /// [`Fault::TooManyAtHeight`] or [`Fault::Seen`]; nothing is recorded then.
    pub fn accept(&mut self, version: Version, number: u64, hash: B256) -> Result<(), Fault> {
        match self.topics.get_mut(usize::from(version.topic())) {
            Some(heights) => heights.accept(number, hash),
            None => Ok(()),
        }
    }
}

impl Heights {
    fn accept(&mut self, number: u64, hash: B256) -> Result<(), Fault> {
        let hashes = self.touch(number);
        if hashes.len() >= Seen::PER_HEIGHT {
            return Err(Fault::TooManyAtHeight { number });
        }
        if hashes.contains(&hash) {
            return Err(Fault::Seen);
        }
        hashes.push(hash);
        Ok(())
    }

    /// The hashes at this height, which becomes the one used last; evicts the one used first when there are too many.
    fn touch(&mut self, number: u64) -> &mut Vec<B256> {
        self.clock += 1;
        if let Some((used, _)) = self.by_number.get(&number) {
            self.by_use.remove(used);
        } else if self.by_number.len() >= Seen::HEIGHTS
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
