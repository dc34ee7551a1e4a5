//! The branch that the head left in a reorg, and shared helpers of `head` and `reorg`.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::B256;

use crate::{
    block::{BlockInfo, BlockRef},
    event::{HeadReason, NewHead},
};

/// A branch that is no longer the chain's, and whose common ancestor with the chain is not known yet.
#[derive(Debug)]
pub(super) struct LeftBranch {
    /// Hash by number, contiguous. The last one was the head.
    pub(super) chain: BTreeMap<u64, B256>,
    /// The parent hash of the chain's lowest block.
    pub(super) expected: B256,
    /// When the search for the common ancestor is given up (monotonic).
    pub(super) give_up_at: Duration,
}

impl LeftBranch {
    pub(super) fn head(&self) -> Option<BlockRef> {
        last(&self.chain)
    }
}

/// The highest block of a map from number to hash.
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
        omitted: 0,
    }
}
