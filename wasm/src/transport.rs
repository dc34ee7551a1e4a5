//! How a browser reaches a peer: WebSocket, then noise, then yamux, all within one timeout.

pub(crate) mod websocket;

use core::time::Duration;

use libp2p::{
    PeerId, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    identity::Keypair,
    noise, yamux,
};

use websocket::WebSockets;

/// From the first byte to a multiplexed connection (the daemon's dial timeout).
const TIMEOUT: Duration = Duration::from_secs(10);
/// Streams of one connection: gossip in and out, identify, ping, and room; yamux lets them buffer 256 KiB each at least.
const MAX_STREAMS: usize = 32;

/// The transport that a [`Driver`](petrel_core::net::Driver) takes.
///
/// # Errors
/// noise cannot make its static key of the identity.
pub(crate) fn new(identity: &Keypair) -> Result<Boxed<(PeerId, StreamMuxerBox)>, noise::Error> {
    let mut muxer = yamux::Config::default();
    muxer.set_max_num_streams(MAX_STREAMS);
    let upgraded =
        WebSockets.upgrade(Version::V1).authenticate(noise::Config::new(identity)?).multiplex(muxer).timeout(TIMEOUT);
    Ok(upgraded.boxed())
}
