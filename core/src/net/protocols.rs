//! Protocols beside gossip: blocks by number (`payload_by_number`), the ping responder, and AutoNAT.

#[cfg(feature = "autonat")]
pub(super) mod dial_back;
pub(super) mod ping;
pub(super) mod range;
