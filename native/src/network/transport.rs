//! The daemon's transports: TCP and QUIC for the mesh; WebSocket, secure WebSocket and WebTransport for browsers. All are
//! encrypted and multiplexed; names in addresses are resolved anew at each dial.
//!
//! No circuit relay, no plaintext. A handshake, names and all upgrades included, ends within the given timeout. QUIC and
//! WebTransport have a UDP port each: libp2p's QUIC takes no socket that another reads too.

use std::{io, sync::Arc, time::SystemTime};

use libp2p::{
    Multiaddr, PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, OrTransport, timeout::TransportTimeout},
        upgrade::Version,
    },
    identity::Keypair,
    multiaddr::Protocol,
    quic, tcp, yamux,
};

mod names;
mod security;
mod traffic;
mod websocket;
pub mod webtransport;

use names::Names;
use petrel_core::net::Bandwidth;
use security::Upgrade;
pub use traffic::Traffic;
use websocket::Secure;
use webtransport::WebTransport;
pub use webtransport::certificate::PERIOD;

use crate::cli::settings::Net;

/// Bytes of one WebSocket frame at most: libp2p's default allows 256 MiB before anybody is authenticated.
const MAX_FRAME: usize = 1 << 20;
/// Streams of one WebSocket connection at most, for both sides: a browser needs about ten.
const LEAF_STREAMS: usize = 32;
/// Streams of one QUIC connection at most, for both sides; libp2p's default of 256 is for many protocols.
const QUIC_STREAMS: u32 = 64;
/// Bytes that wait unread for one QUIC stream and for one connection, at most: as WebTransport's.
const QUIC_STREAM_WINDOW: u32 = 1 << 20;
const QUIC_WINDOW: u32 = 4 << 20;

type Authenticated = Boxed<(PeerId, StreamMuxerBox)>;

/// All transports, dialling and listening; the bytes of all connections are counted in `traffic`. Needs a tokio runtime.
///
/// # Errors
/// The key signs no handshake or gives no certificate; the files of secure WebSocket cannot be used.
pub fn build(identity: &Keypair, net: &Net, traffic: &Traffic) -> io::Result<Authenticated> {
    let upgrade = Upgrade::new(identity, &net.security)?;
    let tcp = |flow: Bandwidth| {
        let names = Names::new(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)), is_tcp, net.timeout);
        names.map(move |stream, _| flow.count(stream))
    };

    let mut websocket = libp2p::websocket::Config::new(tcp(traffic.ws.clone()));
    websocket.set_max_data_size(MAX_FRAME);
    let mut leaf_yamux = yamux::Config::default();
    leaf_yamux.set_max_num_streams(LEAF_STREAMS);
    let websocket = Secure::new(websocket, net.certificate.as_ref())?;
    let websocket = websocket.upgrade(Version::V1).authenticate(upgrade.clone()).multiplex(leaf_yamux);

    let tcp = tcp(traffic.tcp.clone()).upgrade(Version::V1).authenticate(upgrade);
    let tcp = tcp.multiplex(yamux::Config::default()).timeout(net.timeout).boxed();

    // WebSocket first: it takes only addresses that end in /ws or /wss, TCP would take their beginning.
    let streams = or(websocket.timeout(net.timeout).boxed(), tcp);
    Ok(or(or(webtransport(identity, net, traffic)?, quic(identity, net, traffic)), streams))
}

/// What the first does not take is the second's.
fn or(first: Authenticated, second: Authenticated) -> Authenticated {
    OrTransport::new(first, second).map(|either, _| either.into_inner()).boxed()
}

/// Whoever names itself by `/dnsaddr` alone is looked for by TCP.
fn is_tcp(address: &Multiaddr) -> bool {
    address.iter().any(|part| matches!(part, Protocol::Tcp(_) | Protocol::Dnsaddr(_)))
}

fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::QuicV1) && !is_webtransport(address)
}

fn is_webtransport(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::WebTransport)
}

fn quic(identity: &Keypair, net: &Net, traffic: &Traffic) -> Authenticated {
    let mut config = quic::Config::new(identity);
    config.max_concurrent_stream_limit = QUIC_STREAMS;
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_WINDOW;
    config.handshake_timeout = net.timeout;
    let (names, flow) = (Names::new(quic::tokio::Transport::new(config), is_quic, net.timeout), traffic.quic.clone());
    let counted = names.map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(flow.count_streams(muxer))));
    TransportTimeout::new(counted, net.timeout).boxed()
}

fn webtransport(identity: &Keypair, net: &Net, traffic: &Traffic) -> io::Result<Authenticated> {
    let transport = WebTransport::new(identity, net.period, Arc::new(SystemTime::now))?;
    let (names, flow) = (Names::new(transport, is_webtransport, net.timeout), traffic.webtransport.clone());
    let counted = names.map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(flow.count_streams(muxer))));
    Ok(TransportTimeout::new(counted, net.timeout).boxed())
}
