//! How much is written to a leaf: on the streams that we open, gossip among them, counted where libp2p writes.
//!
//! gossipsub does not say what waits in its queues. But it writes a message whole and flushes it before it takes the next one, so
//! a stream that rests has nothing waiting behind it, and one that does not rest shows by its bytes whether it moves. The
//! answers to a leaf's requests go out on streams that it opens, and are not counted. One meter a leaf, as long as it has a
//! connection; the map drops those of leaves that are gone whenever one comes.

use core::{
    pin::Pin,
    sync::atomic::{AtomicU64, AtomicUsize, Ordering},
    task::{Context, Poll},
};
use std::{
    collections::BTreeMap,
    io::{self, IoSlice},
    sync::{Arc, Mutex, PoisonError, Weak},
};

use futures::{AsyncRead, AsyncWrite};
use libp2p::{
    PeerId, Transport,
    core::{
        StreamMuxer,
        muxing::{StreamMuxerBox, StreamMuxerEvent},
        transport::Boxed,
    },
};

use super::convert;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Meter {
    written: AtomicU64,
    /// Streams with a write or a flush that has not ended.
    busy: AtomicUsize,
}

impl Meter {
    /// Bytes that were taken of us since the first connection.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Whether something that was begun is not written yet.
    pub(super) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 0
    }

    /// As if the leaf had taken so much, and whether it takes more.
    #[cfg(test)]
    pub(super) fn set(&self, written: u64, busy: bool) {
        self.written.store(written, Ordering::Relaxed);
        self.busy.store(usize::from(busy), Ordering::Relaxed);
    }
}

/// The meters of all leaves that are connected. Clones are the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Meters(Arc<Mutex<BTreeMap<PeerId, Weak<Meter>>>>);

impl Meters {
    /// Counts what goes out to whoever comes in as a leaf.
    pub(super) fn over(&self, transport: Boxed<(PeerId, StreamMuxerBox)>) -> Boxed<(PeerId, StreamMuxerBox)> {
        let meters = self.clone();
        let metered = transport.map(move |(peer, muxer), endpoint| {
            if !convert::is_leaf(&endpoint) {
                return (peer, muxer);
            }
            (peer, StreamMuxerBox::new(Metered { muxer, meter: meters.open(peer) }))
        });
        metered.boxed()
    }

    /// The meter of a leaf that is connected.
    pub(super) fn of(&self, peer: &PeerId) -> Option<Arc<Meter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(peer).and_then(Weak::upgrade)
    }

    /// The same for a new connection of it.
    fn open(&self, peer: PeerId) -> Arc<Meter> {
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

/// A leaf's connection.
struct Metered {
    muxer: StreamMuxerBox,
    meter: Arc<Meter>,
}

impl StreamMuxer for Metered {
    type Substream = Stream<<StreamMuxerBox as StreamMuxer>::Substream>;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        Pin::new(&mut self.muxer).poll_inbound(cx).map_ok(|stream| Stream { stream, meter: None, busy: false })
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<Self::Substream>> {
        let meter = self.meter.clone();
        let polled = Pin::new(&mut self.muxer).poll_outbound(cx);
        polled.map_ok(|stream| Stream { stream, meter: Some(meter), busy: false })
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.muxer).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        Pin::new(&mut self.muxer).poll(cx)
    }
}

/// One of its streams; those that we open have the meter.
struct Stream<T> {
    stream: T,
    meter: Option<Arc<Meter>>,
    busy: bool,
}

impl<T> Stream<T> {
    fn set_busy(&mut self, busy: bool) {
        let Some(meter) = self.meter.as_ref().filter(|_| self.busy != busy) else { return };
        self.busy = busy;
        if busy {
            meter.busy.fetch_add(1, Ordering::Relaxed);
        } else {
            meter.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// A write was tried: it is not over before it is flushed.
    fn wrote(&mut self, polled: &Poll<io::Result<usize>>) {
        self.set_busy(!matches!(polled, Poll::Ready(Err(_))));
        if let (Some(meter), Poll::Ready(Ok(bytes))) = (&self.meter, polled) {
            meter.written.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

impl<T> Drop for Stream<T> {
    fn drop(&mut self) {
        self.set_busy(false);
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Stream<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Stream<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.wrote(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_ready() {
            self.set_busy(false);
        }
        polled
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_close(cx);
        if polled.is_ready() {
            self.set_busy(false);
        }
        polled
    }
}
