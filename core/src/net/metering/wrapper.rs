//! Streams around streams, and muxers around muxers, for who looks at what passes and changes nothing: a [`Tap`]. It may hold
//! back what it has seen, for a while.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, Bytes};
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::{StreamMuxer, muxing::StreamMuxerEvent};

use crate::event::Direction;

/// Looks at one stream.
pub trait Tap {
    /// These bytes came in.
    fn came(&mut self, bytes: &[u8]);
    /// Whether they may be passed on; until then nothing more is read.
    fn poll_passed(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
    /// A write of these bytes was tried.
    fn tried(&mut self, bytes: &[u8], polled: &Poll<io::Result<usize>>);
    /// All that was written is flushed, or the stream is closed.
    fn rests(&mut self) {}
}

/// A stream that is looked at.
#[derive(Debug)]
pub struct Tapped<S, T> {
    stream: S,
    tap: T,
    /// What came in one read and is held back.
    held: Bytes,
}

impl<S, T> Tapped<S, T> {
    /// `tap` looks at `stream`.
    pub const fn new(stream: S, tap: T) -> Self {
        Self { stream, tap, held: Bytes::new() }
    }
}

impl<S: AsyncRead + Unpin, T: Tap + Unpin> AsyncRead for Tapped<S, T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        if self.held.is_empty() {
            let length = ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
            let came = buffer.get(..length).unwrap_or_default();
            self.tap.came(came);
            if self.tap.poll_passed(cx).is_ready() {
                return Poll::Ready(Ok(length));
            }
            self.held = Bytes::copy_from_slice(came);
            return Poll::Pending;
        }
        ready!(self.tap.poll_passed(cx));
        let length = self.held.len().min(buffer.len());
        self.held.split_to(length).copy_to_slice(buffer.get_mut(..length).unwrap_or_default());
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncWrite + Unpin, T: Tap + Unpin> AsyncWrite for Tapped<S, T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.tap.tried(bytes, &polled);
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        if polled.is_ready() {
            self.tap.rests();
        }
        polled
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_close(cx);
        if polled.is_ready() {
            self.tap.rests();
        }
        polled
    }
}

/// A muxer whose streams are looked at, each by what `taps` makes for it: [`Direction::Inbound`] if the peer opened it.
#[derive(Debug)]
pub struct TappedMuxer<M, F> {
    muxer: M,
    taps: F,
}

impl<M, F> TappedMuxer<M, F> {
    /// See the type.
    pub const fn new(muxer: M, taps: F) -> Self {
        Self { muxer, taps }
    }
}

impl<M, F, T> StreamMuxer for TappedMuxer<M, F>
where
    M: StreamMuxer + Unpin,
    M::Substream: Unpin,
    F: FnMut(Direction) -> T + Unpin,
    T: Tap + Unpin,
{
    type Substream = Tapped<M::Substream, T>;
    type Error = M::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        let polled = Pin::new(&mut self.muxer).poll_inbound(cx);
        polled.map_ok(|stream| Tapped::new(stream, (self.taps)(Direction::Inbound)))
    }

    fn poll_outbound(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<Self::Substream, M::Error>> {
        let polled = Pin::new(&mut self.muxer).poll_outbound(cx);
        polled.map_ok(|stream| Tapped::new(stream, (self.taps)(Direction::Outbound)))
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), M::Error>> {
        Pin::new(&mut self.muxer).poll_close(cx)
    }

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<StreamMuxerEvent, M::Error>> {
        Pin::new(&mut self.muxer).poll(cx)
    }
}
