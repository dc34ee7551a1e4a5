//! One UDP socket that accepts sessions, and the rotation of its certificates.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use futures::{FutureExt, StreamExt, future::BoxFuture};
use if_watch::{IfEvent, tokio::IfWatcher};
use libp2p::{
    Multiaddr,
    core::transport::{ListenerId, TransportEvent},
    noise,
};
use quinn_proto::HashedConnectionIdGenerator;
use tokio::time::Sleep;
use wtransport::{
    Endpoint, ServerConfig,
    config::Ipv6DualStackConfig,
    endpoint::{IncomingSession, endpoint_side::Server},
    quinn::EndpointConfig,
    tls::{Certificate, CertificateChain, Identity, PrivateKey},
};

use super::{
    address::{self, CertificateHash},
    certificate::CertificateSchedule,
    error::WebTransportError,
    handshake::{Admission, MAX_PENDING, PendingSessions},
    muxer,
    session::{self, PendingSession},
};

/// The clock that selects the certificate's period.
pub type SystemClock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// The longest time between two checks of the schedule: after a suspended machine or a clock change the certificate is late by
/// no more than this.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Bytes that are buffered before a handshake is accepted: for one attempt, and for all attempts.
const INCOMING_BUFFER: u64 = 64 << 10;
const INCOMING_BUFFER_TOTAL: u64 = 1 << 20;

type ListenerEvent = TransportEvent<PendingSession, WebTransportError>;

/// See the module.
pub(super) struct WebTransportListener {
    id: ListenerId,
    endpoint: Arc<Endpoint<Server>>,
    noise: noise::Config,
    schedule: CertificateSchedule,
    clock: SystemClock,
    /// The period whose certificate is served.
    period: u64,
    /// Hashes of this period and the next: those in the address.
    hashes: [CertificateHash; 2],
    /// Hash of the previous period, which a peer may still use.
    previous_hash: Option<CertificateHash>,
    /// The announced sockets.
    sockets: Vec<SocketAddr>,
    /// Reports the machine's addresses when the listener is bound to all of them.
    watcher: Option<IfWatcher>,
    /// `None` when the socket is lost.
    accepting: BoxFuture<'static, Option<IncomingSession>>,
    pending: PendingSessions,
    next_check: Pin<Box<Sleep>>,
    events: VecDeque<ListenerEvent>,
}

impl WebTransportListener {
    pub(super) fn new(
        id: ListenerId,
        socket: SocketAddr,
        noise: noise::Config,
        schedule: CertificateSchedule,
        clock: SystemClock,
    ) -> Result<Self, WebTransportError> {
        let period = schedule.number(clock());
        let endpoint = Arc::new(Endpoint::server(server_config(socket, &schedule, period)?)?);
        let bound = endpoint.local_addr()?;
        let mut listener = Self {
            id,
            accepting: accepting(&endpoint),
            endpoint,
            noise,
            hashes: hashes(&schedule, period)?,
            previous_hash: previous_hash(&schedule, period),
            schedule,
            clock,
            period,
            sockets: Vec::new(),
            watcher: socket.ip().is_unspecified().then(IfWatcher::new).transpose()?,
            pending: PendingSessions::default(),
            next_check: Box::pin(tokio::time::sleep(Duration::ZERO)),
            events: VecDeque::new(),
        };
        if listener.watcher.is_none() {
            listener.add(bound);
        }
        Ok(listener)
    }

    pub(super) fn id(&self) -> ListenerId {
        self.id
    }

    /// No event follows [`TransportEvent::ListenerClosed`].
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<ListenerEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            if self.next_check.poll_unpin(context).is_ready() {
                self.rotate();
                let next = self.schedule.time_left((self.clock)()).clamp(Duration::from_millis(10), CHECK_INTERVAL);
                self.next_check = Box::pin(tokio::time::sleep(next));
                continue;
            }
            if let Some(Poll::Ready(Some(change))) =
                self.watcher.as_mut().map(|watcher| watcher.poll_next_unpin(context))
            {
                self.interface_changed(change);
                continue;
            }
            let Poll::Ready(incoming) = self.accepting.poll_unpin(context) else { return Poll::Pending };
            let Some(incoming) = incoming else {
                let reason = Err(WebTransportError::Lost);
                return Poll::Ready(TransportEvent::ListenerClosed { listener_id: self.id, reason });
            };
            self.accepting = accepting(&self.endpoint);
            if let Some(event) = self.incoming(incoming) {
                return Poll::Ready(event);
            }
        }
    }

    fn incoming(&self, incoming: IncomingSession) -> Option<ListenerEvent> {
        let remote = incoming.remote_address();
        let pending = match self.pending.admit(remote.ip(), incoming.remote_address_validated()) {
            Admission::Begin(pending) => pending,
            Admission::Prove => {
                incoming.retry();
                return None;
            }
            Admission::Drop => {
                incoming.ignore();
                return None;
            }
        };
        let local = self.endpoint.local_addr().ok()?;
        let noise = self.noise.clone().with_webtransport_certhashes(self.accepted_hashes().collect());
        let handshake = async move {
            let ended = session::accept(incoming, noise).await;
            drop(pending);
            ended
        };
        let upgrade = session::with_timeout(handshake);
        let (local_addr, send_back_addr) = (address::to_multiaddr(local, &[]), address::to_multiaddr(remote, &[]));
        Some(TransportEvent::Incoming { listener_id: self.id, upgrade, local_addr, send_back_addr })
    }

    /// Hashes that an address of this listener may hold, including those of the previous period.
    fn accepted_hashes(&self) -> impl Iterator<Item = CertificateHash> {
        self.previous_hash.into_iter().chain(self.hashes)
    }

    /// Serves the next certificate when its period begins. Connections stay open; each new address is announced before the old one
    /// expires. An error is reported, and the rotation is tried again at the next check.
    fn rotate(&mut self) {
        let now = self.schedule.number((self.clock)());
        if now == self.period {
            return;
        }
        match self.serve(now) {
            Ok(()) => tracing::info!(period = now, "another WebTransport certificate is served"),
            Err(error) => self.events.push_back(TransportEvent::ListenerError { listener_id: self.id, error }),
        }
    }

    fn serve(&mut self, period: u64) -> Result<(), WebTransportError> {
        let hashes = hashes(&self.schedule, period)?;
        let bound = self.endpoint.local_addr()?;
        self.endpoint.reload_config(server_config(bound, &self.schedule, period)?, false)?;
        let old = std::mem::replace(&mut self.hashes, hashes);
        self.previous_hash = previous_hash(&self.schedule, period);
        self.period = period;
        for socket in self.sockets.clone() {
            self.announce(socket);
            self.expire(address::to_multiaddr(socket, &old));
        }
        Ok(())
    }

    fn interface_changed(&mut self, change: io::Result<IfEvent>) {
        match change {
            Ok(IfEvent::Up(net)) => {
                if let Some(socket) = self.socket(net.addr()) {
                    self.add(socket);
                }
            }
            Ok(IfEvent::Down(net)) => {
                let Some(socket) = self.socket(net.addr()) else { return };
                self.sockets.retain(|known| *known != socket);
                self.expire(address::to_multiaddr(socket, &self.hashes));
            }
            Err(error) => {
                let error = error.into();
                self.events.push_back(TransportEvent::ListenerError { listener_id: self.id, error });
            }
        }
    }

    /// An address of the machine with our port, if it has the socket's IP version.
    fn socket(&self, ip: IpAddr) -> Option<SocketAddr> {
        let bound = self.endpoint.local_addr().ok()?;
        (bound.is_ipv4() == ip.is_ipv4()).then_some(SocketAddr::new(ip, bound.port()))
    }

    fn add(&mut self, socket: SocketAddr) {
        if !self.sockets.contains(&socket) {
            self.sockets.push(socket);
            self.announce(socket);
        }
    }

    fn announce(&mut self, socket: SocketAddr) {
        let listen_addr = address::to_multiaddr(socket, &self.hashes);
        self.events.push_back(TransportEvent::NewAddress { listener_id: self.id, listen_addr });
    }

    fn expire(&mut self, listen_addr: Multiaddr) {
        self.events.push_back(TransportEvent::AddressExpired { listener_id: self.id, listen_addr });
    }
}

/// wtransport panics when its socket fails; the panic is caught here.
fn accepting(endpoint: &Arc<Endpoint<Server>>) -> BoxFuture<'static, Option<IncomingSession>> {
    let endpoint = endpoint.clone();
    let accepted = AssertUnwindSafe(async move { endpoint.accept().await }).catch_unwind();
    accepted.map(Result::ok).boxed()
}

fn previous_hash(schedule: &CertificateSchedule, period: u64) -> Option<CertificateHash> {
    schedule.hash(period.checked_sub(1)?).ok()
}

fn hashes(schedule: &CertificateSchedule, period: u64) -> io::Result<[CertificateHash; 2]> {
    Ok([schedule.hash(period)?, schedule.hash(period + 1)?])
}

/// The server configuration with a period's certificate.
fn server_config(
    socket: SocketAddr,
    schedule: &CertificateSchedule,
    period: u64,
) -> Result<ServerConfig, WebTransportError> {
    let made = schedule.certificate(period)?;
    let certificate = Certificate::from_der(made.der).map_err(io::Error::other)?;
    let key = PrivateKey::from_der_pkcs8(made.key.to_vec());
    let identity = Identity::new(CertificateChain::single(certificate), key);
    let builder = match socket {
        SocketAddr::V4(_) => ServerConfig::builder().with_bind_address(socket),
        SocketAddr::V6(v6) => ServerConfig::builder().with_bind_address_v6(v6, Ipv6DualStackConfig::Deny),
    };
    let mut config = builder.with_custom_transport(identity, muxer::bounds()).build();
    let quic = config.quic_config_mut();
    quic.max_incoming(MAX_PENDING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL);
    derive_reset_keys(config.quic_endpoint_config_mut(), schedule);
    Ok(config)
}

/// Derives the keys for connection ids and stateless resets from the node's key. After a restart a peer of an old connection then
/// receives a QUIC stateless reset for its next packet, and does not wait for a timeout.
fn derive_reset_keys(endpoint: &mut EndpointConfig, schedule: &CertificateSchedule) {
    let ids = schedule.secret("connection ids");
    let ids = ids.iter().take(8).fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte));
    endpoint.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    let resets = schedule.secret("stateless resets");
    endpoint.reset_key(Arc::new(ring::hmac::Key::new(ring::hmac::HMAC_SHA256, resets.as_slice())));
}

#[cfg(test)]
mod tests {
    use std::{future::poll_fn, time::SystemTime};

    use libp2p::identity::Keypair;

    use super::*;

    #[tokio::test]
    async fn a_lost_socket_closes_only_its_listener() {
        let identity = Keypair::generate_secp256k1();
        let schedule = CertificateSchedule::new(&identity, super::super::certificate::PERIOD).unwrap();
        let noise = noise::Config::new(&identity).unwrap();
        let socket = "127.0.0.1:0".parse().unwrap();
        let mut listener =
            WebTransportListener::new(ListenerId::next(), socket, noise, schedule, Arc::new(SystemTime::now)).unwrap();
        let event = poll_fn(|context| listener.poll(context)).await;
        assert!(matches!(event, TransportEvent::NewAddress { .. }));
        listener.endpoint.close(0_u32.into(), b"");
        let event = poll_fn(|context| listener.poll(context)).await;
        assert!(matches!(event, TransportEvent::ListenerClosed { reason: Err(WebTransportError::Lost), .. }));
    }
}
