//! The cryptography that a body brings along: a seam, for it is most of the work and the fastest way differs by machine.

use crate::{hash, hash::KeccakMany, sign, sign::Recover};

/// What a [`Check`](crate::validation::ValidationTask) computes with. Every body's give the same results as [`Primitives::PORTABLE`],
/// for every input.
#[derive(Clone, Copy, Debug)]
pub struct Primitives {
    /// Who signed a hash.
    pub recover: Recover,
    /// Keccak-256 of many inputs.
    pub keccak_many: KeccakMany,
}

impl Primitives {
    /// k256, and one hash after the other.
    pub const PORTABLE: Self = Self { recover: sign::recover, keccak_many: hash::keccak_many };
}
