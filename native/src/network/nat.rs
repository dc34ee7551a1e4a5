//! Ports that a router forwards to us (`--p2p.nat`), by UPnP.
//!
//! A separate task reports the mapped ports to the event loop. It finds the router by SSDP, requests our TCP port and
//! discovery's UDP port (with the same numbers if they are free), and renews them before the lease ends. When there is no router,
//! when it refuses, or when its own address is not public, that is logged once for each change and tried again: the node works
//! without it. Bounds: [`SEARCH_TIMEOUT`] for a search, [`REQUEST_TIMEOUT`] for a request, one at a time. IPv4 only: IPv6 has no such
//! mapping.
//!
//! Every machine of the local network can answer the search. Only a router of this machine's default route is accepted and gets
//! requests (`routes`, `search`); igd-next bounds its answers: 1 MiB, and 64 levels of XML.
//!
//! libp2p's behaviour is not used: it does not map discovery's port, and the core would have to hold it.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::timeout,
};

mod routes;
mod search;
mod session;

use session::Session;

/// Seconds for which the router keeps a mapping, unless it supports permanent ones only (libp2p's UPnP: an hour).
const LEASE: u32 = 3600;
/// How often the mapping is renewed: twice a lease.
const RENEW: Duration = Duration::from_secs(1800);
/// How soon a failed attempt is repeated.
const RETRY: Duration = Duration::from_secs(300);
/// How long a search may take.
const SEARCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the router's answer to a request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long the answer to a request is awaited that was sent before the node stops.
const LAST_ANSWER: Duration = Duration::from_millis(500);
/// How long the removal of the mappings may take at the end.
const REMOVE_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// The only router that is accepted; without it the one of the default route.
    pub router: Option<Ipv4Addr>,
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
    /// Dropping it ends the task.
    stop: watch::Sender<()>,
    task: JoinHandle<()>,
}

impl PortMapper {
    /// Starts it.
    pub fn start(config: PortMapperConfig) -> Self {
        let (sender, mappings) = mpsc::channel(1);
        let (stop, stopped) = watch::channel(());
        Self { mappings, stop, task: tokio::spawn(Session::new(config, stopped).run(sender)) }
    }

    /// The next mapping that differs from the last one. Never returns without one.
    pub async fn next(&mut self) -> PortMapping {
        match self.mappings.recv().await {
            Some(mapped) => mapped,
            None => std::future::pending().await,
        }
    }

    /// Removes the mappings, also one whose request is not answered yet. Takes [`LAST_ANSWER`] and [`REMOVE_TIMEOUT`] at most.
    pub async fn close(self) {
        drop(self.stop);
        let _late = timeout(LAST_ANSWER + REMOVE_TIMEOUT, self.task).await;
    }
}
