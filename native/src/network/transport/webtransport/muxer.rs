//! A WebTransport session as libp2p's muxer: QUIC's streams need no other.

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

/// Streams that the other side may have open, the session's own included: a libp2p peer needs about ten.
const STREAMS: u32 = 33;
/// Streams of one direction: HTTP/3's control stream and QPACK's two, and one that an extension may add.
const CONTROL_STREAMS: u32 = 4;
/// Bytes that wait unread for one stream, for one connection, and unacknowledged on their way out. A block of 10 MiB comes
/// in several turns of them; 10 MB/s at 100 ms.
const STREAM_WINDOW: u32 = 1 << 20;
const WINDOW: u32 = 4 << 20;
const SEND_WINDOW: u64 = 2 << 20;
/// A connection that is silent for so long is gone.
const IDLE_MS: quinn::VarInt = quinn::VarInt::from_u32(30_000);
/// So often a connection says that it is there: half of the time for which NATs keep a UDP flow (RFC 4787, 5.3: two minutes,
/// and 30 s in practice).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// What one connection may hold, on either side.
pub(super) fn bounds() -> QuicTransportConfig {
    let mut bounds = QuicTransportConfig::default();
    bounds.max_concurrent_bidi_streams(STREAMS.into());
    bounds.max_concurrent_uni_streams(CONTROL_STREAMS.into());
    bounds.stream_receive_window(STREAM_WINDOW.into());
    bounds.receive_window(WINDOW.into());
    bounds.send_window(SEND_WINDOW);
    bounds.max_idle_timeout(Some(IDLE_MS.into()));
    bounds.keep_alive_interval(Some(KEEP_ALIVE));
    // HTTP/3 wants datagrams to be on; none is read beyond what waits here.
    bounds.datagram_receive_buffer_size(Some(16 << 10));
    bounds.datagram_send_buffer_size(16 << 10);
    bounds
}

/// One bidirectional stream.
pub struct Stream(Compat<BiStream>);

impl Stream {
    pub(super) fn new(halves: (SendStream, RecvStream)) -> Self {
        Self(BiStream::join(halves).compat())
    }
}

impl AsyncRead for Stream {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut [u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    /// Ends what we say; the other side may still speak.
    fn poll_close(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_close(context)
    }
}

type Opening = BoxFuture<'static, io::Result<Stream>>;

/// See the module. Dropping it closes the connection.
pub struct Muxer {
    session: Arc<Connection>,
    incoming: Opening,
    outgoing: Option<Opening>,
    /// The stream of the handshake, until it is over.
    leaving: Option<BoxFuture<'static, ()>>,
}

impl Muxer {
    /// Authenticated on the stream `secured`.
    pub(super) fn new(connection: Connection, secured: noise::Output<Stream>) -> Self {
        let session = Arc::new(connection);
        let (incoming, leaving) = (accepting(session.clone()), Some(leaving(secured).boxed()));
        Self { incoming, outgoing: None, leaving, session }
    }
}

/// Ends what we say on the stream of the handshake, and keeps it until the other side ends what it says: a stream that is
/// dropped before is stopped, and whoever still closes it takes that for a failed handshake (js-libp2p).
async fn leaving(mut secured: noise::Output<Stream>) {
    let _ended = secured.close().await;
    // Nothing more is said there; whoever says something loses the stream.
    let _ended = secured.read(&mut [0]).await;
}

impl Drop for Muxer {
    fn drop(&mut self) {
        self.session.close(VarInt::from_u32(0), b"");
    }
}

/// The session's driver says by a panic that it has died; that ends this connection alone.
fn survived(opening: impl Future<Output = io::Result<Stream>> + Send + 'static) -> Opening {
    let died = |_| Err(io::Error::other("the session's driver died"));
    AssertUnwindSafe(opening).catch_unwind().map(move |ended| ended.unwrap_or_else(died)).boxed()
}

fn accepting(session: Arc<Connection>) -> Opening {
    survived(async move { session.accept_bi().await.map(Stream::new).map_err(io::Error::other) })
}

fn opening(session: Arc<Connection>) -> Opening {
    survived(async move {
        let opening = session.open_bi().await.map_err(io::Error::other)?;
        opening.await.map(Stream::new).map_err(io::Error::other)
    })
}

impl StreamMuxer for Muxer {
    type Substream = Stream;
    type Error = io::Error;

    fn poll_inbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let stream = ready!(self.incoming.poll_unpin(context));
        // After an error the next look gives it again, for the connection is closed.
        self.incoming = accepting(self.session.clone());
        Poll::Ready(stream)
    }

    fn poll_outbound(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<Stream>> {
        let session = self.session.clone();
        let stream = ready!(self.outgoing.get_or_insert_with(|| opening(session)).poll_unpin(context));
        self.outgoing = None;
        Poll::Ready(stream)
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.session.close(VarInt::from_u32(0), b"");
        Poll::Ready(Ok(()))
    }

    /// Addresses do not change here, and what ends a connection is seen by the stream that is awaited.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<StreamMuxerEvent>> {
        if self.leaving.as_mut().is_some_and(|leaving| leaving.poll_unpin(context).is_ready()) {
            self.leaving = None;
        }
        Poll::Pending
    }
}
