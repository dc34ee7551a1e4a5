//! The address of a client behind a reverse proxy that the operator trusts (`--p2p.ws.trusted-proxies`).
//!
//! A connection from a trusted address is read until it has said whose it is: by the PROXY protocol (versions 1 and 2), or
//! by the header `X-Forwarded-For` of its WebSocket request, which the proxy must set. From then on the connection
//! has the client's address: limits, bans and events apply to the client, not to the proxy. What was read of an HTTP
//! request is given to WebSocket unchanged. Connections from other addresses pass untouched, whatever they say.
//!
//! Bounds: [`MAX_HEAD`] bytes and [`HEAD_TIMEOUT`] for each connection, [`MAX_READING`] connections at once.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures::{AsyncRead, AsyncReadExt, AsyncWrite, FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use ipnet::IpNet;
use libp2p::{
    Multiaddr, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    multiaddr::Protocol,
};

use head::Head;
use prefixed::Prefixed;

mod head;
mod prefixed;

/// Bytes at most until the client's address is known: the HTTP request of a browser has about one KiB.
const MAX_HEAD: usize = 8 << 10;
/// How long they may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
/// Connections of proxies whose head is being read, at most; further ones are closed.
const MAX_READING: usize = 256;

/// See the module.
pub(super) struct ProxiedTransport<T: Transport> {
    inner: T,
    trusted: Arc<[IpNet]>,
    reading: FuturesUnordered<BoxFuture<'static, Option<ReadConnection<T::Output>>>>,
}

/// A connection of a proxy, with its client's address.
struct ReadConnection<S> {
    listener_id: ListenerId,
    stream: Prefixed<S>,
    local_addr: Multiaddr,
    send_back_addr: Multiaddr,
}

impl<T: Transport> ProxiedTransport<T> {
    /// Connections from `trusted` networks say their client's address.
    pub(super) fn new(inner: T, trusted: &[IpNet]) -> Self {
        Self { inner, trusted: trusted.into(), reading: FuturesUnordered::new() }
    }

    fn is_trusted(&self, remote: &Multiaddr) -> bool {
        ip_of(remote).is_some_and(|ip| self.trusted.iter().any(|net| net.contains(&ip)))
    }
}

impl<T> ProxiedTransport<T>
where
    T: Transport<Error = io::Error>,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    fn read(&self, listener_id: ListenerId, upgrade: T::ListenerUpgrade, local_addr: Multiaddr, proxy: Multiaddr) {
        if self.reading.len() >= MAX_READING {
            tracing::debug!(%proxy, "too many connections of proxies wait for their client's address");
            return;
        }
        let trusted = self.trusted.clone();
        let read = async move {
            let (stream, client) = read_head(upgrade.await?, &trusted).await?;
            let send_back_addr = client.map_or_else(|| proxy.clone(), multiaddr);
            io::Result::Ok((stream, send_back_addr, proxy))
        };
        let read = tokio::time::timeout(HEAD_TIMEOUT, read).map(move |read| match read {
            Ok(Ok((stream, send_back_addr, _))) => {
                Some(ReadConnection { listener_id, stream, local_addr, send_back_addr })
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the connection of a proxy does not say its client's address");
                None
            }
            Err(_) => None,
        });
        self.reading.push(read.boxed());
    }
}

/// Reads until the client is known; `None` when the proxy does not name it.
async fn read_head<S: AsyncRead + Unpin>(
    mut stream: S,
    trusted: &[IpNet],
) -> io::Result<(Prefixed<S>, Option<SocketAddr>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 1024];
    loop {
        match head::parse(&bytes, trusted)? {
            Head::Incomplete if bytes.len() >= MAX_HEAD => {
                return Err(io::Error::other(format!("more than {MAX_HEAD} bytes")));
            }
            Head::Incomplete => {}
            Head::Complete { client, used } => {
                bytes.drain(..used);
                return Ok((Prefixed::new(bytes, stream), client));
            }
        }
        let room = piece.len().min(MAX_HEAD - bytes.len());
        let read = stream.read(piece.get_mut(..room).unwrap_or_default()).await?;
        if read == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
}

fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4)),
        _ => None,
    })
}

fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

type Upgraded<S> = BoxFuture<'static, io::Result<Prefixed<S>>>;

impl<T> Transport for ProxiedTransport<T>
where
    T: Transport<Error = io::Error> + Unpin,
    T::Output: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    T::ListenerUpgrade: Send + 'static,
    T::Dial: Send + 'static,
{
    type Output = Prefixed<T::Output>;
    type Error = io::Error;
    type ListenerUpgrade = Upgraded<T::Output>;
    type Dial = Upgraded<T::Output>;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<io::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Self::Dial, TransportError<io::Error>> {
        let dial = self.inner.dial(address, options)?;
        Ok(untouched(dial))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        loop {
            match self.reading.poll_next_unpin(context) {
                Poll::Ready(Some(Some(read))) => {
                    let ReadConnection { listener_id, stream, local_addr, send_back_addr } = read;
                    let upgrade = futures::future::ready(Ok(stream)).boxed();
                    return Poll::Ready(TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr });
                }
                Poll::Ready(Some(None)) => continue,
                Poll::Ready(None) | Poll::Pending => {}
            }
            let Poll::Ready(event) = Pin::new(&mut self.inner).poll(context) else { return Poll::Pending };
            match event {
                TransportEvent::Incoming { listener_id, upgrade, local_addr, send_back_addr }
                    if self.is_trusted(&send_back_addr) =>
                {
                    self.read(listener_id, upgrade, local_addr, send_back_addr);
                }
                event => return Poll::Ready(event.map_upgrade(untouched)),
            }
        }
    }
}

/// A connection of which nothing was read.
fn untouched<S, F>(upgrade: F) -> Upgraded<S>
where
    S: Send + 'static,
    F: Future<Output = io::Result<S>> + Send + 'static,
{
    upgrade.map(|stream| stream.map(|stream| Prefixed::new(Vec::new(), stream))).boxed()
}
