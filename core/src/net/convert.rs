//! Conversions between libp2p's types and those of core.

use std::net::IpAddr;

use libp2p::{Multiaddr, core::ConnectedPoint, gossipsub, multiaddr::Protocol};

use crate::{
    event::{Connected, Direction, Tried},
    fault::Acceptance,
    message::MessageId,
    peer::PeerId,
};

/// Core's peer id. Every libp2p peer id fits; the connection of one that did not fit would be ignored.
pub(super) fn peer(peer: &libp2p::PeerId) -> Option<PeerId> {
    PeerId::from_bytes(&peer.to_bytes()).ok()
}

/// libp2p's peer id; `None` for bytes that are not a multihash.
pub(super) fn libp2p_peer(peer: PeerId) -> Option<libp2p::PeerId> {
    libp2p::PeerId::from_bytes(peer.as_bytes()).ok()
}

pub(super) fn message_id(id: &gossipsub::MessageId) -> Option<MessageId> {
    id.0.as_slice().try_into().ok().map(MessageId)
}

pub(super) fn gossipsub_id(id: MessageId) -> gossipsub::MessageId {
    gossipsub::MessageId::from(id.0.to_vec())
}

pub(super) const fn acceptance(acceptance: Acceptance) -> gossipsub::MessageAcceptance {
    match acceptance {
        Acceptance::Accept => gossipsub::MessageAcceptance::Accept,
        Acceptance::Charge => gossipsub::MessageAcceptance::Reject,
        Acceptance::Ignore => gossipsub::MessageAcceptance::Ignore,
    }
}

/// The event of a new connection.
pub(super) fn connected(peer: PeerId, endpoint: &ConnectedPoint, tried: Vec<Tried>) -> Connected {
    let address = endpoint.get_remote_address();
    Connected {
        peer,
        address: address.to_string(),
        transport: transport(address),
        direction: if endpoint.is_dialer() { Direction::Outbound } else { Direction::Inbound },
        leaf: is_leaf(endpoint),
        ip: ip(address),
        tried,
    }
}

/// Whether the peer is a leaf: it dialled this node over WebSocket or WebTransport, as browsers do.
pub(super) fn is_leaf(endpoint: &ConnectedPoint) -> bool {
    match endpoint {
        ConnectedPoint::Dialer { .. } => false,
        ConnectedPoint::Listener { local_addr, .. } => {
            local_addr.iter().any(|part| matches!(part, Protocol::Ws(_) | Protocol::Wss(_) | Protocol::WebTransport))
        }
    }
}

fn transport(address: &Multiaddr) -> &'static str {
    let is_tls = address.iter().any(|part| matches!(part, Protocol::Tls));
    let name = |part: Protocol<'_>| match part {
        Protocol::Tcp(_) => Some("tcp"),
        Protocol::Ws(_) if !is_tls => Some("ws"),
        Protocol::Ws(_) | Protocol::Wss(_) => Some("wss"),
        Protocol::QuicV1 => Some("quic"),
        Protocol::WebTransport => Some("webtransport"),
        Protocol::Memory(_) => Some("memory"),
        _ => None,
    };
    address.iter().filter_map(name).last().unwrap_or("other")
}

pub(super) fn ip(address: &Multiaddr) -> Option<IpAddr> {
    address.iter().find_map(|part| match part {
        Protocol::Ip4(ip) => Some(IpAddr::V4(ip)),
        Protocol::Ip6(ip) => Some(IpAddr::V6(ip)),
        _ => None,
    })
}
