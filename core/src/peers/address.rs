//! Multiaddrs of other nodes as text: of what a peer tells of itself or others tell of it, only an IP and a TCP port are
//! ever dialled. No name is resolved, and nothing of another transport is tried, because a stranger says so.

use core::net::IpAddr;

/// IP and TCP port of `/ip4/A/tcp/P` or `/ip6/A/tcp/P`, with or without `/p2p/…` behind; `None` for anything else, and for
/// what cannot be dialled: port 0, an unspecified or a multicast address.
pub fn tcp(multiaddr: &str) -> Option<(IpAddr, u16)> {
    let mut parts = multiaddr.strip_prefix('/')?.split('/');
    let ip = match (parts.next()?, parts.next()?) {
        ("ip4", ip) => IpAddr::V4(ip.parse().ok()?),
        ("ip6", ip) => IpAddr::V6(ip.parse().ok()?),
        _ => return None,
    };
    let port = match (parts.next()?, parts.next()?) {
        ("tcp", port) => port.parse().ok().filter(|port| *port != 0)?,
        _ => return None,
    };
    let ends = matches!((parts.next(), parts.next(), parts.next()), (None, ..) | (Some("p2p"), Some(_), None));
    (ends && !ip.is_unspecified() && !ip.is_multicast()).then_some((ip, port))
}
