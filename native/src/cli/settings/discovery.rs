//! How peers are found, from the flags.

use std::net::IpAddr;

use petrel_core::{
    address::is_public,
    chain::Origin,
    config::{AddressScope, Config},
};

use super::{Judge, parse, reputation::ip};
use crate::{
    cli::flags::{DiscoveryFlags, P2pFlags},
    network::discovery::{Advertise, Boot, Plan, presets},
};

impl Judge {
    /// What discovery is told; `None` without it. Notes in `config` which of the peers that are found are dialled, and
    /// where we ourselves may be found.
    pub(super) fn discovery(
        &mut self,
        flags: &DiscoveryFlags,
        p2p: &P2pFlags,
        listen: &[IpAddr],
        config: &mut Config,
    ) -> Option<Plan> {
        if flags.disable && !config.static_peers.is_empty() {
            self.0.push(
                "--p2p.disable: there are no peers then, and --p2p.static names some: give one of them".to_owned(),
            );
        }
        if flags.disable && flags.nat {
            self.0.push("--p2p.nat: nothing listens with --p2p.disable: give one of them".to_owned());
        }
        if flags.nat && !listen.is_empty() && listen.iter().all(IpAddr::is_ipv6) {
            self.0.push("--p2p.nat: UPnP forwards IPv4 alone, and --p2p.listen.ip has none".to_owned());
        }
        let plan = self.plan(flags, listen, config);
        let reach = if plan.near { AddressScope::Any } else { AddressScope::Public };
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
        Some(plan)
    }

    fn plan(&mut self, flags: &DiscoveryFlags, listen: &[IpAddr], config: &Config) -> Plan {
        let given = |port: u16| Some(port).filter(|port| *port != 0);
        let udp = given(self.take("p2p.listen.udp", parse::port(&flags.listen_udp)));
        let advertise = Advertise {
            host: flags.advertise_ip.as_deref().and_then(|text| self.take("p2p.advertise.ip", host(text).map(Some))),
            tcp: given(self.take("p2p.advertise.tcp", any_port(&flags.advertise_tcp))),
            udp: given(self.take("p2p.advertise.udp", any_port(&flags.advertise_udp))),
        };
        let mut named = parse::list(&flags.bootnodes).peekable();
        let is_given = named.peek().is_some();
        let mut boot: Vec<Boot> = named.filter_map(|text| self.take("p2p.bootnodes", text.parse().map(Some))).collect();
        // As op-node: the built-in list only where none is given. A chain of one's own has nobody in it.
        if !is_given && matches!(config.chain.origin, Origin::Preset { .. }) {
            boot = config.chain.l1.map_or(&[][..], presets).iter().filter_map(|text| text.parse().ok()).collect();
        }
        let near = is_near(listen, &advertise, &boot, config);
        Plan { chain: config.chain.id, listen: listen.to_vec(), udp, advertise, boot, near }
    }
}

/// Whether the network is one of private or loopback addresses: something that the operator named is at one.
fn is_near(listen: &[IpAddr], advertise: &Advertise, boot: &[Boot], config: &Config) -> bool {
    let statics = config.static_peers.iter().flat_map(|peer| &peer.addresses).filter_map(|address| ip(address));
    let allowed = config.reputation.restrict.iter().map(ipnet::IpNet::addr);
    let advertised = advertise.host.as_deref().and_then(|host| host.parse().ok());
    let named = boot.iter().filter_map(Boot::ip).chain(statics).chain(allowed).chain(advertised);
    named.chain(listen.iter().copied()).any(|ip| !ip.is_unspecified() && !is_public(ip))
}

/// discv5 listens on one address of each kind.
fn one_of_each(listen: &[IpAddr]) -> Result<(), String> {
    let v4 = listen.iter().filter(|ip| ip.is_ipv4()).count();
    if v4 > 1 || listen.len() - v4 > 1 {
        return Err(
            "discovery listens on one IPv4 and one IPv6 address at most; give fewer, or --p2p.no-discovery".to_owned()
        );
    }
    Ok(())
}

fn any_port(text: &str) -> Result<u16, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no port"))
}

/// An IP or a host name.
fn host(text: &str) -> Result<String, String> {
    let text = text.trim();
    let is_name = text.chars().all(|char| char.is_ascii_alphanumeric() || matches!(char, '-' | '.' | '_'));
    let wrong = || format!("{text:?} is neither an IP nor a host name");
    match text.parse::<IpAddr>() {
        Ok(ip) if ip.is_unspecified() || ip.is_multicast() => Err(format!("{ip} is nowhere: nobody can dial it")),
        Ok(_) => Ok(text.to_owned()),
        Err(_) if is_name && !text.is_empty() && text.chars().any(|char| char.is_ascii_alphabetic()) => {
            Ok(text.to_owned())
        }
        Err(_) => Err(wrong()),
    }
}
