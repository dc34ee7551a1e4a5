//! petrel-core's driver on the daemon's transports, worker threads and store.

use std::{
    io,
    net::{IpAddr, SocketAddr},
};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    config::Settled,
    net::{Driver, DriverParts, NetError},
    persistence::RestoredState,
};
use socket2::{Domain, Socket, Type};

use super::{
    config::NetworkConfig,
    transport::{self, TrafficCounters},
};
use crate::{
    host::{MessageLoss, TokioHost},
    identity::{Identity, random_seed},
    store::Store,
};

/// What a driver works with beside its configuration.
#[derive(Debug, Default)]
pub struct DriverResources {
    /// Where blocks, peers and bans are persisted; without it they are not.
    pub store: Option<Store>,
    /// What an earlier run persisted.
    pub memory: RestoredState,
    /// The messages that are dropped on purpose.
    pub loss: MessageLoss,
    /// Counts the bytes of its connections.
    pub traffic: TrafficCounters,
}

/// Why there is no driver.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The core rejects the configuration, or an address cannot be listened on.
    #[error(transparent)]
    Net(#[from] NetError),
    /// The transports cannot be built.
    #[error("transport: {0}")]
    Transport(io::Error),
    /// Another process listens on a port.
    #[error("cannot listen on {ip}:{port}; give another --p2p.listen.ip, --p2p.listen.tcp or --p2p.listen.ws: {error}")]
    PortTaken {
        /// The IP.
        ip: IpAddr,
        /// The TCP port.
        port: u16,
        /// The system's error.
        error: io::Error,
    },
}

/// A driver that listens on the configured addresses.
///
/// # Errors
/// See [`DriverError`].
pub fn build_driver(
    identity: &Identity,
    config: Settled,
    network: &NetworkConfig,
    resources: DriverResources,
) -> Result<Driver<TokioHost>, DriverError> {
    let transport = transport::build(&identity.keypair, network, &resources.traffic).map_err(DriverError::Transport)?;
    let mut driver = Driver::new(DriverParts {
        config,
        restored: resources.memory,
        identity: identity.keypair.clone(),
        agent: network.agent.clone(),
        transport,
        swarm: libp2p::swarm::Config::with_tokio_executor(),
        seed: random_seed(),
        host: TokioHost::new(resources.store).with_loss(resources.loss),
    })?;
    // All of them first: our own listeners are no other process.
    network.listen.iter().try_for_each(check_port_is_free)?;
    for address in &network.listen {
        driver.listen(address.clone())?;
    }
    Ok(driver)
}

/// Fails if another process listens on the address's TCP port. The transport reuses ports, to dial from them; with another process
/// each would get a part of the other's connections.
fn check_port_is_free(address: &Multiaddr) -> Result<(), DriverError> {
    let (mut ip, mut port) = (None, None);
    for part in address {
        match part {
            Protocol::Ip4(found) => ip = Some(IpAddr::from(found)),
            Protocol::Ip6(found) => ip = Some(IpAddr::from(found)),
            Protocol::Tcp(found) => port = Some(found),
            _ => {}
        }
    }
    let (Some(ip), Some(port)) = (ip, port) else { return Ok(()) };
    probe((ip, port).into()).map_err(|error| DriverError::PortTaken { ip, port, error })
}

/// Listens for a moment. As libp2p does, an IPv6 socket leaves IPv4 alone: `::` and `0.0.0.0` are two addresses.
fn probe(at: SocketAddr) -> io::Result<()> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    if at.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A port whose last connections are not forgotten yet is free.
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    socket.listen(1)
}
