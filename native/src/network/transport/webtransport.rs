//! libp2p over WebTransport, listening and dialling: the one encrypted transport that a browser reaches without a
//! certificate authority or a name. It knows nothing of Petrel but its name in a certificate.
//!
//! An address is `/ip4|ip6/IP/udp/PORT/quic-v1/webtransport`, and where it is dialled two or more `/certhash/HASH` follow:
//! the SHA-256 of the certificates, today's and the next ([`certificate`]). A connection is a QUIC connection with one HTTP/3
//! session on it ([`session`]), whose bidirectional streams are libp2p's ([`muxer`]); the first stream carries Noise, in which
//! the listener repeats the hashes. Specification: libp2p's `webtransport/README.md`, and what go-libp2p asks beyond it.
//!
//! Bounds of one listener, for whoever has not proved who he is: [`MAX_PENDING`] sessions in the making, each within
//! [`HANDSHAKE`]; from [`PENDING_UNPROVED`] on, an address must first show that it receives what is sent to it (QUIC's
//! Retry); above the bound an attempt gets no answer. Bounds of a connection: [`muxer::bounds`].

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::{FutureExt, future::BoxFuture};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::transport::{DialOpts, ListenerId, TransportError, TransportEvent},
    identity::Keypair,
    noise,
};

mod address;
pub mod certificate;
mod listener;
mod muxer;
mod session;

pub use certificate::Schedule;
pub use muxer::Muxer;

use listener::Listener;

/// Sessions of one listener that are not authenticated yet, at most.
const MAX_PENDING: usize = 64;
/// From so many on, an address is asked to prove itself before anything is kept for it.
const PENDING_UNPROVED: usize = 16;
/// From the first packet to the end of Noise at most; go-libp2p's 10 s.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// Tells the certificates what day it is.
pub type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// Why a connection did not come about.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system gives no socket, or the certificate cannot be made.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An address that ends in `/webtransport` without `/certhash`: there is nothing to trust.
    #[error("a /webtransport address is dialled by its /certhash parts, and this one has none of SHA-256")]
    NoCertificateHash,
    /// The QUIC connection or the session ended.
    #[error("the session failed: {0}")]
    Session(String),
    /// The session was asked for under another path than libp2p's.
    #[error("the session asks for {0:?}, which is not libp2p's path")]
    Path(String),
    /// Whoever is there is not the one, or its certificates are not those of the address.
    #[error("the handshake failed: {0}")]
    Noise(#[from] noise::Error),
    /// The listener's UDP socket failed for good.
    #[error("the UDP socket is lost")]
    Lost,
    /// It took longer than it may.
    #[error("the handshake took longer than {} s", HANDSHAKE.as_secs())]
    Timeout,
}

type Upgrade = BoxFuture<'static, Result<(PeerId, Muxer), Error>>;

/// See the module.
pub struct WebTransport {
    noise: noise::Config,
    schedule: Schedule,
    clock: Clock,
    listeners: Vec<Listener>,
    closed: VecDeque<ListenerId>,
}

impl WebTransport {
    /// Certificates follow from the key of `identity` and change with `period`; see [`Schedule::new`].
    ///
    /// # Errors
    /// The key signs no handshake, or is one that gives no secret (RSA).
    pub fn new(identity: &Keypair, period: Duration, clock: Clock) -> io::Result<Self> {
        Ok(Self {
            noise: noise::Config::new(identity).map_err(io::Error::other)?,
            schedule: Schedule::new(identity, period)?,
            clock,
            listeners: Vec::new(),
            closed: VecDeque::new(),
        })
    }

    fn listen(&self, id: ListenerId, socket: SocketAddr) -> Result<Listener, Error> {
        Listener::new(id, socket, self.noise.clone(), self.schedule.clone(), self.clock.clone())
    }
}

impl Transport for WebTransport {
    type Output = (PeerId, Muxer);
    type Error = Error;
    type ListenerUpgrade = Upgrade;
    type Dial = Upgrade;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<Error>> {
        let Some(socket) = address::listened(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let listener = self.listen(id, socket).map_err(TransportError::Other)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Connections that came by it live on.
    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let before = self.listeners.len();
        self.listeners.retain(|listener| listener.id() != id);
        let removed = self.listeners.len() < before;
        if removed {
            self.closed.push_back(id);
        }
        removed
    }

    fn dial(&mut self, address: Multiaddr, options: DialOpts) -> Result<Upgrade, TransportError<Error>> {
        let Some(target) = address::dialled(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        if options.role.is_listener() {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        if target.hashes.is_empty() {
            return Err(TransportError::Other(Error::NoCertificateHash));
        }
        Ok(within(session::dial(target, self.noise.clone())))
    }

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<TransportEvent<Upgrade, Error>> {
        if let Some(listener_id) = self.closed.pop_front() {
            return Poll::Ready(TransportEvent::ListenerClosed { listener_id, reason: Ok(()) });
        }
        let mut polled = self.listeners.iter_mut().map(|listener| listener.poll(context));
        let Some(event) = polled.find_map(|polled| if let Poll::Ready(event) = polled { Some(event) } else { None })
        else {
            return Poll::Pending;
        };
        drop(polled);
        if let TransportEvent::ListenerClosed { listener_id, .. } = event {
            self.listeners.retain(|listener| listener.id() != listener_id);
        }
        Poll::Ready(event)
    }
}

/// A handshake that ends.
fn within(handshake: impl Future<Output = Result<(PeerId, Muxer), Error>> + Send + 'static) -> Upgrade {
    async move { tokio::time::timeout(HANDSHAKE, handshake).await.unwrap_or(Err(Error::Timeout)) }.boxed()
}
