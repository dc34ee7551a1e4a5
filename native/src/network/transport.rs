//! The daemon's transports: [`tcp`] and [`quic`] for nodes; [`websocket`] (secure or not) and [`webtransport`] for browsers. All
//! are encrypted and multiplexed; host names in addresses are resolved at each dial ([`names`]). Behind a trusted reverse proxy a
//! WebSocket connection has its client's address ([`proxied`]).
//!
//! No circuit relay, no plaintext. A handshake, including name resolution and all upgrades, ends within the configured timeout.
//! QUIC and WebTransport have a UDP port each: libp2p's QUIC cannot share a socket. A new transport gets a file here, and a line
//! in [`build`].

use std::io;

use libp2p::{
    PeerId, Transport,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, OrTransport},
    },
    identity::Keypair,
};

mod names;
mod proxied;
mod quic;
mod security;
mod tcp;
mod traffic;
mod websocket;
pub mod webtransport;

pub use traffic::TrafficCounters;
pub use webtransport::certificate::PERIOD;

use super::config::NetworkConfig;
use security::SecurityUpgrade;

type Authenticated = Boxed<(PeerId, StreamMuxerBox)>;

/// All transports, dialling and listening; the bytes of all connections are counted in `traffic`. Needs a tokio runtime.
///
/// # Errors
/// The key signs no handshake or gives no certificate; the files of secure WebSocket cannot be used.
pub fn build(identity: &Keypair, config: &NetworkConfig, traffic: &TrafficCounters) -> io::Result<Authenticated> {
    let upgrade = SecurityUpgrade::new(identity, &config.security)?;
    // WebSocket comes first: it accepts only addresses that end in /ws or /wss, and TCP would accept their first part.
    let websocket = websocket::build(config, &upgrade, traffic.ws.clone())?;
    let streams = or(websocket, tcp::build(config, upgrade, traffic.tcp.clone()));
    let webtransport = webtransport::build(identity, config, traffic.webtransport.clone())?;
    Ok(or(or(webtransport, quic::build(identity, config, traffic.quic.clone())), streams))
}

/// Addresses that the first does not accept are given to the second.
fn or(first: Authenticated, second: Authenticated) -> Authenticated {
    OrTransport::new(first, second).map(|either, _| either.into_inner()).boxed()
}
