//! The daemon's cryptography: libsecp256k1, and Keccak with vector instructions if the processor has them. Tests compare the
//! results with the portable implementations.

use petrel_core::primitives::Primitives;

mod keccak;
mod recover;

pub use keccak::{keccak_many, widths};
pub use recover::recover;

/// The fastest implementations for this machine.
pub const FASTEST: Primitives = Primitives { recover, keccak_many };
