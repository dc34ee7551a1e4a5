//! Bytes of the connections, counted where the body's transport has them: on the wire, handshakes, encryption and WebSocket
//! frames included, TCP's own headers not. Where the transport is its own muxer (QUIC, WebTransport), they are counted on
//! the streams, so that what QUIC itself adds (handshakes, acknowledgements, packet headers) is left out. By protocol they
//! are counted in [`protocols`](super::protocols).

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
    net::metering::wrapper::{Tap, Tapped, TappedMuxer},
    node::ByteCount,
};

/// Both directions of what is counted together. Cheap to clone; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Bandwidth(Arc<(AtomicU64, AtomicU64)>);

impl Bandwidth {
    /// Bytes that came in.
    pub fn read(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Bytes that went out.
    pub fn written(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }

    /// Both.
    pub fn carried(&self) -> ByteCount {
        ByteCount { read: self.read(), written: self.written() }
    }

    /// So many more.
    pub(in crate::net) fn add(&self, more: ByteCount) {
        self.0.0.fetch_add(more.read, Ordering::Relaxed);
        self.0.1.fetch_add(more.written, Ordering::Relaxed);
    }

    /// A stream that is counted here.
    pub fn count<S>(&self, stream: S) -> Tapped<S, Self> {
        Tapped::new(stream, self.clone())
    }

    /// A muxer whose streams are counted here.
    pub fn count_streams<M>(&self, muxer: M) -> TappedMuxer<M, impl FnMut(Direction) -> Self + Send + Unpin + use<M>> {
        let flow = self.clone();
        TappedMuxer::new(muxer, move |_| flow.clone())
    }
}

impl Tap for Bandwidth {
    fn came(&mut self, bytes: &[u8]) {
        self.0.0.fetch_add(bytes.len() as u64, Ordering::Relaxed);
    }

    fn tried(&mut self, _: &[u8], polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(length)) = polled {
            self.0.1.fetch_add(*length as u64, Ordering::Relaxed);
        }
    }
}
