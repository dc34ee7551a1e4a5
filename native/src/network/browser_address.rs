//! Multiaddrs that browsers can dial.

use std::net::IpAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};

/// Whether a browser has a transport for the address: `tcp/PORT` with WebSocket, or `udp/PORT/quic-v1/webtransport`.
pub(crate) fn is_browser_address(address: &Multiaddr) -> bool {
    let mut parts = address.iter().skip(1);
    matches!(
        (parts.next(), parts.next(), parts.next()),
        (Some(Protocol::Tcp(_)), Some(Protocol::Ws(_) | Protocol::Wss(_)), _)
            | (Some(Protocol::Tcp(_)), Some(Protocol::Tls), Some(Protocol::Ws(_)))
            | (Some(Protocol::Udp(_)), Some(Protocol::QuicV1), Some(Protocol::WebTransport))
    )
}

/// Whether a browser can dial any of these addresses.
pub(crate) fn has_browser_address(addresses: &[Multiaddr]) -> bool {
    addresses.iter().any(is_browser_address)
}

/// The IP at the beginning of an address, if it has one.
pub(crate) fn ip_of(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}
