//! Cryptographic primitives that the host provides. They are most of the work, and the fastest implementation depends
//! on the machine.

use crate::{hash, hash::KeccakMany, sign, sign::Recover};

/// The functions that [`ValidationTask`](crate::validation::ValidationTask) and
/// [`ResponseTask`](crate::range_sync::ResponseTask) compute with. Every implementation gives the same results as
/// [`Primitives::PORTABLE`] for every input.
#[derive(Clone, Copy, Debug)]
pub struct Primitives {
    /// Recovers the signer of a hash.
    pub recover: Recover,
    /// Keccak-256 of many inputs.
    pub keccak_many: KeccakMany,
}

impl Primitives {
    /// The portable implementation: k256, and one hash after the other.
    pub const PORTABLE: Self = Self { recover: sign::recover, keccak_many: hash::keccak_many };
}
