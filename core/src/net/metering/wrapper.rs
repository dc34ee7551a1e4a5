//! Stream and muxer wrappers that show the transported bytes to a [`StreamObserver`].
//!
//! An observer never changes bytes. It may delay received bytes: the wrapper holds them back until
//! [`StreamObserver::poll_release`] is ready, and reads nothing more from the stream meanwhile. So at most one read is
//! held back per stream.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::{StreamMuxer, muxing::StreamMuxerEvent};

use crate::event::Direction;

/// Observes the bytes of one stream.
pub trait StreamObserver {
    /// These bytes were read from the peer.
    fn on_read(&mut self, bytes: &[u8]);
    /// Ready when the bytes of the last [`on_read`](Self::on_read) may go to the reader. Until then nothing more is
    /// read.
    fn poll_release(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    /// A write of these bytes was attempted; `polled` is its result.
    fn on_write(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>);
    /// A flush or a close of the stream has completed.
    fn on_flushed(&mut self) {}
}

/// A stream with an observer.
#[derive(Debug)]
pub struct ObservedStream<S, T> {
    stream: S,
    observer: T,
    /// Bytes of one read that are held back.
    held: Bytes,
}

impl<S, T> ObservedStream<S, T> {
    /// Wraps `stream`; `observer` sees its bytes.
    pub const fn new(stream: S, observer: T) -> Self {
        Self { stream, observer, held: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin, T: StreamObserver + Unpin> AsyncRead for ObservedStream<S, T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.held.is_empty() {
            let length = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let received = buffer.get(..length).unwrap_or_default();
            self.observer.on_read(received);
            if self.observer.poll_release(cx).is_ready() {
                return Poll::Ready(Ok(length));
            }
            self.held = Bytes::copy_from_slice(received);
            return Poll::Pending;
        }
        ready!(self.observer.poll_release(cx));
        let length = self.held.len().min(buffer.len());
        self.held.split_to(length).copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncWrite + Unpin, T: StreamObserver + Unpin> AsyncWrite for ObservedStream<S, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.observer.on_write(bytes, &polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_ready() {
            self.observer.on_flushed();
        }
        polled
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_close(cx);
        if polled.is_ready() {
            self.observer.on_flushed();
        }
        polled
    }
}

/// A muxer that gives each stream an observer. `make_observer` creates it; its argument is [`Direction::Inbound`] if
/// the peer opened the stream.
#[derive(Debug)]
pub struct ObservedMuxer<M, F> {
    muxer: M,
    make_observer: F,
}

impl<M, F> ObservedMuxer<M, F> {
    /// Wraps `muxer`.
    pub const fn new(muxer: M, make_observer: F) -> Self {
        Self { muxer, make_observer }
    }
}

impl<M, F, T> StreamMuxer for ObservedMuxer<M, F>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
    F: FnMut(Direction) -> T + Unpin,
    T: StreamObserver + Unpin,
{
    type Substream = ObservedStream<M::Substream, T>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        let polled = Pin::new(&mut self.muxer).poll_inbound(cx);
        polled.map_ok(|stream| ObservedStream::new(stream, (self.make_observer)(Direction::Inbound)))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        let polled = Pin::new(&mut self.muxer).poll_outbound(cx);
        polled.map_ok(|stream| ObservedStream::new(stream, (self.make_observer)(Direction::Outbound)))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Pin::new(&mut self.muxer).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.muxer).poll(cx)
    }
}
