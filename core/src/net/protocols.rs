//! Protocols beside gossip: blocks by number, ping, and dial-back (AutoNAT).

#[cfg(feature = "autonat")]
pub(super) mod dial_back;
pub(super) mod ping;
pub(super) mod range;
