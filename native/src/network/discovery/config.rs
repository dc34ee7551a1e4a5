//! What discovery is started with.

use std::net::IpAddr;

use super::{bootnode::Bootnode, relay_entry::RelayEntry};

/// See the module.
#[derive(Clone, Debug)]
pub struct DiscoveryConfig {
    /// The chain's id.
    pub chain: u64,
    /// Where to listen: at most one IPv4 and one IPv6 address.
    pub listen: Vec<IpAddr>,
    /// UDP port; `None` takes the number of the TCP port.
    pub udp: Option<u16>,
    /// What the node record says of our address.
    pub advertise: AdvertisedEndpoint,
    /// Boot nodes, which are asked first.
    pub boot: Vec<Bootnode>,
    /// Whether private and loopback addresses belong to the network: then many nodes share one.
    pub private_network: bool,
    /// With what the record says that this node serves browsers; `None` if it does not.
    pub relay: Option<RelayEntry>,
}

/// Our address in the node record; `None` stands for the address or port on which the node listens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdvertisedEndpoint {
    /// An IP, or a host name.
    pub host: Option<String>,
    /// TCP port.
    pub tcp: Option<u16>,
    /// UDP port.
    pub udp: Option<u16>,
}
