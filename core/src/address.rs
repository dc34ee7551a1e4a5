//! Multiaddrs of other nodes as text. Of addresses that a peer or discovery states, only an IP and a TCP port are ever
//! dialled: untrusted text never makes this node resolve a name or try another transport.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// IP and TCP port of `/ip4/A/tcp/P` or `/ip6/A/tcp/P`, optionally followed by `/p2p/…`; `None` for anything else, and
/// for what cannot be dialled: port 0, an unspecified or a multicast address.
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

/// Whether an address belongs to one host on the public network, as far as this can be known: it is not loopback, private,
/// link-local, shared by a carrier's customers (100.64.0.0/10), or unspecified.
pub fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            let [first, second, ..] = ip.octets();
            let is_carrier_shared = first == 100 && (64..128).contains(&second);
            !(ip.is_loopback() || ip.is_private() || ip.is_link_local() || ip.is_unspecified() || is_carrier_shared)
        }
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => is_public(IpAddr::V4(ip)),
            None => !(ip.is_loopback() || ip.is_unspecified() || ip.is_unique_local() || ip.is_unicast_link_local()),
        },
    }
}

/// The network of an address: IPv4 /24, IPv6 /48.
pub fn network_of(ip: IpAddr) -> IpAddr {
    prefix_of(ip, 24, 48)
}

/// The group of a public address: IPv4 /16, IPv6 /32, as Bitcoin Core's `NetGroupManager`. Servers in one /24 cost as
/// much as one server; another group is another provider, or another site of a large one. An address that is not public
/// is a group of its own.
pub fn group_of(ip: IpAddr) -> IpAddr {
    if is_public(ip) { prefix_of(ip, 16, 32) } else { ip }
}

/// The first bits of an address, so many of an IPv4 and of an IPv6 address; an embedded IPv4 address is IPv4.
fn prefix_of(ip: IpAddr, v4: u32, v6: u32) -> IpAddr {
    match ip {
        IpAddr::V4(ip) => Ipv4Addr::from_bits(ip.to_bits() >> (32 - v4) << (32 - v4)).into(),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => prefix_of(ip.into(), v4, v6),
            None => Ipv6Addr::from_bits(ip.to_bits() >> (128 - v6) << (128 - v6)).into(),
        },
    }
}
