//! Keccak-256, one and many at a time.
//!
//! Hashing is the work of this program: every repeated hashing goes through [`keccak_many`], one call from a batch of
//! inputs to a batch of digests, so that a body can put lanes behind it ([`KeccakMany`]). One at a time the implementation
//! is alloy-primitives'; each body picks its fastest by that crate's features.

use alloy_primitives::{B256, Keccak256};

/// One message to hash, in two parts so that a transaction need not be copied behind its few bytes of header.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parts<'a> {
    /// The first bytes.
    pub head: &'a [u8],
    /// The rest.
    pub body: &'a [u8],
}

/// The digests of all inputs, in their order.
pub type KeccakMany = fn(&[Parts<'_>]) -> Vec<B256>;

/// [`KeccakMany`], one after the other.
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
