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

use names::Names;
use security::Upgrade;

use crate::settings::Security;

/// Bytes of one WebSocket frame at most: libp2p's default allows 256 MiB before anybody is authenticated.
const MAX_FRAME: usize = 1 << 20;
/// Streams of one WebSocket connection at most, for both sides: a browser needs about ten.
const LEAF_STREAMS: usize = 32;

/// TCP and WebSocket, dialling and listening.
///
/// # Errors
/// The key signs no handshake.
pub fn build(
    identity: &Keypair,
    security: &[Security],
    timeout: Duration,
) -> io::Result<Boxed<(PeerId, StreamMuxerBox)>> {
    let upgrade = Upgrade::new(identity, security)?;
    let tcp = || Names::new(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)));

    let mut websocket = websocket::Config::new(tcp());
    websocket.set_max_data_size(MAX_FRAME);
    let mut leaf_yamux = yamux::Config::default();
    leaf_yamux.set_max_num_streams(LEAF_STREAMS);
    let websocket =
        websocket.upgrade(Version::V1).authenticate(upgrade.clone()).multiplex(leaf_yamux).timeout(timeout).boxed();

    let tcp =
        tcp().upgrade(Version::V1).authenticate(upgrade).multiplex(yamux::Config::default()).timeout(timeout).boxed();

    // WebSocket first: it takes only addresses that end in /ws or /wss, TCP would take their beginning.
    Ok(OrTransport::new(websocket, tcp).map(|either, _| either.into_inner()).boxed())
}
