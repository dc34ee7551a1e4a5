//! Bytes of the connections, counted where the body's transport has them: on the wire, handshakes, encryption and WebSocket
//! frames included, TCP's own headers not. Of QUIC and WebTransport what the streams carry is counted; see [`muxer`]. By
//! protocol they are counted in [`protocols`](super::protocols).

use std::{
    io::{self, IoSlice, IoSliceMut},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use futures::{AsyncRead, AsyncWrite};

mod muxer;

pub use muxer::CountedMuxer;

use crate::node::Carried;

/// Both directions of what is counted together. Cheap to clone; clones count the same.
#[derive(Clone, Debug, Default)]
pub struct Flow(Arc<(AtomicU64, AtomicU64)>);

impl Flow {
    /// Bytes that came in.
    pub fn read(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// Bytes that went out.
    pub fn written(&self) -> u64 {
        self.0.1.load(Ordering::Relaxed)
    }

    /// Both.
    pub fn carried(&self) -> Carried {
        Carried { read: self.read(), written: self.written() }
    }

    /// So many more.
    pub(super) fn add(&self, more: Carried) {
        self.0.0.fetch_add(more.read, Ordering::Relaxed);
        self.0.1.fetch_add(more.written, Ordering::Relaxed);
    }

    /// A stream that is counted here.
    pub fn count<T>(&self, stream: T) -> Counted<T> {
        Counted { stream, flow: self.clone() }
    }

    fn took(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.0.0.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }

    fn gave(&self, polled: &Poll<io::Result<usize>>) {
        if let Poll::Ready(Ok(bytes)) = polled {
            self.0.1.fetch_add(*bytes as u64, Ordering::Relaxed);
        }
    }
}

/// A stream whose bytes are counted.
#[derive(Debug)]
pub struct Counted<T> {
    stream: T,
    flow: Flow,
}

impl<T: AsyncRead + Unpin> AsyncRead for Counted<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.flow.took(&polled);
        polled
    }

    fn poll_read_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &mut [IoSliceMut<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_read_vectored(cx, bufs);
        self.flow.took(&polled);
        polled
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Counted<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.flow.gave(&polled);
        polled
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.flow.gave(&polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_close(cx)
    }
}
