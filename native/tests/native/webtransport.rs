//! WebTransport against itself: dials, refusals, and certificates that rotate meanwhile.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, SystemTime},
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, future::poll_fn};
use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        Endpoint, StreamMuxer,
        transport::{Boxed, DialOpts, ListenerId, PortUse, TransportEvent},
        upgrade::OutboundConnectionUpgrade,
    },
    identity::{Keypair, secp256k1},
    multiaddr::Protocol,
    noise,
};
use petrel_node::network::transport::{
    PERIOD,
    webtransport::{CertificateSchedule, SessionMuxer, SystemClock, WebTransport},
};

const DAY: Duration = Duration::from_secs(24 * 3600);
const DIAL: DialOpts = DialOpts { role: Endpoint::Dialer, port_use: PortUse::New };

type Wire = Boxed<(PeerId, SessionMuxer)>;

/// A clock that a test advances, for the certificates of both sides.
#[derive(Clone, Default)]
struct Hands(Arc<Mutex<Duration>>);

impl Hands {
    fn advance(&self, by: Duration) {
        *self.0.lock().unwrap() += by;
    }

    fn clock(&self) -> SystemClock {
        let hands = self.clone();
        Arc::new(move || SystemTime::now() + *hands.0.lock().unwrap())
    }
}

fn transport(identity: &Keypair, period: Duration, clock: SystemClock) -> Wire {
    WebTransport::new(identity, period, clock).unwrap().boxed()
}

fn plain() -> Wire {
    transport(&Keypair::generate_secp256k1(), PERIOD, Hands::default().clock())
}

/// Listens on loopback. Returns the address with its hashes.
async fn listen(wire: &mut Wire) -> Multiaddr {
    wire.listen_on(ListenerId::next(), "/ip4/127.0.0.1/udp/0/quic-v1/webtransport".parse().unwrap()).unwrap();
    wire.next().await.unwrap().into_new_address().unwrap()
}

/// Echoes every stream of every connection. Returns the peers that connected.
fn serve(mut wire: Wire) -> Arc<Mutex<Vec<PeerId>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let came = seen.clone();
    tokio::spawn(async move {
        while let Some(event) = wire.next().await {
            let TransportEvent::Incoming { upgrade, .. } = event else { continue };
            let came = came.clone();
            tokio::spawn(async move {
                let Ok((peer, mut muxer)) = upgrade.await else { return };
                came.lock().unwrap().push(peer);
                while let Ok(stream) = poll_fn(|cx| muxer.poll_inbound_unpin(cx)).await {
                    tokio::spawn(async move {
                        let (read, mut write) = stream.split();
                        let _ = futures::io::copy(read, &mut write).await;
                        let _ = write.close().await;
                    });
                }
            });
        }
    });
    seen
}

trait Unpinned: StreamMuxer + Unpin {
    fn poll_inbound_unpin(
        &mut self,
        cx: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<Self::Substream, Self::Error>> {
        std::pin::Pin::new(self).poll_inbound(cx)
    }
}

impl<M: StreamMuxer + Unpin> Unpinned for M {}

async fn echo(muxer: &mut SessionMuxer, bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let stream = poll_fn(|cx| std::pin::Pin::new(&mut *muxer).poll_outbound(cx)).await?;
    let (mut read, mut write) = stream.split();
    let mut back = Vec::new();
    let say = async {
        write.write_all(bytes).await?;
        write.close().await
    };
    futures::try_join!(say, async { read.read_to_end(&mut back).await.map(drop) })?;
    Ok(back)
}

async fn dial(wire: &mut Wire, address: &Multiaddr) -> Result<(PeerId, SessionMuxer), String> {
    let dialling = wire.dial(address.clone(), DIAL).map_err(|error| format!("{error:?}"))?;
    dialling.await.map_err(|error| error.to_string())
}

fn hashes(address: &Multiaddr) -> Vec<Protocol<'_>> {
    address.iter().filter(|part| matches!(part, Protocol::Certhash(_))).collect()
}

fn without_hashes(address: &Multiaddr) -> Multiaddr {
    address.iter().filter(|part| !matches!(part, Protocol::Certhash(_))).collect()
}

#[tokio::test]
async fn both_sides_know_the_others_peer_id_and_ten_mebibytes_are_echoed() {
    let (here, there) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let mut wire = transport(&there, PERIOD, Hands::default().clock());
    let address = listen(&mut wire).await;
    let seen = serve(wire);
    let mut dialler = transport(&here, PERIOD, Hands::default().clock());
    let (peer, mut muxer) = dial(&mut dialler, &address).await.unwrap();
    assert_eq!(peer, there.public().to_peer_id());
    let block: Vec<u8> = (0..10 << 20).map(|at: u32| at.to_le_bytes()[at as usize % 3]).collect();
    assert!(echo(&mut muxer, &block).await.unwrap() == block);
    assert_eq!(*seen.lock().unwrap(), [here.public().to_peer_id()]);
}

#[tokio::test]
async fn an_address_has_two_certificate_hashes_and_one_of_them_is_enough() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    serve(wire);
    let hashes = hashes(&address);
    assert_eq!(hashes.len(), 2);
    // Only the current certificate: the listener's list has more.
    let today = without_hashes(&address).with(hashes[0].clone());
    dial(&mut plain(), &today).await.unwrap();
    // Only the next certificate: it is not served yet.
    let tomorrow = without_hashes(&address).with(hashes[1].clone());
    assert!(dial(&mut plain(), &tomorrow).await.is_err());
}

#[tokio::test]
async fn a_dial_without_a_hash_or_with_the_hash_of_another_certificate_fails() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    serve(wire);
    let error = dial(&mut plain(), &without_hashes(&address)).await.err().unwrap();
    assert!(error.contains("NoCertificateHash"), "{error}");
    let mut other = plain();
    let foreign = listen(&mut other).await;
    let swapped = hashes(&foreign).into_iter().fold(without_hashes(&address), Multiaddr::with);
    assert!(dial(&mut plain(), &swapped).await.is_err());
}

#[tokio::test]
async fn a_hash_that_the_listener_does_not_confirm_ends_the_handshake() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    serve(wire);
    let mut other = plain();
    let foreign = listen(&mut other).await;
    // The certificate is accepted; the hash that was added to the address is detected in Noise.
    let added = address.with(hashes(&foreign)[0].clone());
    let error = dial(&mut plain(), &added).await.err().unwrap();
    assert!(error.contains("handshake failed"), "{error}");
}

#[tokio::test]
async fn other_addresses_are_left_to_other_transports() {
    let peer = PeerId::random();
    for text in [
        "/ip4/127.0.0.1/udp/1/quic-v1".to_owned(),
        "/ip4/127.0.0.1/tcp/1".to_owned(),
        format!("/ip4/127.0.0.1/udp/1/quic-v1/p2p/{peer}/webtransport"),
        format!("/ip4/127.0.0.1/udp/1/quic-v1/webtransport/p2p/{peer}/p2p-circuit"),
    ] {
        let address: Multiaddr = text.parse().unwrap();
        let refused = plain().dial(address, DIAL).err().unwrap();
        assert!(matches!(refused, libp2p::core::transport::TransportError::MultiaddrNotSupported(_)), "{text}");
    }
}

#[tokio::test]
async fn a_rotation_reports_the_new_address_and_closes_no_connection() {
    let identity = Keypair::generate_secp256k1();
    // Short periods, so that the listener checks the schedule soon enough for a test; long enough for a dial on a slow machine.
    let mut wire = transport(&identity, Duration::from_secs(6), Hands::default().clock());
    let first = listen(&mut wire).await;
    let (say, mut said) = tokio::sync::mpsc::unbounded_channel();
    tokio::spawn(async move {
        loop {
            match wire.next().await.unwrap() {
                TransportEvent::Incoming { upgrade, .. } => {
                    tokio::spawn(async move {
                        let Ok((_, mut muxer)) = upgrade.await else { return };
                        while let Ok(stream) = poll_fn(|cx| muxer.poll_inbound_unpin(cx)).await {
                            let (read, mut write) = stream.split();
                            let _ = futures::io::copy(read, &mut write).await;
                            let _ = write.close().await;
                        }
                    });
                }
                TransportEvent::NewAddress { listen_addr, .. } => say.send((true, listen_addr)).unwrap(),
                TransportEvent::AddressExpired { listen_addr, .. } => say.send((false, listen_addr)).unwrap(),
                _ => {}
            }
        }
    });
    let mut wire = plain();
    let (_, mut muxer) = dial(&mut wire, &first).await.unwrap();
    let (new, second) = said.recv().await.unwrap();
    assert!(new && second != first);
    assert_eq!(said.recv().await.unwrap(), (false, first.clone()));
    // The second certificate has become the first one.
    assert_eq!(hashes(&second)[0], hashes(&first)[1]);
    assert_eq!(echo(&mut muxer, b"still here").await.unwrap(), b"still here");
    // A peer that was disconnected before the rotation reconnects with the old address.
    dial(&mut wire, &first).await.unwrap();
    let _third = said.recv().await.unwrap();
    assert_eq!(said.recv().await.unwrap(), (false, second));
    assert!(dial(&mut wire, &first).await.is_err(), "two periods later it is too old");
    assert_eq!(echo(&mut muxer, b"still here").await.unwrap(), b"still here");
}

#[tokio::test]
async fn after_a_restart_the_address_is_the_same_and_eleven_days_later_it_shares_one_hash() {
    let (identity, hands) = (Keypair::generate_secp256k1(), Hands::default());
    let mut hash_lists = Vec::new();
    for _ in 0..2 {
        let mut wire = transport(&identity, PERIOD, hands.clock());
        let address = listen(&mut wire).await;
        hash_lists.push(hashes(&address).into_iter().map(|hash| hash.to_string()).collect::<Vec<_>>());
    }
    assert_eq!(hash_lists[0], hash_lists[1]);
    hands.advance(11 * DAY);
    let address = listen(&mut transport(&identity, PERIOD, hands.clock())).await;
    assert_eq!(hashes(&address)[0].to_string(), hash_lists[0][1]);
}

/// A saved address has hashes of certificates. A change of the certificates' bytes, for example by another version of `rcgen`, breaks
/// every saved address: such a change of these constants needs a line in the changelog.
#[test]
fn the_certificates_of_a_key_and_a_time_are_the_same_in_every_build() {
    let secret = secp256k1::SecretKey::try_from_bytes([0x11; 32]).unwrap();
    let identity = Keypair::from(secp256k1::Keypair::from(secret));
    let schedule = CertificateSchedule::new(&identity, PERIOD).unwrap();
    let number = schedule.number(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000));
    assert_eq!(number, 1894);
    for (number, hash) in [
        (number, "/certhash/uEiDKijSk1yHO2ExmhBEQiIugwAi4d6Qagbgmy1C7jfEhLg"),
        (number + 1, "/certhash/uEiDxgAp6QSmwDCznh_2AGaOP6ttHKCpTOPNXajx8mq7Fig"),
    ] {
        let made = schedule.certificate(number).unwrap();
        assert_eq!(Multiaddr::from(Protocol::Certhash(made.hash)).to_string(), hash, "period {number}");
    }
}

/// The path of libp2p.
const PATH: &str = "/.well-known/libp2p-webtransport?type=noise";

/// Connects with another WebTransport client to this address.
fn session(
    address: &Multiaddr,
    path: &'static str,
) -> impl Future<Output = Result<wtransport::Connection, wtransport::error::ConnectingError>> + use<> {
    let Some(Protocol::Udp(port)) = address.iter().nth(1) else { panic!("{address}") };
    let digests = hashes(address).into_iter().map(|part| match part {
        Protocol::Certhash(hash) => wtransport::tls::Sha256Digest::new(hash.digest().try_into().unwrap()),
        _ => unreachable!(),
    });
    let config = wtransport::ClientConfig::builder()
        .with_bind_address("127.0.0.1:0".parse().unwrap())
        .with_server_certificate_hashes(digests)
        .build();
    let endpoint = wtransport::Endpoint::client(config).unwrap();
    async move { endpoint.connect(format!("https://127.0.0.1:{port}{path}")).await }
}

#[tokio::test]
async fn unresponsive_clients_are_disconnected_after_ten_seconds_and_others_connect_meanwhile() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    serve(wire);
    let quiet = |path: &'static str| session(&address, path);
    let silent: Vec<_> = futures::future::join_all((0..12).map(|_| quiet(PATH))).await;
    assert!(silent.iter().all(Result::is_ok));
    assert!(quiet("/somewhere/else").await.is_err(), "only libp2p's path has a session");
    let (_, mut muxer) = dial(&mut plain(), &address).await.unwrap();
    assert_eq!(echo(&mut muxer, b"hello").await.unwrap(), b"hello");
    for session in silent {
        let session = session.unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(30), session.closed()).await;
        assert!(ended.is_ok(), "a session that says nothing is closed");
    }
}

#[tokio::test]
async fn the_stream_of_the_handshake_is_not_stopped_before_the_dialler_closes_it() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    serve(wire);
    let session = session(&address, PATH).await.unwrap();
    let halves = session.open_bi().await.unwrap().await.unwrap();
    let noise = noise::Config::new(&Keypair::generate_secp256k1()).unwrap();
    let stream = tokio_util::compat::TokioAsyncReadCompatExt::compat(wtransport::stream::BiStream::join(halves));
    let (_, mut secured) = noise.upgrade_outbound(stream, "/noise").await.unwrap();

    // The listener has finished the handshake before it answers on the next stream.
    let (mut send, mut receive) = session.open_bi().await.unwrap().await.unwrap();
    send.write_all(b"hello").await.unwrap();
    let mut back = [0; 5];
    receive.read_exact(&mut back).await.unwrap();
    secured.write_all(b"a dialler that is still there").await.unwrap();
    secured.flush().await.expect("nobody has stopped the stream");
}

#[tokio::test]
async fn a_session_is_requested_as_go_libp2p_expects() {
    let schedule = CertificateSchedule::new(&Keypair::generate_secp256k1(), PERIOD).unwrap();
    let made = schedule.certificate(schedule.number(SystemTime::now())).unwrap();
    let chain = wtransport::tls::CertificateChain::single(wtransport::tls::Certificate::from_der(made.der).unwrap());
    let key = wtransport::tls::PrivateKey::from_der_pkcs8(made.key.to_vec());
    let config = wtransport::ServerConfig::builder()
        .with_bind_address("127.0.0.1:0".parse().unwrap())
        .with_identity(wtransport::Identity::new(chain, key))
        .build();
    let server = wtransport::Endpoint::server(config).unwrap();
    let socket = server.local_addr().unwrap();
    let address = Multiaddr::from(socket.ip()).with(Protocol::Udp(socket.port())).with(Protocol::QuicV1);
    let address = address.with(Protocol::WebTransport).with(Protocol::Certhash(made.hash));
    let dialling = plain().dial(address, DIAL).unwrap();
    tokio::spawn(dialling);
    let request = server.accept().await.await.unwrap();
    assert_eq!(request.path(), "/.well-known/libp2p-webtransport?type=noise");
    // Field names are in lower case (RFC 9114, 4.2), else the request is malformed for a strict listener.
    assert!(request.headers().keys().all(|name| *name == name.to_lowercase()), "{:?}", request.headers());
    assert_eq!(request.headers().get("sec-webtransport-http3-draft02").map(String::as_str), Some("1"));
}

/// Sessions of one listener that are not authenticated yet, at most (`webtransport/handshake.rs`).
const MAX_PENDING: usize = 128;

#[tokio::test]
async fn above_the_maximum_of_unfinished_sessions_the_next_is_not_answered() {
    let mut wire = plain();
    let address = listen(&mut wire).await;
    // These upgrades are not polled, so that none completes.
    let mut held = Vec::new();
    let mut dialler = plain();
    let dials: Vec<_> =
        (0..MAX_PENDING + 64).map(|_| tokio::spawn(dialler.dial(address.clone(), DIAL).unwrap())).collect();
    loop {
        // No event after that.
        let timeout = Duration::from_secs(if held.len() < MAX_PENDING { 60 } else { 2 });
        match tokio::time::timeout(timeout, wire.next()).await {
            Ok(Some(TransportEvent::Incoming { upgrade, .. })) => held.push(upgrade),
            Ok(_) => {}
            Err(_) => break,
        }
    }
    assert_eq!(held.len(), MAX_PENDING);
    dials.into_iter().for_each(|dial| dial.abort());
    // After their end new sessions are accepted.
    held.clear();
    let again = tokio::spawn(dialler.dial(address, DIAL).unwrap());
    tokio::pin!(again);
    let dialled = loop {
        tokio::select! {
            event = wire.next() => if let Some(TransportEvent::Incoming { upgrade, .. }) = event {
                tokio::spawn(upgrade);
            },
            dialled = &mut again => break dialled,
        }
    };
    dialled.unwrap().unwrap();
}
