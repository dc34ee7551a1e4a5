//! The transports of a browser: WebTransport, which has encryption and streams of its own, or WebSocket with noise and yamux.
//!
//! The addresses of one peer are tried in the order of [`rank`], those of different kinds [`staggered`].

mod environment;
pub(crate) mod staggered;
pub(crate) mod websocket;
pub(crate) mod webtransport;

use core::time::Duration;

use libp2p::{
    Multiaddr, PeerId, Transport as _,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, OrTransport},
        upgrade::Version,
    },
    identity::Keypair,
    noise, yamux,
};
use petrel_core::{net::Bandwidth, node::ByteCount};
use serde::Serialize;
use staggered::{Clock, Kind, LastKinds, Staggered};
use websocket::WebSockets;
use webtransport::WebTransports;

use crate::host::{Sleep, monotonic};

/// From the first byte to a multiplexed connection (the daemon's dial timeout).
const TIMEOUT: Duration = Duration::from_secs(10);
/// Streams of one connection: gossip in and out, identify, ping, and a reserve; in yamux each may buffer at least 256 KiB.
const MAX_STREAMS: usize = 32;

/// Bytes by transport.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    /// WebSockets with and without TLS.
    ws: Bandwidth,
    webtransport: Bandwidth,
}

/// Bytes so far: of WebSockets without their frames, of WebTransport those of its streams.
#[derive(Serialize)]
pub(crate) struct TransportBytes {
    ws: ByteCount,
    webtransport: ByteCount,
}

impl Traffic {
    pub(crate) fn totals(&self) -> TransportBytes {
        TransportBytes { ws: self.ws.totals(), webtransport: self.webtransport.totals() }
    }
}

/// The transport that a [`Driver`](petrel_core::net::Driver) takes; the bytes of its connections are counted in `traffic`,
/// those of WebSockets without their frames, which the browser does not show. `last`: the kind by which an earlier run was connected
/// to each peer.
///
/// # Errors
/// Noise cannot derive its static key from the identity.
pub(crate) fn new(
    identity: &Keypair,
    traffic: &Traffic,
    last: LastKinds,
) -> Result<Boxed<(PeerId, StreamMuxerBox)>, noise::Error> {
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(MAX_STREAMS);
    let bandwidth = traffic.ws.clone();
    let websocket = WebSockets.map(move |connection, _| bandwidth.count(connection));
    let websocket =
        websocket.upgrade(Version::V1).authenticate(noise::Config::new(identity)?).multiplex(muxer).timeout(TIMEOUT);
    let bandwidth = traffic.webtransport.clone();
    let webtransport = WebTransports::new(identity)
        .map(move |(peer, muxer), _| (peer, StreamMuxerBox::new(bandwidth.count_streams(muxer))));
    let either = OrTransport::new(webtransport.boxed(), websocket.boxed());
    let either = either.map(|connection, _| connection.into_inner()).boxed();
    Ok(Staggered::new(either, kind, Clock { now: monotonic, sleep: Sleep::new }, last).boxed())
}

/// The kind of an address; `None` for what a browser cannot dial.
pub(crate) fn kind(address: &Multiaddr) -> Option<Kind> {
    rank(address).map(|rank| if rank == 0 { Kind::WebTransport } else { Kind::WebSocket })
}

/// In which order the addresses of a peer are tried, the lowest first; `None` for what a browser cannot dial. WebTransport
/// needs no certificate and has no head-of-line blocking; secure WebSocket works on every page, plain WebSocket does not.
pub(crate) fn rank(address: &Multiaddr) -> Option<u8> {
    if webtransport::can_dial(address) {
        return Some(0);
    }
    websocket::url(address).map(|url| if url.starts_with("wss:") { 1 } else { 2 })
}
