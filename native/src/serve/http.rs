//! The listener below both HTTP servers (page and metrics). It limits the number of connections, the share of one public address,
//! and the silence and the lifetime of a connection.

use std::{
    collections::BTreeMap,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use axum::serve::Listener;
use petrel_core::address::is_public;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Sleep, sleep},
};
use tokio_io_timeout::TimeoutStream;

/// How long a connection may neither send nor receive.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a connection may last: enough for the page at 20 kB a second; a client with further requests connects again.
const MAX_LIFETIME: Duration = Duration::from_secs(120);
/// One public address gets an eighth of the connections at most. A reverse proxy has a private address.
const SHARES_PER_LISTENER: usize = 8;

/// See the module.
pub(crate) struct BoundedListener {
    listener: TcpListener,
    free: Arc<Semaphore>,
    /// Connections of one public address at most.
    share: usize,
    counts: ConnectionCounts,
}

/// ConnectionCounts connections by public address.
#[derive(Clone, Debug, Default)]
struct ConnectionCounts(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One counted connection; dropping it removes it from the count.
#[derive(Debug)]
struct ConnectionSlot(ConnectionCounts, IpAddr);

impl ConnectionCounts {
    /// Counts a connection; `None` if the address has its share already.
    fn acquire(&self, ip: IpAddr, share: usize) -> Option<ConnectionSlot> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(ip).or_default();
        if *count >= share {
            return None;
        }
        *count += usize::from(is_public(ip));
        Some(ConnectionSlot(self.clone(), ip))
    }
}

impl Drop for ConnectionSlot {
    fn drop(&mut self) {
        let mut open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&self.1).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&self.1);
        } else {
            open.insert(self.1, left);
        }
    }
}

impl BoundedListener {
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn bind(at: SocketAddr, connections: usize) -> io::Result<Self> {
        let (free, share) = (Arc::new(Semaphore::new(connections)), (connections / SHARES_PER_LISTENER).max(1));
        Ok(Self { listener: TcpListener::bind(at).await?, free, share, counts: ConnectionCounts::default() })
    }
}

impl Listener for BoundedListener {
    type Io = BoundedConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedConnection, SocketAddr) {
        let permit = self.free.clone().acquire_owned().await.ok();
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            let Some(slot) = self.counts.acquire(from.ip().to_canonical(), self.share) else { continue };
            let mut stream = TimeoutStream::new(stream);
            stream.set_read_timeout(Some(IDLE_TIMEOUT));
            stream.set_write_timeout(Some(IDLE_TIMEOUT));
            let (stream, lifetime) = (Box::pin(stream), Box::pin(sleep(MAX_LIFETIME)));
            return (BoundedConnection { stream, lifetime, _slot: slot, _permit: permit }, from);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is idle for too long or its lifetime is over, and then frees its place.
#[derive(Debug)]
pub(crate) struct BoundedConnection {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    lifetime: Pin<Box<Sleep>>,
    _slot: ConnectionSlot,
    _permit: Option<OwnedSemaphorePermit>,
}

impl BoundedConnection {
    /// The stream, or an error after its lifetime.
    fn live(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut TimeoutStream<TcpStream>>> {
        match self.lifetime.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(self.stream.as_mut()),
        }
    }
}

mod stream_io {
    //! Reading and writing are passed to the stream during the connection's lifetime.

    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::BoundedConnection;

    impl AsyncRead for BoundedConnection {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.live(cx)?.poll_read(cx, buf)
        }
    }

    impl AsyncWrite for BoundedConnection {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.live(cx)?.poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_shutdown(cx)
        }
    }
}

/// The host of a socket in the form of a URL.
pub(crate) fn url_host(at: SocketAddr) -> String {
    match at {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_has_a_share_that_is_freed() {
        let (counts, public, private) =
            (ConnectionCounts::default(), IpAddr::from([8, 8, 8, 8]), IpAddr::from([127, 0, 0, 1]));
        let held: Vec<_> = (0..2).filter_map(|_| counts.acquire(public, 2)).collect();
        assert_eq!(held.len(), 2);
        assert!(counts.acquire(public, 2).is_none());
        assert_eq!((0..9).filter_map(|_| counts.acquire(private, 2)).collect::<Vec<_>>().len(), 9);
        drop(held);
        assert!(counts.acquire(public, 2).is_some());
        assert!(counts.0.lock().unwrap().is_empty());
    }
}
