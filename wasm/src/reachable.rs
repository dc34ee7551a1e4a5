//! A relay's addresses as they are reached from where its record was read.
//!
//! A relay lists where it listens; a browser on another device reaches it by the host of the record's URL. (A daemon that is given
//! its public address lists no loopback address.)

use crate::locality::Locality;

/// Replaces unspecified and loopback addresses by `host`, the host of the URL that the record was read from. Where any
/// address then has that host the others are left out: each that does not answer would delay the dial of the next transport.
pub(crate) fn from_host(addresses: Vec<String>, host: &str) -> Vec<String> {
    let is_remote = Locality::of_host(host) != Locality::Loopback;
    let host = prefix(host);
    let mut reached: Vec<String> = Vec::new();
    for address in addresses {
        let address = replaced(&address, &host, is_remote).unwrap_or(address);
        if !reached.contains(&address) {
            reached.push(address);
        }
    }
    let at_host = |address: &String| address.strip_prefix(&host).is_some_and(|rest| rest.starts_with('/'));
    if reached.iter().any(at_host) {
        reached.retain(at_host);
    }
    reached
}

/// The address with `host` in place of its own; `None` where its own is to stay.
fn replaced(address: &str, host: &str, is_remote: bool) -> Option<String> {
    let [_, _protocol, own, rest] = address.splitn(4, '/').collect::<Vec<_>>().try_into().ok()?;
    let replace = match Locality::of_host(own) {
        Locality::Unspecified => true,
        Locality::Loopback => is_remote,
        Locality::Private | Locality::Public => false,
    };
    replace.then(|| format!("{host}/{rest}"))
}

/// The host of a URL as the first part of a multiaddr.
fn prefix(host: &str) -> String {
    match host {
        // Daemons listen on IPv4 first, and browsers may take the name for IPv6.
        "localhost" => "/ip4/127.0.0.1".to_owned(),
        ip if ip.starts_with('[') => format!("/ip6/{}", ip.trim_matches(['[', ']'])),
        ip if ip.parse::<core::net::Ipv4Addr>().is_ok() => format!("/ip4/{ip}"),
        name => format!("/dns/{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::from_host;

    const LISTENS: [&str; 3] =
        ["/ip4/127.0.0.1/tcp/1/ws/p2p/X", "/ip4/10.0.0.2/tcp/1/ws/p2p/X", "/ip6/::/udp/2/quic-v1/webtransport/p2p/X"];

    fn reached(addresses: &[&str], host: &str) -> Vec<String> {
        from_host(addresses.iter().map(|address| (*address).to_owned()).collect(), host)
    }

    #[test]
    fn a_tab_on_the_relays_own_device_dials_loopback() {
        let expected = [LISTENS[0], "/ip4/127.0.0.1/udp/2/quic-v1/webtransport/p2p/X"];
        assert_eq!(reached(&LISTENS, "localhost"), expected);
        assert_eq!(reached(&LISTENS, "127.0.0.1"), expected);
        assert_eq!(reached(&["/ip4/127.0.0.1/tcp/1/ws", "/ip6/::1/tcp/1/ws"], "[::1]"), ["/ip6/::1/tcp/1/ws"]);
    }

    #[test]
    fn a_tab_on_another_device_dials_the_host_of_the_url() {
        let expected = ["/dns/relay.example/tcp/1/ws/p2p/X", "/dns/relay.example/udp/2/quic-v1/webtransport/p2p/X"];
        assert_eq!(reached(&LISTENS, "relay.example"), expected);
        let twice = ["/ip4/127.0.0.1/tcp/1/ws", "/dns4/localhost/tcp/1/ws", "/ip4/0.0.0.0/tcp/1/ws"];
        assert_eq!(reached(&twice, "192.168.1.9"), ["/ip4/192.168.1.9/tcp/1/ws"]);
    }

    #[test]
    fn an_address_of_another_host_stays() {
        let own = ["/dns4/r.example/tcp/443/wss/p2p/X"];
        assert_eq!(reached(&own, "other.example"), own);
        assert_eq!(reached(&["nonsense"], "other.example"), ["nonsense"]);
    }
}
