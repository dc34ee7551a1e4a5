//! The peers of a run: who they are, where they are, and whether they are connected.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use petrel_core::{
    event::{Connected, Direction},
    peer::PeerId,
};

/// Honest peers; each is in a network (/16) of its own. The first one is static.
pub(super) const HONEST: u8 = 6;
/// Those of them that serve blocks.
pub(super) const SERVING: u8 = 4;
/// Hostile keys: more than may be connected.
pub(super) const HOSTILE: u16 = 400;

/// The honest peer of this number.
pub(super) fn honest(index: u8) -> PeerId {
    PeerId::from_bytes(&[1, index]).expect("two bytes fit")
}

/// The hostile peer of this number.
pub(super) fn hostile(index: u16) -> PeerId {
    PeerId::from_bytes(&[2, (index >> 8) as u8, index as u8]).expect("three bytes fit")
}

pub(super) fn is_honest(peer: PeerId) -> bool {
    peer.as_bytes().first() == Some(&1)
}

/// The number of an honest peer.
pub(super) fn number(peer: PeerId) -> u8 {
    peer.as_bytes().get(1).copied().unwrap_or_default()
}

pub(super) fn honest_ip(index: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(20 + index, index, 3, 4))
}

/// Hostile peers have eight addresses in two networks.
pub(super) fn hostile_ip(index: u16) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(90, (index % 2) as u8, 7, 1 + (index % 8) as u8))
}

pub(super) fn ip(peer: PeerId) -> IpAddr {
    let bytes = peer.as_bytes();
    match bytes {
        [1, index] => honest_ip(*index),
        [_, high, low] => hostile_ip(u16::from_be_bytes([*high, *low])),
        _ => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    }
}

pub(super) fn multiaddr(ip: IpAddr) -> String {
    format!("/ip4/{ip}/tcp/9222")
}

/// A connection to `peer`. Every third hostile peer is a leaf.
pub(super) fn connected(peer: PeerId, direction: Direction) -> Connected {
    let leaf =
        !is_honest(peer) && direction == Direction::Inbound && peer.as_bytes().last().is_some_and(|byte| byte % 3 == 0);
    Connected {
        peer,
        address: multiaddr(ip(peer)),
        transport: if leaf { "ws" } else { "tcp" },
        direction,
        leaf,
        ip: Some(ip(peer)),
        tried: Vec::new(),
    }
}

/// The connections.
#[derive(Debug, Default)]
pub(super) struct Connections {
    pub(super) open: BTreeSet<PeerId>,
}
