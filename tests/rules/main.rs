//! Properties of the core, and comparisons of the native and the portable primitives, or of another implementation.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod connected;
mod idle_inputs;
mod keccak;
mod key_mill;
mod list_root;
mod payloads;
mod recovery;
