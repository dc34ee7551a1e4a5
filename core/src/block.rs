//! Blocks as the P2P network carries them: bytes to payload and back, and the block hash.
//!
//! Two shapes of one thing. [`ExecutionPayload`] is owned and is what a sequencer fills in; `ssz_rs` encodes it.
//! [`Payload`] is what came from a peer: a view on the one buffer that was decompressed, made by our own bounded
//! decoder, transactions being slices of it. `ssz_rs` never decodes a peer's byte: its list decoder slices with an
//! unchecked end.

use alloy_primitives::{Address, B256};

pub mod base_time;
mod decode;
mod encode;
pub mod engine;
mod hash;
mod isthmus;
mod layout;
mod payload;
mod trie;
mod validate;
mod withdrawal;

pub use decode::{DecodeError, Region};
pub use encode::{EncodeError, ExecutionPayload};
pub use payload::Payload;
pub use trie::ordered_root;
pub use validate::{InvalidPayload, ValidPayload};
pub use withdrawal::Withdrawal;

/// A block with all that its judgement found out about it.
#[derive(Clone, Debug)]
pub struct Block {
    /// The decoded payload.
    pub payload: Payload,
    /// The block hash, recomputed from the payload.
    pub hash: B256,
    /// Who signed it; `None` for a block that was fetched, and is proven by its signed descendants.
    pub signer: Option<Address>,
    /// Bytes of the whole message before compression: signature, parent beacon root, payload. A block that was fetched has
    /// no signature.
    pub bytes: usize,
}
