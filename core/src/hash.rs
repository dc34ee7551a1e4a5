//! Keccak-256, one and many at a time.
//!
//! Hashing is most of the work of this program. All repeated hashing goes through [`KeccakMany`], one call from a batch
//! of inputs to a batch of digests, so that a host can use a vectorised implementation. A single hash uses
//! alloy-primitives' implementation; each host chooses the fastest one by that crate's features.

use alloy_primitives::{B256, Keccak256};

/// One input to hash, in two parts, so that a transaction need not be copied behind its few header bytes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The first bytes.
    pub head: &'a [u8],
    /// The rest.
    pub body: &'a [u8],
}

/// The digests of all inputs, in their order.
pub type KeccakMany = fn(&[Parts<'_>]) -> Vec<B256>;

/// The portable [`KeccakMany`]: one input after the other.
pub fn keccak_many(inputs: &[Parts<'_>]) -> Vec<B256> {
    inputs.iter().map(keccak).collect()
}

/// The digest of one input.
pub fn keccak(input: &Parts<'_>) -> B256 {
    let mut hasher = Keccak256::new();
    hasher.update(input.head);
    hasher.update(input.body);
    hasher.finalize()
}
