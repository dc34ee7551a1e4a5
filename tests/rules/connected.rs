//! A connection, as a driver reports it to its node.

use core::net::IpAddr;

use petrel_core::{
    event::{Connected, Direction},
    peer::PeerId,
};

/// A connection over TCP to a peer at this IPv4 address.
pub(crate) fn connected(peer: PeerId, ip: &str, direction: Direction, leaf: bool) -> Connected {
    let ip: IpAddr = ip.parse().expect("an address");
    let address = format!("/ip4/{ip}/tcp/9222");
    Connected { peer, address, transport: "tcp", direction, leaf, ip: Some(ip), tried: Vec::new() }
}
