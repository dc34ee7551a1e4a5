//! The daemon's transport: TCP with names for the mesh, WebSocket over it for browsers, both encrypted and multiplexed.
//!
//! No circuit relay, no plaintext. A handshake, names and both upgrades included, ends within the given timeout.

use std::{io, time::Duration};

use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, OrTransport},
        upgrade::Version,
    },
    identity::Keypair,
    tcp, websocket, yamux,
};

mod names;
mod security;
mod traffic;

use names::Names;
use security::Upgrade;
pub use traffic::{Flow, Traffic};

use crate::settings::Security;

/// Bytes of one WebSocket frame at most: libp2p's default allows 256 MiB before anybody is authenticated.
const MAX_FRAME: usize = 1 << 20;
/// Streams of one WebSocket connection at most, for both sides: a browser needs about ten.
const LEAF_STREAMS: usize = 32;

/// TCP and WebSocket, dialling and listening; the bytes of all connections are counted in `traffic`.
///
/// # Errors
/// The key signs no handshake.
pub fn build(
    identity: &Keypair,
    security: &[Security],
    timeout: Duration,
    traffic: &Traffic,
) -> io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let upgrade = Upgrade::new(identity, security)?;
    let tcp = |flow: Flow| {
        let names = Names::new(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)));
        names.map(move |stream, _| flow.count(stream))
    };

    let mut websocket = websocket::Config::new(tcp(traffic.ws.clone()));
    websocket.set_max_data_size(MAX_FRAME);
    let mut leaf_yamux = yamux::Config::default();
    leaf_yamux.set_max_num_streams(LEAF_STREAMS);
    let websocket =
        websocket.upgrade(Version::V1).authenticate(upgrade.clone()).multiplex(leaf_yamux).timeout(timeout).boxed();

    let tcp = tcp(traffic.tcp.clone()).upgrade(Version::V1).authenticate(upgrade);
    let tcp = tcp.multiplex(yamux::Config::default()).timeout(timeout).boxed();

    // WebSocket first: it takes only addresses that end in /ws or /wss, TCP would take their beginning.
    Ok(OrTransport::new(websocket, tcp).map(|either, _| either.into_inner()).boxed())
}
