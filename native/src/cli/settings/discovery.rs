//! Discovery and the advertised address, from the flags.

use std::net::IpAddr;

use petrel_core::{
    address::is_public,
    chain::Origin,
    config::{AddressScope, Config},
};

use super::{checker::FlagChecker, peer_policy::ip_of_multiaddr};
use crate::{
    cli::{
        flags::{DiscoveryFlags, P2pFlags},
        parse,
    },
    network::discovery::{AdvertisedEndpoint, Bootnode, DiscoveryConfig, default_bootnodes},
};

impl FlagChecker {
    /// The configuration of discovery; `None` without it. Sets in `config` which addresses of peers are dialled, and which addresses
    /// of our own are advertised.
    pub(super) fn discovery(
        &mut self,
        flags: &DiscoveryFlags,
        p2p: &P2pFlags,
        listen: &[IpAddr],
        config: &mut Config,
    ) -> Option<DiscoveryConfig> {
        if flags.disable && !config.static_peers.is_empty() {
            self.0.push("--p2p.disable: it allows no peers, and --p2p.static names some: give one of them".to_owned());
        }
        if flags.disable && flags.nat {
            self.0.push("--p2p.nat: nothing listens with --p2p.disable: give one of them".to_owned());
        }
        if flags.nat && !listen.is_empty() && listen.iter().all(IpAddr::is_ipv6) {
            self.0.push("--p2p.nat: UPnP forwards IPv4 only, and --p2p.listen.ip has no IPv4 address".to_owned());
        }
        let discovery = self.discovery_config(flags, listen, config);
        let reach = if discovery.private_network { AddressScope::Any } else { AddressScope::Public };
        config.observe_scope = Some(reach).filter(|_| !flags.disable);
        if flags.disable || flags.no_discovery {
            return None;
        }
        if let Err(error) = one_of_each(listen) {
            self.0.push(format!(
                "--p2p.listen.ip: {error}, given {}",
                parse::list(&p2p.listen.ip).collect::<Vec<_>>().join(",")
            ));
        }
        config.dial_scope = Some(reach);
        Some(discovery)
    }

    fn discovery_config(&mut self, flags: &DiscoveryFlags, listen: &[IpAddr], config: &Config) -> DiscoveryConfig {
        let given = |port: u16| Some(port).filter(|port| *port != 0);
        let udp = given(self.take("p2p.listen.udp", parse::port(&flags.listen_udp)));
        let advertise = AdvertisedEndpoint {
            host: flags.advertise_ip.as_deref().and_then(|text| self.take("p2p.advertise.ip", host(text).map(Some))),
            tcp: given(self.take("p2p.advertise.tcp", parse::any_port(&flags.advertise_tcp))),
            udp: given(self.take("p2p.advertise.udp", parse::any_port(&flags.advertise_udp))),
        };
        let mut listed = parse::list(&flags.bootnodes).peekable();
        let is_given = listed.peek().is_some();
        let mut boot: Vec<Bootnode> =
            listed.filter_map(|text| self.take("p2p.bootnodes", text.parse().map(Some))).collect();
        // As op-node: the built-in list only if none is given. It has no nodes of a configured chain.
        if !is_given && matches!(config.chain.origin, Origin::Preset { .. }) {
            boot = config
                .chain
                .l1
                .map_or(&[][..], default_bootnodes)
                .iter()
                .filter_map(|text| text.parse().ok())
                .collect();
        }
        let private_network = is_private_network(listen, &advertise, &boot, config);
        let (chain, listen) = (config.chain.id, listen.to_vec());
        // The port of the HTTP server is not known yet.
        DiscoveryConfig { chain, listen, udp, advertise, boot, private_network, relay: None }
    }
}

/// Whether the network has private or loopback addresses: something in the configuration has one.
fn is_private_network(listen: &[IpAddr], advertise: &AdvertisedEndpoint, boot: &[Bootnode], config: &Config) -> bool {
    let statics =
        config.static_peers.iter().flat_map(|peer| &peer.addresses).filter_map(|address| ip_of_multiaddr(address));
    let allowed = config.reputation.restrict.iter().map(ipnet::IpNet::addr);
    let advertised = advertise.host.as_deref().and_then(|host| host.parse().ok());
    let named = boot.iter().filter_map(Bootnode::ip).chain(statics).chain(allowed).chain(advertised);
    named.chain(listen.iter().copied()).any(|ip| !ip.is_unspecified() && !is_public(ip))
}

/// discv5 listens on at most one IPv4 and one IPv6 address.
fn one_of_each(listen: &[IpAddr]) -> Result<(), String> {
    let v4 = listen.iter().filter(|ip| ip.is_ipv4()).count();
    if v4 > 1 || listen.len() - v4 > 1 {
        return Err(
            "discovery listens on one IPv4 and one IPv6 address at most; give fewer, or --p2p.no-discovery".to_owned()
        );
    }
    Ok(())
}

/// Parses an IP or a host name.
pub(super) fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_name = text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_'));
    let invalid = || format!("{text:?} is neither an IP nor a host name");
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() || ip.is_multicast() => Err(format!("{ip} cannot be dialled")),
        Ok(_) => Ok(text.to_owned()),
        Err(_) if is_name && !text.is_empty() && text.chars().any(|char| char.is_ascii_alphabetic()) => {
            Ok(text.to_owned())
        }
        Err(_) => Err(invalid()),
    }
}
