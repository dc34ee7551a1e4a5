//! The type [`Verified`]: a value that passed the rules.

use alloy_primitives::B256;

use super::{Block, ValidPayload};

/// A value that passed the rules. Only this crate makes one.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> core::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Verified<T> {
    /// Wraps a value that passed the rules.
    pub(crate) const fn new(passed: T) -> Self {
        Self(passed)
    }
}

impl Verified<Block> {
    /// A fetched block without a signature, whose hash its verified child names as its parent: the signer of the child
    /// thereby signed every block below it. `None` when the hash is another one.
    pub(crate) fn linked(valid: ValidPayload, expected: B256) -> Option<Self> {
        let (payload, hash) = valid.into_parts();
        let bytes = payload.body().len();
        (hash == expected).then_some(Self(Block { payload, hash, signer: None, signature: None, bytes }))
    }
}
