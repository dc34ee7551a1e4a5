//! Blocks as the P2P network carries them: bytes to payload and back, and the block hash.
//!
//! A payload has two types. [`ExecutionPayload`] is owned and is filled in by a sequencer; `ssz_rs` encodes it.
//! [`Payload`] comes from a peer: a view on the one decompressed buffer, made by our own bounded decoder; its
//! transactions are slices of the buffer. `ssz_rs` never decodes bytes of a peer: its list decoder slices with an
//! unchecked end.

mod account;
mod base_fee;
pub mod base_time;
mod decode;
mod encode;
pub mod engine;
mod fastlz;
mod hash;
mod header;
mod isthmus;
mod l1_fee;
mod layout;
mod payload;
mod receipt;
mod reference;
mod transaction;
mod trie;
mod validate;
mod validated;
mod verified;
mod withdrawal;

pub use account::{Account, EMPTY_CODE};
pub use decode::{DecodeError, Region};
pub use encode::{EncodeError, ExecutionPayload};
pub use fastlz::fastlz_length;
pub use header::EMPTY_UNCLES;
pub use l1_fee::{EcotoneScalars, L1Attributes, L1Fee, L1Scalars};
pub use payload::Payload;
pub use receipt::{DepositReceipt, MAX_TOPICS, Receipt, ReceiptLog};
pub use reference::{BlockInfo, BlockRef};
pub use transaction::{DEPOSIT, transaction_type};
pub use trie::{MAX_NODE, MAX_NODES, ProofError, ordered_root, proven};
pub use validate::{InvalidPayload, ValidPayload};
pub use validated::Block;
pub use verified::Verified;
pub use withdrawal::Withdrawal;
