//! Blocks as the P2P network carries them: bytes to payload and back, and the block hash.
//!
//! Two shapes of one thing. [`ExecutionPayload`] is owned and is what a sequencer fills in; `ssz_rs` encodes it.
//! [`Payload`] is what came from a peer: a view on the one buffer that was decompressed, made by our own bounded
//! decoder, transactions being slices of it. `ssz_rs` never decodes a peer's byte: its list decoder slices with an
//! unchecked end.

pub mod base_time;
mod decode;
mod encode;
pub mod engine;
mod hash;
mod isthmus;
mod judged;
mod layout;
mod payload;
mod reference;
mod trie;
mod validate;
mod verified;
mod withdrawal;

pub use decode::{DecodeError, Region};
pub use encode::{EncodeError, ExecutionPayload};
pub use judged::Block;
pub use payload::Payload;
pub use reference::{BlockInfo, BlockRef};
pub use trie::ordered_root;
pub use validate::{InvalidPayload, ValidPayload};
pub use verified::Verified;
pub use withdrawal::Withdrawal;
