//! One UDP socket that takes sessions, and the certificates that change on it.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
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
    Clock, Error, MAX_PENDING, PENDING_UNPROVED, Schedule, Upgrade,
    address::{self, CertificateHash},
    muxer, session, within,
};

/// The schedule is looked at so often at least: a machine that slept, or whose clock was set, is late by no more.
const LOOK: Duration = Duration::from_secs(60);
/// Bytes that wait for a handshake to be accepted: of one, and of all.
const EARLY: u64 = 64 << 10;
const EARLY_TOTAL: u64 = 1 << 20;

type Event = TransportEvent<Upgrade, Error>;

/// See the module.
pub(super) struct Listener {
    id: ListenerId,
    endpoint: Arc<Endpoint<Server>>,
    noise: noise::Config,
    schedule: Schedule,
    clock: Clock,
    /// The period whose certificate is served.
    period: u64,
    /// Of this period and the next: what the address says.
    hashes: [CertificateHash; 2],
    /// That of the period before, which somebody may still have.
    before: Option<CertificateHash>,
    /// Where we are reached, as told.
    sockets: Vec<SocketAddr>,
    /// Which addresses the machine has, where we listen on all.
    watcher: Option<IfWatcher>,
    /// `None` when the socket is lost.
    accepting: BoxFuture<'static, Option<IncomingSession>>,
    /// One clone for each session in the making.
    pending: Arc<()>,
    look: Pin<Box<Sleep>>,
    events: VecDeque<Event>,
}

impl Listener {
    pub(super) fn new(
        id: ListenerId,
        socket: SocketAddr,
        noise: noise::Config,
        schedule: Schedule,
        clock: Clock,
    ) -> Result<Self, Error> {
        let period = schedule.number(clock());
        let endpoint = Arc::new(Endpoint::server(config(socket, &schedule, period)?)?);
        let bound = endpoint.local_addr()?;
        let mut listener = Self {
            id,
            accepting: accepting(&endpoint),
            endpoint,
            noise,
            hashes: hashes(&schedule, period)?,
            before: before(&schedule, period),
            schedule,
            clock,
            period,
            sockets: Vec::new(),
            watcher: socket.ip().is_unspecified().then(IfWatcher::new).transpose()?,
            pending: Arc::new(()),
            look: Box::pin(tokio::time::sleep(Duration::ZERO)),
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

    /// After [`TransportEvent::ListenerClosed`] there is nothing more.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(event);
            }
            if self.look.poll_unpin(context).is_ready() {
                self.rotate();
                let next = self.schedule.left((self.clock)()).clamp(Duration::from_millis(10), LOOK);
                self.look = Box::pin(tokio::time::sleep(next));
                continue;
            }
            if let Some(Poll::Ready(Some(change))) =
                self.watcher.as_mut().map(|watcher| watcher.poll_next_unpin(context))
            {
                self.changed(change);
                continue;
            }
            let Poll::Ready(incoming) = self.accepting.poll_unpin(context) else { return Poll::Pending };
            let Some(incoming) = incoming else {
                let reason = Err(Error::Lost);
                return Poll::Ready(TransportEvent::ListenerClosed { listener_id: self.id, reason });
            };
            self.accepting = accepting(&self.endpoint);
            if let Some(event) = self.incoming(incoming) {
                return Poll::Ready(event);
            }
        }
    }

    fn incoming(&self, incoming: IncomingSession) -> Option<Event> {
        let pending = Arc::strong_count(&self.pending) - 1;
        if pending >= MAX_PENDING {
            incoming.ignore();
            return None;
        }
        if pending >= PENDING_UNPROVED && !incoming.remote_address_validated() {
            incoming.retry();
            return None;
        }
        let remote = incoming.remote_address();
        let local = self.endpoint.local_addr().ok()?;
        let (noise, held) = (self.noise.clone(), self.pending.clone());
        let noise = noise.with_webtransport_certhashes(self.accepted().collect());
        let handshake = async move {
            let ended = session::accept(incoming, noise).await;
            drop(held);
            ended
        };
        let upgrade = within(handshake);
        let (local_addr, send_back_addr) = (address::of(local, &[]), address::of(remote, &[]));
        Some(TransportEvent::Incoming { listener_id: self.id, upgrade, local_addr, send_back_addr })
    }

    /// Hashes that an address of ours may have had when somebody took it: the last period's, too.
    fn accepted(&self) -> impl Iterator<Item = CertificateHash> {
        self.before.into_iter().chain(self.hashes)
    }

    /// Serves another certificate when its time has come. Connections stay; each address is told anew, then the old one is
    /// taken back. What goes wrong is told, and tried again at the next look.
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

    fn serve(&mut self, period: u64) -> Result<(), Error> {
        let hashes = hashes(&self.schedule, period)?;
        let bound = self.endpoint.local_addr()?;
        self.endpoint.reload_config(config(bound, &self.schedule, period)?, false)?;
        let old = std::mem::replace(&mut self.hashes, hashes);
        self.before = before(&self.schedule, period);
        self.period = period;
        for socket in self.sockets.clone() {
            self.tell(socket);
            self.take_back(address::of(socket, &old));
        }
        Ok(())
    }

    fn changed(&mut self, change: io::Result<IfEvent>) {
        match change {
            Ok(IfEvent::Up(net)) => {
                if let Some(socket) = self.socket(net.addr()) {
                    self.add(socket);
                }
            }
            Ok(IfEvent::Down(net)) => {
                let Some(socket) = self.socket(net.addr()) else { return };
                self.sockets.retain(|known| *known != socket);
                self.take_back(address::of(socket, &self.hashes));
            }
            Err(error) => {
                let error = error.into();
                self.events.push_back(TransportEvent::ListenerError { listener_id: self.id, error });
            }
        }
    }

    /// An address of the machine with our port, if it is of our family.
    fn socket(&self, ip: IpAddr) -> Option<SocketAddr> {
        let bound = self.endpoint.local_addr().ok()?;
        (bound.is_ipv4() == ip.is_ipv4()).then_some(SocketAddr::new(ip, bound.port()))
    }

    fn add(&mut self, socket: SocketAddr) {
        if !self.sockets.contains(&socket) {
            self.sockets.push(socket);
            self.tell(socket);
        }
    }

    fn tell(&mut self, socket: SocketAddr) {
        let listen_addr = address::of(socket, &self.hashes);
        self.events.push_back(TransportEvent::NewAddress { listener_id: self.id, listen_addr });
    }

    fn take_back(&mut self, listen_addr: Multiaddr) {
        self.events.push_back(TransportEvent::AddressExpired { listener_id: self.id, listen_addr });
    }
}

/// wtransport takes a socket for eternal, and panics when it is not.
fn accepting(endpoint: &Arc<Endpoint<Server>>) -> BoxFuture<'static, Option<IncomingSession>> {
    let endpoint = endpoint.clone();
    let accepted = AssertUnwindSafe(async move { endpoint.accept().await }).catch_unwind();
    accepted.map(Result::ok).boxed()
}

fn before(schedule: &Schedule, period: u64) -> Option<CertificateHash> {
    schedule.hash(period.checked_sub(1)?).ok()
}

fn hashes(schedule: &Schedule, period: u64) -> io::Result<[CertificateHash; 2]> {
    Ok([schedule.hash(period)?, schedule.hash(period + 1)?])
}

/// What serves a period's certificate on a socket.
fn config(socket: SocketAddr, schedule: &Schedule, period: u64) -> Result<ServerConfig, Error> {
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
    quic.max_incoming(MAX_PENDING).incoming_buffer_size(EARLY).incoming_buffer_size_total(EARLY_TOTAL);
    outlive(config.quic_endpoint_config_mut(), schedule);
    Ok(config)
}

/// Whoever was connected before a restart hears so when he speaks next (QUIC's stateless reset), and need not wait until the
/// connection times out: the keys for that follow from the node's key.
fn outlive(endpoint: &mut EndpointConfig, schedule: &Schedule) {
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
    async fn a_socket_that_is_lost_closes_the_listener_alone() {
        let identity = Keypair::generate_secp256k1();
        let schedule = Schedule::new(&identity, super::super::certificate::PERIOD).unwrap();
        let noise = noise::Config::new(&identity).unwrap();
        let socket = "127.0.0.1:0".parse().unwrap();
        let mut listener =
            Listener::new(ListenerId::next(), socket, noise, schedule, Arc::new(SystemTime::now)).unwrap();
        let told = poll_fn(|context| listener.poll(context)).await;
        assert!(matches!(told, TransportEvent::NewAddress { .. }));
        listener.endpoint.close(0_u32.into(), b"");
        let told = poll_fn(|context| listener.poll(context)).await;
        assert!(matches!(told, TransportEvent::ListenerClosed { reason: Err(Error::Lost), .. }));
    }
}
