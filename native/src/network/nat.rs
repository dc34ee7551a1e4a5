//! Ports that a router forwards to us (`--p2p.nat`), by UPnP.
//!
//! A separate task reports the mapped ports to the event loop. It finds the router by SSDP, requests our TCP port and
//! discovery's UDP port (with the same numbers if they are free), and renews them before the lease ends. When there is no router,
//! when it refuses, or when its own address is not public, that is logged once for each change and tried again: the node works
//! without it. Bounds: [`ATTEMPT_TIMEOUT`] for each attempt, one attempt at a time. IPv4 only: IPv6 has no such mapping.
//!
//! libp2p's behaviour is not used: it does not map discovery's port, and the core would have to hold it. UPnP trusts whatever
//! answers the search on the local network, therefore it is off by default.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use igd_next::{
    AddPortError, PortMappingProtocol as Kind, SearchOptions,
    aio::{Gateway, tokio::Tokio},
};
use petrel_core::address::is_public;
use tokio::{
    net::UdpSocket,
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{sleep, timeout},
};

/// Seconds for which the router keeps a mapping, unless it supports permanent ones only (libp2p's UPnP: an hour).
const LEASE: u32 = 3600;
/// How often the mapping is renewed: twice a lease.
const RENEW: Duration = Duration::from_secs(1800);
/// How soon a failed attempt is repeated.
const RETRY: Duration = Duration::from_secs(300);
/// How long one attempt may take: the search takes up to half of it.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// How long the removal of the mappings may take at the end.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(5);
/// The description that the router shows.
const DESCRIPTION: &str = "petrel";

/// What the router is asked to forward.
#[derive(Clone, Copy, Debug)]
pub struct PortMapperConfig {
    /// The address on which we listen; without it the one from which the router is reached.
    pub local: Option<Ipv4Addr>,
    /// The TCP port on which we listen.
    pub tcp: u16,
    /// Discovery's UDP port.
    pub udp: Option<u16>,
    /// Whether a router's address may be a private one, because the network is private.
    pub private_network: bool,
    /// Where routers are searched: [`SSDP`], except in tests.
    pub search: SocketAddr,
}

/// SSDP's multicast group (UPnP Device Architecture 1.1, §1).
pub const SSDP: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(239, 255, 255, 250)), 1900);

/// The ports that the router forwards to this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortMapping {
    /// The router's address.
    pub ip: IpAddr,
    /// Its TCP port.
    pub tcp: u16,
    /// Its UDP port.
    pub udp: Option<u16>,
}

/// The event loop's side of the task.
#[derive(Debug)]
pub struct PortMapper {
    mappings: mpsc::Receiver<PortMapping>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl PortMapper {
    /// Starts it.
    pub fn start(config: PortMapperConfig) -> Self {
        let (sender, mappings) = mpsc::channel(1);
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(async move {
            let mut active = None;
            tokio::select! {
                () = maintain(config, &mut active, &sender) => {}
                _ = stopped => {}
            }
            if let Some((gateway, mapped)) = active {
                let _late = timeout(REMOVE_TIMEOUT, remove(&gateway, mapped)).await;
            }
        });
        Self { mappings, stop, task }
    }

    /// The next mapping that differs from the last one. Never returns without one.
    pub async fn next(&mut self) -> PortMapping {
        match self.mappings.recv().await {
            Some(mapped) => mapped,
            None => std::future::pending().await,
        }
    }

    /// Removes the mappings, which takes [`REMOVE_TIMEOUT`] at most.
    pub async fn close(self) {
        drop(self.stop);
        let _panicked = self.task.await;
    }
}

/// A router with the ports that it forwards.
type ActiveMapping = (Gateway<Tokio>, PortMapping);

async fn maintain(config: PortMapperConfig, active: &mut Option<ActiveMapping>, sender: &mpsc::Sender<PortMapping>) {
    let (mut last, mut logged_error) = (None, None);
    loop {
        let known = active.as_ref().map(|(_, mapped)| *mapped);
        let tried = timeout(ATTEMPT_TIMEOUT, map(config, known)).await;
        let wait = match tried.unwrap_or_else(|_| Err("the router takes too long".to_owned())) {
            Ok((gateway, mapped)) => {
                *active = Some((gateway, mapped));
                logged_error = None;
                if last != Some(mapped) {
                    last = Some(mapped);
                    let PortMapping { ip, tcp, udp } = mapped;
                    tracing::info!(%ip, tcp, udp, "--p2p.nat: the router forwards these ports to this node");
                    if sender.send(mapped).await.is_err() {
                        return;
                    }
                }
                RENEW
            }
            Err(error) => {
                if logged_error.as_ref() != Some(&error) {
                    tracing::warn!(%error, "--p2p.nat: no router forwards ports to this node; the request is repeated");
                    logged_error = Some(error);
                }
                RETRY
            }
        };
        sleep(wait).await;
    }
}

/// Finds the router and requests all ports; `known` are those that it forwarded before.
async fn map(config: PortMapperConfig, known: Option<PortMapping>) -> Result<ActiveMapping, String> {
    let options = SearchOptions {
        bind_addr: (config.local.unwrap_or(Ipv4Addr::UNSPECIFIED), 0).into(),
        broadcast_address: config.search,
        timeout: Some(ATTEMPT_TIMEOUT / 2),
        ..SearchOptions::default()
    };
    let gateway = igd_next::aio::tokio::search_gateway(options).await.map_err(|error| error.to_string())?;
    let ip = gateway.get_external_ip().await.map_err(|error| error.to_string())?;
    if !config.private_network && !is_public(ip) {
        return Err(format!("the router is behind another one: its own address {ip} is not public"));
    }
    let local = match config.local {
        Some(local) => IpAddr::V4(local),
        None => local_address_towards(gateway.addr).await.map_err(|error| error.to_string())?,
    };
    let tcp = map_port(&gateway, Kind::TCP, (local, config.tcp).into(), known.map(|known| known.tcp)).await?;
    let udp = match config.udp {
        Some(udp) => Some(map_port(&gateway, Kind::UDP, (local, udp).into(), known.and_then(|known| known.udp)).await?),
        None => None,
    };
    Ok((gateway, PortMapping { ip, tcp, udp }))
}

/// Our address on the route to the router. Nothing is sent.
async fn local_address_towards(router: SocketAddr) -> std::io::Result<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).await?;
    socket.connect(router).await?;
    Ok(socket.local_addr()?.ip())
}

/// Requests a mapping to `local`; the router's port.
async fn map_port(gateway: &Gateway<Tokio>, kind: Kind, local: SocketAddr, known: Option<u16>) -> Result<u16, String> {
    let wanted = known.unwrap_or(local.port());
    let mut lease = LEASE;
    let mut answer = gateway.add_port(kind, wanted, local, lease, DESCRIPTION).await;
    if let Err(AddPortError::OnlyPermanentLeasesSupported) = answer {
        lease = 0;
        answer = gateway.add_port(kind, wanted, local, lease, DESCRIPTION).await;
    }
    match answer {
        Ok(()) => Ok(wanted),
        Err(AddPortError::PortInUse) => {
            gateway.add_any_port(kind, local, lease, DESCRIPTION).await.map_err(|error| format!("{kind} port: {error}"))
        }
        Err(error) => Err(format!("{kind} port {wanted}: {error}")),
    }
}

async fn remove(gateway: &Gateway<Tokio>, mapped: PortMapping) {
    let _refused = gateway.remove_port(Kind::TCP, mapped.tcp).await;
    if let Some(udp) = mapped.udp {
        let _refused = gateway.remove_port(Kind::UDP, udp).await;
    }
}
