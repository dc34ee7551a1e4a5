//! One connection of an HTTP listener. It ends when it is idle for [`IDLE_TIMEOUT`], when its lifetime is over, when a request's
//! header is not complete in time, or when another connection needs its place.

use std::{
    io,
    pin::Pin,
    sync::atomic::Ordering,
    task::{Context, Poll},
    time::Duration,
};

use futures::FutureExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_io_timeout::TimeoutStream;

use super::{header::HeaderScan, places::Place};

/// How long a connection may neither send nor receive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may last: enough for the page at 20 kB a second; a client with further requests connects again.
const MAX_LIFETIME: Duration = Duration::from_secs(120);
/// How long a connection may wait for a request: until its header is complete, from the connection's start or the last answer.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// See the module.
#[derive(Debug)]
pub(crate) struct BoundedConnection {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    lifetime: Pin<Box<Sleep>>,
    /// When the header has to be complete.
    header_due: Pin<Box<Sleep>>,
    header: HeaderScan,
    place: Place,
    is_over: bool,
}

impl BoundedConnection {
    pub(super) fn new(stream: TcpStream, place: Place) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(IDLE_TIMEOUT));
        stream.set_write_timeout(Some(IDLE_TIMEOUT));
        Self {
            stream: Box::pin(stream),
            lifetime: Box::pin(sleep(MAX_LIFETIME)),
            header_due: Box::pin(sleep(HEADER_TIMEOUT)),
            header: HeaderScan::default(),
            place,
            is_over: false,
        }
    }

    /// An error after the connection's lifetime, or when its place is needed.
    fn check(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        // The place's channel must not be polled again after its end.
        self.is_over =
            self.is_over || self.lifetime.as_mut().poll(cx).is_ready() || self.place.closed.poll_unpin(cx).is_ready();
        if self.is_over { Err(io::ErrorKind::TimedOut.into()) } else { Ok(()) }
    }

    fn waits(&self) -> bool {
        self.place.waits.load(Ordering::Relaxed)
    }

    /// The connection waits for a request from now on, or no longer.
    fn set_waits(&mut self, waits: bool) {
        self.place.waits.store(waits, Ordering::Relaxed);
        if waits {
            self.header = HeaderScan::default();
            self.header_due.as_mut().reset(Instant::now() + HEADER_TIMEOUT);
        }
    }
}

impl AsyncRead for BoundedConnection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check(cx)?;
        let before = buf.filled().len();
        let polled = self.stream.as_mut().poll_read(cx, buf);
        if self.header.read(buf.filled().get(before..).unwrap_or_default()) {
            self.set_waits(false);
        }
        if polled.is_pending() && self.waits() && self.header_due.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        polled
    }
}

impl AsyncWrite for BoundedConnection {
    /// After each write the connection waits for a request, unless the client does not take the answer: that is not for the header's
    /// time to end.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.check(cx)?;
        let polled = self.stream.as_mut().poll_write(cx, buf);
        self.set_waits(polled.is_ready());
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(cx)
    }
}
