//! How much is written to a leaf: on the streams that we open, gossip among them, counted where libp2p writes.
//!
//! gossipsub does not say what waits in its queues. But it writes a message whole and flushes it before it takes the next one, so
//! a stream that rests has nothing waiting behind it, and one that does not rest shows by its bytes whether it moves. The
//! answers to a leaf's requests go out on streams that it opens, and are not counted. One meter a leaf, as long as it has a
//! connection; the map drops those of leaves that are gone whenever one comes.

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
        metering::wrapper::{Tap, TappedMuxer},
    },
};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::net) struct SendQueue {
    written: AtomicU64,
    /// Streams with a write or a flush that has not ended.
    busy: AtomicUsize,
}

impl SendQueue {
    /// Bytes that were taken of us since the first connection.
    pub(in crate::net) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether something that was begun is not written yet.
    pub(in crate::net) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// As if the leaf had taken so much, and whether it takes more.
    #[cfg(test)]
    pub(in crate::net) fn set(&self, written: u64, busy: bool) {
        self.written.store(written, Ordering::Relaxed);
        self.busy.store(usize::from(busy), Ordering::Relaxed);
    }
}

/// The meters of all leaves that are connected. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(in crate::net) struct SendQueues(Arc<Mutex<BTreeMap<PeerId, Weak<SendQueue>>>>);

impl SendQueues {
    /// Counts what goes out to whoever comes in as a leaf.
    pub(in crate::net) fn over(&self, transport: Boxed<(PeerId, StreamMuxerBox)>) -> Boxed<(PeerId, StreamMuxerBox)> {
        let meters = self.clone();
        let metered = transport.map(move |(peer, muxer), endpoint| {
            if !convert::is_leaf(&endpoint) {
                return (peer, muxer);
            }
            let meter = meters.open(peer);
            let taps = move |opened| match opened {
                Direction::Outbound => QueueTap { meter: Some(meter.clone()), busy: false },
                Direction::Inbound => QueueTap::default(),
            };
            (peer, StreamMuxerBox::new(TappedMuxer::new(muxer, taps)))
        });
        metered.boxed()
    }

    /// The meter of a leaf that is connected.
    pub(in crate::net) fn of(&self, peer: &PeerId) -> Option<Arc<SendQueue>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(peer).and_then(Weak::upgrade)
    }

    /// The same for a new connection of it.
    fn open(&self, peer: PeerId) -> Arc<SendQueue> {
        let mut meters = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meter) = meters.get(&peer).and_then(Weak::upgrade) {
            return meter;
        }
        meters.retain(|_, meter| meter.strong_count() > 0);
        let meter = Arc::default();
        meters.insert(peer, Arc::downgrade(&meter));
        meter
    }
}

/// Of one stream; those that we open have the meter.
#[derive(Default)]
struct QueueTap {
    meter: Option<Arc<SendQueue>>,
    busy: bool,
}

impl QueueTap {
    fn set_busy(&mut self, busy: bool) {
        let Some(meter) = self.meter.as_ref().filter(|_| self.busy != busy) else { return };
        self.busy = busy;
        if busy {
            meter.busy.fetch_add(1, Ordering::Relaxed);
        } else {
            meter.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Tap for QueueTap {
    fn came(&mut self, _: &[u8]) {}

    /// It is not over before it is flushed.
    fn tried(&mut self, _: &[u8], polled: &Poll<io::Result<usize>>) {
        self.set_busy(!matches!(polled, Poll::Ready(Err(_))));
        if let (Some(meter), Poll::Ready(Ok(length))) = (&self.meter, polled) {
            meter.written.fetch_add(*length as u64, Ordering::Relaxed);
        }
    }

    fn rests(&mut self) {
        self.set_busy(false);
    }
}

impl Drop for QueueTap {
    fn drop(&mut self) {
        self.set_busy(false);
    }
}
