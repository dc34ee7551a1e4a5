//! What range sync is to fetch.

use alloy_primitives::B256;

/// What would bring the head nearer to what waits: the missing blocks, and the hash of the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeTarget {
    /// The first missing number.
    pub from: u64,
    /// The last missing number.
    pub to: u64,
    /// The hash of block `to`, as its verified child names it; `None` where nothing verified is known beyond it yet.
    pub expected: Option<B256>,
}
