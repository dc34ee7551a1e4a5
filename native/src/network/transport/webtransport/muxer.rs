//! A WebTransport session as libp2p's stream muxer: QUIC streams need no further multiplexing.

use std::{
    io,
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, FutureExt, future::BoxFuture};
use libp2p::{
    core::{StreamMuxer, muxing::StreamMuxerEvent},
    noise,
};
use tokio_util::compat::{Compat, TokioAsyncReadCompatExt};
use wtransport::{Connection, RecvStream, SendStream, VarInt, config::QuicTransportConfig, quinn, stream::BiStream};

/// Streams that the peer may have open, including the session's own: a libp2p peer needs about ten.
const STREAMS: u32 = 33;
/// Unidirectional streams: HTTP/3's control stream, QPACK's two, and one that an extension may add.
const CONTROL_STREAMS: u32 = 4;
/// Unread bytes of one stream, unread bytes of one connection, and unacknowledged bytes that were sent. A block of 10 MiB takes
/// several windows: 10 MB/s at a round trip of 100 ms.
const STREAM_WINDOW: u32 = 1 << 20;
const WINDOW: u32 = 4 << 20;
const SEND_WINDOW: u64 = 2 << 20;
/// Milliseconds of silence after which a connection is closed.
const IDLE_MS: quinn::VarInt = quinn::VarInt::from_u32(30_000);
/// Interval of keep-alive packets: half of the time for which NATs keep a UDP flow (RFC 4787, 5.3: two minutes, and 30 s in
/// practice).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Bounds of one connection, for both sides.
pub(super) fn bounds() -> QuicTransportConfig {
    let mut bounds = QuicTransportConfig::default();
    bounds.max_concurrent_bidi_streams(STREAMS.into());
    bounds.max_concurrent_uni_streams(CONTROL_STREAMS.into());
    bounds.stream_receive_window(STREAM_WINDOW.into());
    bounds.receive_window(WINDOW.into());
    bounds.send_window(SEND_WINDOW);
    bounds.max_idle_timeout(Some(IDLE_MS.into()));
    bounds.keep_alive_interval(Some(KEEP_ALIVE));
    // HTTP/3 requires datagrams to be enabled; none is read beyond this buffer.
    bounds.datagram_receive_buffer_size(Some(16 << 10));
    bounds.datagram_send_buffer_size(16 << 10);
    bounds
}

/// One bidirectional stream.
pub struct SessionStream(Compat<BiStream>);

impl SessionStream {
    pub(super) fn new(halves: (SendStream, RecvStream)) -> Self {
        Self(BiStream::join(halves).compat())
    }
}

impl AsyncRead for SessionStream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for SessionStream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    /// Closes our direction; the peer may still send.
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

type OpeningStream = BoxFuture<'static, io::Result<SessionStream>>;

/// See the module. Dropping it closes the connection.
pub struct SessionMuxer {
    session: Arc<Connection>,
    incoming: OpeningStream,
    outgoing: Option<OpeningStream>,
    /// The stream of the handshake, until it is over.
    closing_handshake: Option<BoxFuture<'static, ()>>,
}

impl SessionMuxer {
    /// Authenticated on the stream `secured`.
    pub(super) fn new(connection: Connection, secured: noise::Output<SessionStream>) -> Self {
        let session = Arc::new(connection);
        let (incoming, closing_handshake) = (accepting(session.clone()), Some(close_handshake(secured).boxed()));
        Self { incoming, outgoing: None, closing_handshake, session }
    }
}

/// Closes our direction of the handshake's stream, and keeps the stream until the peer closes its own: dropping it earlier stops
/// the stream, which is a failed handshake for js-libp2p.
async fn close_handshake(mut secured: noise::Output<SessionStream>) {
    let _ended = secured.close().await;
    // No more data is expected; a peer that sends some loses the stream.
    let _ended = secured.read(&mut [0]).await;
}

impl Drop for SessionMuxer {
    fn drop(&mut self) {
        self.session.close(VarInt::from_u32(0), b"");
    }
}

/// The session's driver reports its end by a panic; the panic is turned into an error of this connection.
fn catch_panic(opening: impl Future<Output = io::Result<SessionStream>> + Send + 'static) -> OpeningStream {
    let driver_ended = |_| Err(io::Error::other("the session's driver has ended"));
    AssertUnwindSafe(opening).catch_unwind().map(move |ended| ended.unwrap_or_else(driver_ended)).boxed()
}

fn accepting(session: Arc<Connection>) -> OpeningStream {
    catch_panic(async move { session.accept_bi().await.map(SessionStream::new).map_err(io::Error::other) })
}

fn opening(session: Arc<Connection>) -> OpeningStream {
    catch_panic(async move {
        let opening = session.open_bi().await.map_err(io::Error::other)?;
        opening.await.map(SessionStream::new).map_err(io::Error::other)
    })
}

impl StreamMuxer for SessionMuxer {
    type Substream = SessionStream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<SessionStream>> {
        let stream = ready!(self.incoming.poll_unpin(context));
        // After an error the next poll returns it again, because the connection is closed.
        self.incoming = accepting(self.session.clone());
        Poll::Ready(stream)
    }

    fn poll_outbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<SessionStream>> {
        let session = self.session.clone();
        let stream = ready!(self.outgoing.get_or_insert_with(|| opening(session)).poll_unpin(context));
        self.outgoing = None;
        Poll::Ready(stream)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.close(VarInt::from_u32(0), b"");
        Poll::Ready(Ok(()))
    }

    /// Addresses do not change here, and the end of a connection is reported by the awaited stream.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        if self.closing_handshake.as_mut().is_some_and(|closing| closing.poll_unpin(context).is_ready()) {
            self.closing_handshake = None;
        }
        Poll::Pending
    }
}
