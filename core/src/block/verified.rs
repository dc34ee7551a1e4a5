//! Proof in the type: only what passed the rules is [`Verified`].

use alloy_primitives::B256;

use super::{Block, ValidPayload};

/// Something that passed the rules. Only this crate makes one.
#[derive(Clone, Debug)]
pub struct Verified<T>(T);

impl<T> core::ops::Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Verified<T> {
    /// Of what passed the rules.
    pub(crate) const fn new(passed: T) -> Self {
        Self(passed)
    }
}

impl Verified<Block> {
    /// A block that bears no signature, and whose hash a verified child names as its parent's: the signer of the child has
    /// signed for all that is below it. `None` when it is another block.
    pub(crate) fn linked(valid: ValidPayload, expected: B256) -> Option<Self> {
        let (payload, hash) = valid.into_parts();
        let bytes = payload.body().len();
        (hash == expected).then_some(Self(Block { payload, hash, signer: None, bytes }))
    }
}
