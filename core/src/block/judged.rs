//! A decoded block with what validation found out about it.

use alloy_primitives::{Address, B256};

use super::Payload;

/// A block with all that its judgement found out about it.
#[derive(Clone, Debug)]
pub struct Block {
    /// The decoded payload.
    pub payload: Payload,
    /// The block hash, recomputed from the payload.
    pub hash: B256,
    /// Who signed it; `None` for a block that was fetched, and is proven by its signed descendants.
    pub signer: Option<Address>,
    /// Bytes of the whole message before compression: signature, parent beacon root, payload. A block that was fetched has
    /// no signature.
    pub bytes: usize,
}
