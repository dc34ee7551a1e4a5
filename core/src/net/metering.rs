//! Byte counters: by transport, by protocol, and the send progress of each leaf; and the stream wrapper that feeds
//! them.

pub(super) mod bandwidth;
pub(super) mod by_protocol;
pub(super) mod send_queue;
pub(super) mod wrapper;

pub use bandwidth::Bandwidth;
pub use wrapper::{ObservedMuxer, ObservedStream, StreamObserver};
