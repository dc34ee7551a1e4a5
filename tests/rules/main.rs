//! Properties of the core, and what both bodies or another implementation say of the same input.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod answers;
mod idle_inputs;
mod keccak;
mod key_mill;
mod list_root;
mod payloads;
mod recovery;
