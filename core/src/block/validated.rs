//! A validated block, with the results of validation.

use alloy_primitives::{Address, B256};

use super::Payload;
use crate::sign::Signature;

/// A block with the results of its validation.
#[derive(Clone, Debug)]
pub struct Block {
    /// The decoded payload.
    pub payload: Payload,
    /// The block hash, recomputed from the payload.
    pub hash: B256,
    /// Its signer; `None` for a fetched block, which its signed descendants prove.
    pub signer: Option<Address>,
    /// The signature over the payload's bytes, as received; `None` for a fetched block.
    pub signature: Option<Signature>,
    /// Length of the whole message before compression, bytes: signature, parent beacon root, payload. A fetched block
    /// has no signature.
    pub bytes: usize,
}
