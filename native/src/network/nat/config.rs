//! What the router is asked for, what it forwards, and how long things may take.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

/// Seconds for which the router keeps a mapping, unless it supports permanent ones only (libp2p's UPnP: an hour).
pub(super) const LEASE: u32 = 3600;
/// How often the mapping is renewed: twice a lease.
pub(super) const RENEW: Duration = Duration::from_secs(1800);
/// How soon a failed attempt is repeated.
pub(super) const RETRY: Duration = Duration::from_secs(300);
/// How long a search may take.
pub(super) const SEARCH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the router's answer to a request may take.
pub(super) const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// How long an answer is awaited that is under way while the node stops.
pub(super) const LAST_ANSWER: Duration = Duration::from_millis(500);
/// How long the removal of the mappings may take at the end.
pub(super) const REMOVE_TIMEOUT: Duration = Duration::from_secs(1);

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
    /// The only router that is believed; without it the one of the default route.
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
