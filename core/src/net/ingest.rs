//! From bytes on the wire to a message: gossipsub's transform, read-ahead of large messages, and the duplicate cache.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

pub(super) mod duplicates;
pub(super) mod published;
pub(super) mod readahead;
pub(super) mod topics;
pub(super) mod transform;

pub use readahead::{Job, Offload};
