//! A branch that the head has left.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::{
    block::{BlockInfo, BlockRef},
    event::{HeadReason, NewHead},
};

/// A branch that leads no more, and whose last common block with the leading chain is not known.
#[derive(Debug)]
pub(super) struct LeftBranch {
    /// Hash by number, without holes. The last one was the head.
    pub(super) chain: BTreeMap<u64, B256>,
    /// The parent of the leading chain's lowest block.
    pub(super) expected: B256,
    /// When nobody is asked any more (monotonic).
    pub(super) give_up_at: Duration,
}

impl LeftBranch {
    pub(super) fn head(&self) -> Option<BlockRef> {
        last(&self.chain)
    }
}

/// The highest block of a chain of hashes by number.
pub(super) fn last(chain: &BTreeMap<u64, B256>) -> Option<BlockRef> {
    chain.last_key_value().map(|(number, hash)| BlockRef { number: *number, hash: *hash })
}

/// The event of a new head.
pub(super) fn new_head(block: &BlockInfo, why: HeadReason, replaces: Option<BlockRef>) -> NewHead {
    NewHead {
        number: block.number,
        hash: block.hash,
        parent: block.parent,
        timestamp: block.timestamp,
        timestamp_ms: block.timestamp_ms,
        why,
        replaces,
    }
}
