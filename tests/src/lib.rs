//! Proofs across crates: the harness that they share.

pub mod memory;
pub mod world;
