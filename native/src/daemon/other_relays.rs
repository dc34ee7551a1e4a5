//! How this relay and others find each other by discovery: what our node record says of it, and the finder of others.

use std::net::IpAddr;

use url::Url;

use crate::{
    cli::settings::NodeSettings,
    network::{
        discovery::{DiscoveryConfig, RelayEntry, is_host_name},
        relay_finder::RelayFinder,
    },
    serve::relay_info::SharedRelayInfo,
};

/// The port of a reverse proxy with TLS.
const HTTPS: u16 = 443;

/// Puts into our node record where the page is, and with it the relay record: it listens on `ip`, and `url` is its URL.
pub(super) fn announce(settings: &mut NodeSettings, ip: IpAddr, url: &str) {
    let port = Url::parse(url).ok().and_then(|url| url.port_or_known_default());
    // The last of the hosts is that of `--p2p.advertise.ip`, which says nothing of a proxy.
    let given = settings.hosts.len().saturating_sub(usize::from(settings.advertised.is_some()));
    let named = settings.hosts.iter().take(given).find(|host| is_host_name(host)).cloned();
    if let (Some(discovery), Some(port)) = (&mut settings.discovery, port) {
        discovery.relay = relay_entry(discovery, ip, port, named);
        tracing::debug!(relay = ?discovery.relay, "what the node record says of the page");
    }
}

/// By its name behind a proxy; otherwise at the record's IP, if the page listens there.
fn relay_entry(discovery: &DiscoveryConfig, ip: IpAddr, port: u16, named: Option<String>) -> Option<RelayEntry> {
    if let Some(host) = named {
        return Some(RelayEntry { port: HTTPS, host: Some(host.to_ascii_lowercase()) });
    }
    let is_advertised = discovery.advertise.host.as_ref().is_some_and(|host| host.parse() == Ok(ip));
    let is_reached = ip.is_unspecified() || is_advertised || discovery.listen.contains(&ip);
    is_reached.then_some(RelayEntry { port, host: None })
}

/// Looks for other relays, if there are discovery, which finds them, and the page, whose record lists them.
pub(super) fn start_finder(discovery: Option<&DiscoveryConfig>, info: Option<&SharedRelayInfo>) -> Option<RelayFinder> {
    let (discovery, info) = (discovery?, info?.clone());
    let on_change = move |found| info.set_found_relays(found);
    Some(RelayFinder::start(discovery.chain, discovery.private_network, on_change))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::discovery::AdvertisedEndpoint;

    fn entry(listen: &str, advertised: Option<&str>, page: &str, named: Option<&str>) -> Option<(u16, Option<String>)> {
        let host = advertised.map(str::to_owned);
        let discovery = DiscoveryConfig {
            chain: 10,
            listen: vec![listen.parse().unwrap()],
            udp: None,
            advertise: AdvertisedEndpoint { host, ..AdvertisedEndpoint::default() },
            boot: Vec::new(),
            private_network: false,
            relay: None,
        };
        let entry = relay_entry(&discovery, page.parse().unwrap(), 8080, named.map(str::to_owned));
        entry.map(|entry| (entry.port, entry.host))
    }

    #[test]
    fn the_node_record_names_a_page_that_others_can_reach() {
        let at_ip = Some((8080, None));
        assert_eq!(entry("0.0.0.0", None, "0.0.0.0", None), at_ip);
        assert_eq!(entry("127.0.0.1", None, "127.0.0.1", None), at_ip);
        assert_eq!(entry("0.0.0.0", Some("192.0.2.1"), "192.0.2.1", None), at_ip);
        let named = Some((443, Some("relay.example".to_owned())));
        assert_eq!(entry("0.0.0.0", None, "127.0.0.1", Some("Relay.example")), named);
        // On loopback without a name nobody else reads it.
        assert_eq!(entry("0.0.0.0", Some("192.0.2.1"), "127.0.0.1", None), None);
    }
}
