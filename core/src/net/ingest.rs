//! From bytes on the wire to a message: gossipsub's transform, what is decompressed ahead of it, and a cache of duplicates.

pub(super) mod duplicates;
pub(super) mod published;
pub(super) mod readahead;
pub(super) mod topics;
pub(super) mod transform;

pub use readahead::{Aside, Job};
