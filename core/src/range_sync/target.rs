//! The target of range sync.

use alloy_primitives::B256;

/// The missing blocks between the head and a verified block, and the expected hash of the last of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeTarget {
    /// The first missing number.
    pub from: u64,
    /// The last missing number.
    pub to: u64,
    /// The hash of block `to`, which its verified child names as its parent; `None` while no verified block above it is
    /// known.
    pub expected: Option<B256>,
}

impl RangeTarget {
    /// The number that is wanted first: the last one when its hash is known, otherwise the first one.
    pub const fn first(&self) -> u64 {
        if self.expected.is_some() { self.to } else { self.from }
    }
}
