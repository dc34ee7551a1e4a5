//! The daemon that is attacked, and what all attackers know.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
};

use libp2p::{Multiaddr, PeerId, multiaddr::Protocol};
use petrel_core::chain::Chain;

use super::addresses;

/// The latest honest message as on the wire, for replays and for changed copies.
pub type Latest = Arc<Mutex<Vec<u8>>>;

/// The daemon that is attacked.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its chain.
    pub chain: Chain,
    /// Its peer id.
    pub peer: PeerId,
    /// Its port for nodes.
    pub tcp: u16,
    /// Its port for browsers.
    pub ws: u16,
    /// Its QUIC port.
    pub quic: u16,
    /// Its WebTransport port.
    pub webtransport: u16,
    /// The port of its page.
    pub page: u16,
}

impl Target {
    /// Its TCP address, as a peer with the address `source` dials it.
    #[must_use]
    pub fn tcp_from(&self, source: Ipv4Addr) -> Multiaddr {
        Multiaddr::from(addresses::towards(source)).with(Protocol::Tcp(self.tcp)).with(Protocol::P2p(self.peer))
    }

    /// Its WebSocket address, as a browser with the address `source` dials it.
    #[must_use]
    pub fn ws_from(&self, source: Ipv4Addr) -> Multiaddr {
        let address = Multiaddr::from(addresses::towards(source)).with(Protocol::Tcp(self.ws));
        address.with(Protocol::Ws("/".into())).with(Protocol::P2p(self.peer))
    }

    /// The topic of the blocks.
    #[must_use]
    pub fn topic(&self) -> String {
        self.chain.topic(petrel_core::fork::Fork::Jovian.version())
    }
}

/// The latest honest message.
pub(super) fn honest(latest: &Latest) -> Vec<u8> {
    latest.lock().unwrap_or_else(PoisonError::into_inner).clone()
}
