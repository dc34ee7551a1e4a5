//! Byte counters of connections, by transport.
//!
//! The host counts below its transport: handshakes, encryption and WebSocket frames are included, TCP headers are not.
//! QUIC and WebTransport are their own muxers; there the bytes of the streams are counted, so QUIC's own overhead
//! (handshakes, acknowledgements, packet headers) is not included. [`by_protocol`](super::by_protocol) counts bytes by
//! protocol.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::Poll,
};

use crate::{
    event::Direction,
    net::metering::wrapper::{ObservedMuxer, ObservedStream, StreamObserver},
    node::ByteCount,
};

/// Bytes read and written. Cheap to clone; clones share the counters.
#[derive(Clone, Debug, Default)]
pub struct Bandwidth(Arc<(AtomicU64, AtomicU64)>);

impl Bandwidth {
    /// Bytes received.
    pub fn read(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Bytes sent.
    pub fn written(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }

    /// Bytes received and sent.
    pub fn totals(&self) -> ByteCount {
        ByteCount { read: self.read(), written: self.written() }
    }

    /// Adds `more` to the counters.
    pub(in crate::net) fn add(&self, more: ByteCount) {
        self.0.0.fetch_add(more.read, Ordering::Relaxed);
        self.0.1.fetch_add(more.written, Ordering::Relaxed);
    }

    /// Wraps `stream`; its bytes are counted here.
    pub fn count<S>(&self, stream: S) -> ObservedStream<S, Self> {
        ObservedStream::new(stream, self.clone())
    }

    /// Wraps `muxer`; the bytes of its streams are counted here.
    pub fn count_streams<M>(
        &self,
        muxer: M,
    ) -> ObservedMuxer<M, impl FnMut(Direction) -> Self + Send + Unpin + use<M>> {
        let bandwidth = self.clone();
        ObservedMuxer::new(muxer, move |_| bandwidth.clone())
    }
}

impl StreamObserver for Bandwidth {
    fn on_read(&mut self, bytes: &[u8]) {
        self.0.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn on_write(&mut self, _: &[u8], polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(length)) = polled {
            self.0.1.fetch_add(*length as u64, Ordering::Relaxed);
        }
    }
}
