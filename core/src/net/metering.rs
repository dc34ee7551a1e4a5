//! Counting bytes: of connections, of protocols, and those that wait to be sent.

pub(super) mod bandwidth;
pub(super) mod by_protocol;
pub(super) mod send_queue;
pub(super) mod wrapper;

pub use bandwidth::Bandwidth;
pub use wrapper::{Tap, Tapped, TappedMuxer};
