//! References to blocks: number and hash, and the data that links a block to its neighbours.

use alloy_primitives::B256;
use serde::{Deserialize, Serialize};

use super::Payload;
use crate::chain::Subsecond;

/// A block by number and hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(missing_docs, reason = "the protocol's own names")]
pub struct BlockRef {
    pub number: u64,
    pub hash: B256,
}

/// What the head needs to know of a verified block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockInfo {
    /// The block number.
    pub number: u64,
    /// Hash.
    pub hash: B256,
    /// Parent hash.
    pub parent: B256,
    /// Unix seconds, as in the header.
    pub timestamp: u64,
    /// The block's own time, Unix milliseconds.
    pub timestamp_ms: u64,
}

impl BlockInfo {
    /// The info of a payload with this hash.
    pub fn of(payload: &Payload, hash: B256, subsecond: Subsecond) -> Self {
        Self {
            number: payload.number(),
            hash,
            parent: payload.parent_hash(),
            timestamp: payload.timestamp(),
            timestamp_ms: payload.timestamp_ms(subsecond),
        }
    }

    /// Number and hash.
    pub const fn block(&self) -> BlockRef {
        BlockRef { number: self.number, hash: self.hash }
    }
}
