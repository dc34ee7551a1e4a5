//! Send progress of each leaf: bytes written on the streams that this node opens (gossip is one of them).
//!
//! gossipsub does not report the bytes in its send queues. But it writes a whole message and flushes it before it takes
//! the next one. So a flushed stream has an empty queue, and the written bytes of an unflushed stream show whether the
//! leaf still reads. Responses to a leaf's requests use streams that the leaf opened; they are not counted. There is
//! one [`SendQueue`] per connected leaf; inserting a new one removes those of disconnected leaves.

use core::{
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    task::Poll,
};
use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use libp2p::{
    PeerId, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed},
};

use crate::{
    event::Direction,
    net::{
        convert,
        metering::wrapper::{ObservedMuxer, StreamObserver},
    },
};

/// The send progress of one leaf.
#[derive(Debug, Default)]
pub(in crate::net) struct SendQueue {
    written: AtomicU64,
    /// Streams with an unfinished write or flush.
    unflushed: AtomicUsize,
}

impl SendQueue {
    /// Bytes that the leaf's connections have accepted since its first connection.
    pub(in crate::net) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether a stream has an unfinished write or flush.
    pub(in crate::net) fn is_unflushed(&self) -> bool {
        self.unflushed.load(Ordering::Relaxed) > 0
    }

    /// Sets the written bytes, and whether a write is unfinished.
    #[cfg(test)]
    pub(in crate::net) fn set(&self, written: u64, unflushed: bool) {
        self.written.store(written, Ordering::Relaxed);
        self.unflushed.store(usize::from(unflushed), Ordering::Relaxed);
    }
}

/// The send queues of all connected leaves. Clones share the map.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct SendQueues(Arc<Mutex<BTreeMap<PeerId, Weak<SendQueue>>>>);

impl SendQueues {
    /// Wraps `transport`: bytes sent to inbound leaves are counted here.
    pub(in crate::net) fn wrap_transport(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let queues = self.clone();
        let metered = transport.map(move |(peer, muxer), endpoint| {
            if !convert::is_leaf(&endpoint) {
                return (peer, muxer);
            }
            let queue = queues.get_or_insert(peer);
            let make_observer = move |opened| match opened {
                Direction::Outbound => QueueObserver { queue: Some(queue.clone()), unflushed: false },
                Direction::Inbound => QueueObserver::default(),
            };
            (peer, StreamMuxerBox::new(ObservedMuxer::new(muxer, make_observer)))
        });
        metered.boxed()
    }

    /// The send queue of a connected leaf.
    pub(in crate::net) fn get(&self, peer: &PeerId) -> Option<Arc<SendQueue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(peer).and_then(Weak::upgrade)
    }

    /// The send queue for a new connection of a leaf.
    fn get_or_insert(&self, peer: PeerId) -> Arc<SendQueue> {
        let mut queues = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(queue) = queues.get(&peer).and_then(Weak::upgrade) {
            return queue;
        }
        queues.retain(|_, queue| queue.strong_count() > 0);
        let queue = Arc::default();
        queues.insert(peer, Arc::downgrade(&queue));
        queue
    }
}

/// Observes one stream. Only streams that this node opened have a queue.
#[derive(Default)]
struct QueueObserver {
    queue: Option<Arc<SendQueue>>,
    unflushed: bool,
}

impl QueueObserver {
    fn set_unflushed(&mut self, unflushed: bool) {
        let Some(queue) = self.queue.as_ref().filter(|_| self.unflushed != unflushed) else { return };
        self.unflushed = unflushed;
        if unflushed {
            queue.unflushed.fetch_add(1, Ordering::Relaxed);
        } else {
            queue.unflushed.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl StreamObserver for QueueObserver {
    fn on_read(&mut self, _: &[u8]) {}

    /// The stream counts as unflushed until the next flush.
    fn on_write(&mut self, _: &[u8], polled: &Poll<io::Result<usize>>) {
        self.set_unflushed(!matches!(polled, Poll::Ready(Err(_))));
        if let (Some(queue), Poll::Ready(Ok(length))) = (&self.queue, polled) {
            queue.written.fetch_add(*length as u64, Ordering::Relaxed);
        }
    }

    fn on_flushed(&mut self) {
        self.set_unflushed(false);
    }
}

impl Drop for QueueObserver {
    fn drop(&mut self) {
        self.set_unflushed(false);
    }
}
