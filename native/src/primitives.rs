//! The daemon's cryptography: libsecp256k1, and Keccak in vector lanes where the processor has them. The results are the
//! portable ones', proven on one corpus each (`tests/`).

use petrel_core::primitives::Primitives;

mod keccak;
mod recover;

pub use keccak::{keccak_many, widths};
pub use recover::recover;

/// The fastest that this machine can.
pub const FASTEST: Primitives = Primitives { recover, keccak_many };
