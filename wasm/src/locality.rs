//! Where a host is, seen from the device that this runs on. Nothing else in the npm package or in this crate decides it.
//!
//! Two rules depend on it: a record that a public host serves must not send a tab into the private network of its user
//! (`relay_record`), and a browser asks the user before a public page may reach a private address (`transport::environment`).

use core::net::IpAddr;

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::address::is_public;

/// Names that no public resolver knows: RFC 6762, RFC 8375, ICANN's `internal`, and what routers use.
const PRIVATE: [&str; 4] = [".local", ".home.arpa", ".internal", ".lan"];

/// Where a host is, from the nearest to the farthest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Locality {
    /// Every interface of the listener: `0.0.0.0` and `::`.
    Unspecified,
    /// This device.
    Loopback,
    /// The network that this device is in.
    Private,
    /// The public network, or not known.
    Public,
}

impl Locality {
    /// Of an IP address.
    pub(crate) fn of_ip(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            ip if ip.is_unspecified() => Self::Unspecified,
            ip if ip.is_loopback() => Self::Loopback,
            ip if is_public(ip) => Self::Public,
            _ => Self::Private,
        }
    }

    /// Of a host as a URL or a multiaddr has it: an IP address, with brackets or without, or a name. RFC 6761 gives
    /// `localhost` to the device itself; a name of one label is found by a local resolver alone.
    pub(crate) fn of_host(host: &str) -> Self {
        let host = host.trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        if let Ok(ip) = host.parse() {
            return Self::of_ip(ip);
        }
        if host == "localhost" || host.ends_with(".localhost") {
            return Self::Loopback;
        }
        let private = !host.contains('.') || PRIVATE.iter().any(|name| host.ends_with(name));
        if private { Self::Private } else { Self::Public }
    }

    /// Of a multiaddr, by its first part; `None` where that is neither an IP address nor a name.
    pub(crate) fn of_address(address: &Multiaddr) -> Option<Self> {
        match address.iter().next()? {
            Protocol::Ip4(ip) => Some(Self::of_ip(ip.into())),
            Protocol::Ip6(ip) => Some(Self::of_ip(ip.into())),
            Protocol::Dns(name) | Protocol::Dns4(name) | Protocol::Dns6(name) => Some(Self::of_host(&name)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Locality::{self, Loopback, Private, Public, Unspecified};

    #[test]
    fn hosts_of_urls() {
        let hosts = [
            (Unspecified, &["0.0.0.0", "[::]"][..]),
            (
                Loopback,
                &["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "localhost", "a.localhost", "LOCALHOST."],
            ),
            (
                Private,
                &["192.168.1.9", "10.0.0.1", "100.64.0.1", "[fd00::1]", "[fe80::1]", "nas", "nas.local", "Relay.LAN."],
            ),
            (Public, &["relay.example", "8.8.8.8", "[2606:4700::1]", "local.example", "localhost.example"]),
        ];
        for (expected, hosts) in hosts {
            for host in hosts {
                assert_eq!(Locality::of_host(host), expected, "{host}");
            }
        }
    }

    #[test]
    fn multiaddrs_by_their_first_part() {
        let addresses = [
            ("/ip4/0.0.0.0/tcp/1/ws", Some(Unspecified)),
            ("/ip6/::1/tcp/1/ws", Some(Loopback)),
            ("/dns4/localhost/tcp/1/ws", Some(Loopback)),
            ("/ip4/192.168.1.2/tcp/1/ws", Some(Private)),
            ("/dns4/nas.local/tcp/1/ws", Some(Private)),
            ("/dns/relay.example/tcp/443/wss", Some(Public)),
            ("/tcp/443/wss", None),
        ];
        for (address, expected) in addresses {
            assert_eq!(Locality::of_address(&address.parse().unwrap()), expected, "{address}");
        }
    }
}
