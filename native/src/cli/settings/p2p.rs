//! Identity, static peers, gossip and transports, from the flags.

use std::{net::IpAddr, sync::Arc};

use alloy_primitives::Address;
use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    chain::Chain,
    config::{Config, Mesh, Settled, StaticPeer},
    peer::PeerId,
};

use super::checker::FlagChecker;
use crate::{
    cli::{
        flags::{NodeFlags, P2pFlags},
        parse,
    },
    identity::IdentitySource,
    network::config::{NetworkConfig, SecurityProtocol},
};

/// Bytes of the agent version at most: identify's messages are bounded.
const MAX_AGENT: usize = 256;

impl FlagChecker {
    pub(super) fn config(&mut self, chain: Chain, signer: Option<Address>, flags: &P2pFlags) -> Config {
        let mut config = Config::new(chain);
        config.signer = signer.or(config.signer);
        config.max_age = self.take("p2p.gossip.timestamp.threshold", parse::duration(&flags.timestamp_threshold));
        config.static_peers = parse::list(&flags.statics).filter_map(|text| self.static_peer(text)).collect();
        config.mesh = self.mesh(flags);
        config
    }

    pub(super) fn settle(&mut self, config: Config) -> Option<Settled> {
        config.settle().map_err(|error| self.0.extend(error.0)).ok()
    }

    fn mesh(&mut self, flags: &P2pFlags) -> Mesh {
        let default = Mesh::default();
        Mesh {
            d: self.number("p2p.gossip.mesh.d", &flags.mesh_d, default.d),
            lo: self.number("p2p.gossip.mesh.lo", &flags.mesh_lo, default.lo),
            hi: self.number("p2p.gossip.mesh.dhi", &flags.mesh_hi, default.hi),
            lazy: self.number("p2p.gossip.mesh.dlazy", &flags.mesh_lazy, default.lazy),
            flood_publish: flags.flood_publish,
        }
    }

    fn static_peer(&mut self, text: &str) -> Option<StaticPeer> {
        parse_static_peer(text).map_err(|error| self.0.push(format!("--p2p.static: {error}"))).ok()
    }

    pub(super) fn network(&mut self, flags: &NodeFlags, ips: &[IpAddr]) -> NetworkConfig {
        let discovery = &flags.discovery;
        let discovers = !discovery.disable && !discovery.no_discovery;
        let flags = &flags.p2p;
        let discovery_port = discovers.then(|| parse::port(&discovery.listen_udp).unwrap_or_default());
        let ports = self.ports(&flags.listen, discovery_port);
        let security = parse::list_or(&flags.security, P2pFlags::SECURITY);
        let security: Vec<SecurityProtocol> = security.into_iter().filter_map(|text| self.security(text)).collect();
        let timeout = self.take("p2p.timeout.dial", parse::duration(&flags.timeout_dial));
        if timeout.is_zero() {
            self.0.push("--p2p.timeout.dial: must be more than 0".to_owned());
        }
        if flags.useragent.len() > MAX_AGENT {
            self.0.push(format!("--p2p.useragent: longer than {MAX_AGENT} bytes"));
        }
        let listen = ips.iter().flat_map(|ip| ports.on(*ip)).collect();
        let (period, certificate) = (self.period(&flags.listen), self.pem_files(&flags.listen));
        let (agent, trusted_proxies) = (flags.useragent.clone(), self.trusted_proxies(&flags.listen));
        let reread = Arc::default();
        NetworkConfig { listen, security, timeout, agent, period, certificate, trusted_proxies, reread }
    }

    fn security(&mut self, text: &str) -> Option<SecurityProtocol> {
        match text.trim() {
            "noise" => Some(SecurityProtocol::Noise),
            "tls" => Some(SecurityProtocol::Tls),
            other => {
                self.0.push(format!("--p2p.security: {other:?} is not supported: expected noise, tls or both"));
                None
            }
        }
    }

    pub(super) fn identity(&mut self, flags: &P2pFlags) -> IdentitySource {
        let source = match (&flags.priv_raw, &flags.priv_path) {
            (Some(raw), _) => IdentitySource::Raw(raw.clone()),
            (None, Some(path)) => IdentitySource::File(path.clone()),
            (None, None) => IdentitySource::File(flags.datadir.join("p2p_priv.txt")),
        };
        self.0.extend(source.check().map(|error| error.to_string()));
        source
    }
}

/// A static peer's multiaddr, which must end with the peer id.
fn parse_static_peer(text: &str) -> Result<StaticPeer, String> {
    let address: Multiaddr = text.parse().map_err(|error| format!("{text:?} is no multiaddr: {error}"))?;
    let peer = address.iter().find_map(|part| match part {
        Protocol::P2p(peer) => Some(peer),
        _ => None,
    });
    let peer = peer.ok_or_else(|| format!("{text:?} has no peer id: add /p2p/PEER_ID at its end"))?;
    let peer = PeerId::from_bytes(&peer.to_bytes()).map_err(|error| error.to_string())?;
    Ok(StaticPeer { peer, addresses: vec![text.to_owned()] })
}
