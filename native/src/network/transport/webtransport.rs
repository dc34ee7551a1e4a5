//! libp2p over WebTransport, listening and dialling: the one encrypted transport that a browser reaches without a
//! certificate authority or a domain name. Nothing in it is specific to Petrel, except the name in the certificate.
//!
//! An address is `/ip4|ip6/IP/udp/PORT/quic-v1/webtransport`, and a dialled address adds two or more `/certhash/HASH`:
//! the SHA-256 of the current certificate and of the next one ([`certificate`]). A connection is a QUIC connection with one HTTP/3
//! session on it ([`session`]), whose bidirectional streams are libp2p's ([`muxer`]); the first stream carries Noise, in which
//! the listener repeats the hashes. Specification: libp2p's `webtransport/README.md`, and what go-libp2p asks beyond it.
//!
//! Bounds of one listener for unauthenticated peers: [`handshake::MAX_PENDING`] pending sessions, each limited to
//! [`handshake::HANDSHAKE_TIMEOUT`]; from [`handshake::PENDING_UNPROVED`] pending sessions on, an address must first prove that
//! it receives packets (QUIC Retry); above the bound an attempt gets no answer. Bounds of a connection: [`muxer::bounds`].

use std::{
    collections::VecDeque,
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent, timeout::TransportTimeout},
    },
    identity::Keypair,
    multiaddr::Protocol,
    noise,
};
use petrel_core::net::Bandwidth;

mod address;
pub mod certificate;
mod error;
mod handshake;
mod listener;
mod muxer;
mod session;

pub use certificate::CertificateSchedule;
pub use error::WebTransportError;
pub use listener::SystemClock;
pub use muxer::SessionMuxer;

use listener::WebTransportListener;
use session::PendingSession;

use super::names::ResolvingTransport;
use crate::network::config::NetworkConfig;

/// The transport as [`super::build`] needs it: names are resolved, bytes are counted, dials have a timeout.
pub(super) fn build(
    identity: &Keypair,
    config: &NetworkConfig,
    flow: Bandwidth,
) -> io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let transport = WebTransport::new(identity, config.period, Arc::new(SystemTime::now))?;
    let resolving = ResolvingTransport::new(transport, is_webtransport, config.timeout);
    let counted = resolving.map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(flow.count_streams(muxer))));
    Ok(TransportTimeout::new(counted, config.timeout).boxed())
}

fn is_webtransport(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::WebTransport)
}

/// See the module.
pub struct WebTransport {
    noise: noise::Config,
    schedule: CertificateSchedule,
    clock: SystemClock,
    listeners: Vec<WebTransportListener>,
    closed: VecDeque<ListenerId>,
}

impl WebTransport {
    /// Certificates follow from the key of `identity` and change with `period`; see [`CertificateSchedule::new`].
    ///
    /// # Errors
    /// The key signs no handshake, or is one that gives no secret (RSA).
    pub fn new(identity: &Keypair, period: Duration, clock: SystemClock) -> io::Result<Self> {
        Ok(Self {
            noise: noise::Config::new(identity).map_err(io::Error::other)?,
            schedule: CertificateSchedule::new(identity, period)?,
            clock,
            listeners: Vec::new(),
            closed: VecDeque::new(),
        })
    }

    fn listen(&self, id: ListenerId, socket: SocketAddr) -> Result<WebTransportListener, WebTransportError> {
        WebTransportListener::new(id, socket, self.noise.clone(), self.schedule.clone(), self.clock.clone())
    }
}

impl Transport for WebTransport {
    type Output = (PeerId, SessionMuxer);
    type Error = WebTransportError;
    type ListenerUpgrade = PendingSession;
    type Dial = PendingSession;

    fn listen_on(&mut self, id: ListenerId, address: Multiaddr) -> Result<(), TransportError<WebTransportError>> {
        let Some(socket) = address::parse_listen_address(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        let listener = self.listen(id, socket).map_err(TransportError::Other)?;
        self.listeners.push(listener);
        Ok(())
    }

    /// Connections that it accepted stay open.
    fn remove_listener(&mut self, id: ListenerId) -> bool {
        let before = self.listeners.len();
        self.listeners.retain(|listener| listener.id() != id);
        let removed = self.listeners.len() < before;
        if removed {
            self.closed.push_back(id);
        }
        removed
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<PendingSession, TransportError<WebTransportError>> {
        let Some(target) = address::parse_dial_address(&address) else {
            return Err(TransportError::MultiaddrNotSupported(address));
        };
        if options.role.is_listener() {
            return Err(TransportError::MultiaddrNotSupported(address));
        }
        if target.hashes.is_empty() {
            return Err(TransportError::Other(WebTransportError::NoCertificateHash));
        }
        Ok(session::with_timeout(session::dial(target, self.noise.clone())))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<TransportEvent<PendingSession, WebTransportError>> {
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
