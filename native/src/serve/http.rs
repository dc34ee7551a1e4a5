//! Connections of the HTTP sides: so many at once, so many of one public address, none that is silent, none for ever.

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

/// How long a connection may neither ask nor take anything.
const SILENCE: Duration = Duration::from_secs(30);
/// How long one may last, however busy it looks: the page comes through in that time at 20 kB a second, and who has more to
/// ask connects again.
const LIFE: Duration = Duration::from_secs(120);
/// Of the connections one public address has an eighth at most. A reverse proxy is at a private one.
const SHARE: usize = 8;

/// A listener that accepts only while fewer than so many connections are open.
pub(crate) struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
    /// Of one public address at most.
    share: usize,
    open: Open,
}

/// How many connections each public address has.
#[derive(Clone, Debug, Default)]
struct Open(Arc<Mutex<BTreeMap<IpAddr, usize>>>);

/// One of them.
#[derive(Debug)]
struct Held(Open, IpAddr);

impl Open {
    /// `None` when it has its share.
    fn hold(&self, ip: IpAddr, share: usize) -> Option<Held> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(ip).or_default();
        if *count >= share {
            return None;
        }
        *count += usize::from(is_public(ip));
        Some(Held(self.clone(), ip))
    }
}

impl Drop for Held {
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

impl Bounded {
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn bind(at: SocketAddr, connections: usize) -> io::Result<Self> {
        let (free, share) = (Arc::new(Semaphore::new(connections)), (connections / SHARE).max(1));
        Ok(Self { listener: TcpListener::bind(at).await?, free, share, open: Open::default() })
    }
}

impl Listener for Bounded {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let permit = self.free.clone().acquire_owned().await.ok();
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            let Some(held) = self.open.hold(from.ip().to_canonical(), self.share) else { continue };
            let mut stream = TimeoutStream::new(stream);
            stream.set_read_timeout(Some(SILENCE));
            stream.set_write_timeout(Some(SILENCE));
            let (stream, life) = (Box::pin(stream), Box::pin(sleep(LIFE)));
            return (Counted { stream, life, _held: held, _permit: permit }, from);
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is silent or its time is over, and then gives its place back.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    life: Pin<Box<Sleep>>,
    _held: Held,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Counted {
    /// The stream while its time lasts.
    fn live(&mut self, cx: &mut Context<'_>) -> io::Result<Pin<&mut TimeoutStream<TcpStream>>> {
        match self.life.as_mut().poll(cx) {
            Poll::Ready(()) => Err(io::ErrorKind::TimedOut.into()),
            Poll::Pending => Ok(self.stream.as_mut()),
        }
    }
}

mod io_of_counted {
    //! Reading and writing go straight to the stream, while its time lasts.

    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Counted;

    impl AsyncRead for Counted {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.live(cx)?.poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counted {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_public_address_has_its_share_and_gets_it_back() {
        let (open, public, private) = (Open::default(), IpAddr::from([8, 8, 8, 8]), IpAddr::from([127, 0, 0, 1]));
        let held: Vec<_> = (0..2).filter_map(|_| open.hold(public, 2)).collect();
        assert_eq!(held.len(), 2);
        assert!(open.hold(public, 2).is_none());
        assert_eq!((0..9).filter_map(|_| open.hold(private, 2)).collect::<Vec<_>>().len(), 9);
        drop(held);
        assert!(open.hold(public, 2).is_some());
        assert!(open.0.lock().unwrap().is_empty());
    }
}
