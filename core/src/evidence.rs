//! Evidence of an equivocation: two different blocks of one height that one signer signed, as a portable JSON document.
//!
//! ```json
//! {
//!     "kind": "petrel-equivocation", "v": 1,
//!     "chain": 8453, "signer": "0x…", "number": 7,
//!     "blocks": [
//!         { "version": "V4", "hash": "0x…", "message": "0x…" },
//!         { "version": "V4", "hash": "0x…", "message": "0x…" }
//!     ]
//! }
//! ```
//!
//! `message` is a whole gossip message before compression, `signature ‖ [parent beacon root ‖] ssz`, as 0x-hex, and
//! `version` is the version of its topic. Everything else follows from the messages, and must agree with them. Other
//! keys are ignored. A document with another `v` is refused.
//!
//! **What it proves.** The holder of the signer's key signed two valid blocks with the same number and different hashes
//! for this chain. Anybody can verify it offline, without the peer that made it.
//!
//! **What it does not prove.** That the signer was the chain's at that time: L1's `SystemConfig` says that. Which of the
//! two blocks, or whether any of them, became part of the chain. When, in which order or to whom they were sent. That
//! it was intended, or harmed anybody: a sequencer that restarts, fails over or follows a reorg of L1 signs a second
//! block at a height legitimately, and the two siblings of such a reorg are evidence too.
//!
//! Bounds: a document has at most [`MAX_BYTES`], two messages, and each at most [`MAX_MESSAGE`](crate::message::MAX_MESSAGE).

mod fault;
mod json;
mod judge;
mod pair;
mod signed_blocks;
mod stated;

pub use fault::EvidenceFault;
pub use judge::{EvidenceReport, judge, verify};
pub use pair::{Evidence, SignedMessage};
pub use signed_blocks::SignedBlocks;
pub use stated::{KIND, MAX_BYTES, VERSION, is_evidence};
