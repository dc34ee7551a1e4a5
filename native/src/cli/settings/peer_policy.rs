//! Scores, bans and the number of connections, from the flags.

use std::net::IpAddr;

use ipnet::IpNet;
use petrel_core::config::{Config, ConnectionLimits, ReputationConfig};

use super::checker::FlagChecker;
use crate::cli::{flags::PeerPolicyFlags, parse};

impl FlagChecker {
    pub(super) fn reputation(&mut self, flags: &PeerPolicyFlags) -> ReputationConfig {
        let threshold = self.take("p2p.ban.threshold", parse_score(&flags.ban_threshold));
        let min_score = flags.min_score.as_deref().map(|text| self.take("p2p.gate.min-score", parse_score(text)));
        ReputationConfig {
            scoring: self.take("p2p.scoring", scoring(&flags.scoring)),
            bans: flags.bans,
            ban_threshold: threshold,
            ban_duration: self.take("p2p.ban.duration", parse::duration(&flags.ban_duration)),
            min_score,
            protect_static: true,
            restrict: parse::list(&flags.restrict)
                .filter_map(|text| self.ip_network("p2p.netrestrict", text))
                .collect(),
        }
    }

    pub(super) fn connection_manager(&mut self, flags: &PeerPolicyFlags) -> ConnectionLimits {
        let default = ConnectionLimits::default();
        ConnectionLimits {
            low: self.number("p2p.peers.lo", &flags.peers_lo, default.low),
            high: self.number("p2p.peers.hi", &flags.peers_hi, default.high),
            grace: self.take("p2p.peers.grace", parse::duration(&flags.peers_grace)),
            leaves: self.number("p2p.leaves.max", &flags.leaves_max, default.leaves),
            leaves_bytes: self.take("p2p.leaves.bytes", parse::size(&flags.leaves_bytes)),
        }
    }

    /// Reports every static peer outside of the allowed networks.
    pub(super) fn within_restriction(&mut self, config: &Config) {
        let restrict = &config.reputation.restrict;
        for address in config.static_peers.iter().flat_map(|peer| &peer.addresses) {
            if let Some(ip) = ip_of_multiaddr(address)
                .filter(|ip| !restrict.is_empty() && !restrict.iter().any(|net| net.contains(ip)))
            {
                self.0
                    .push(format!("--p2p.static: {ip} is in none of the networks of --p2p.netrestrict; add it there"));
            }
        }
    }

    fn ip_network(&mut self, flag: &str, text: &str) -> Option<IpNet> {
        let net = text.trim().parse::<IpNet>();
        let invalid =
            |_| self.0.push(format!("--{flag}: {text:?} is no network: expected like 10.0.0.0/8 or 2001:db8::/32"));
        net.map(|net| net.trunc()).map_err(invalid).ok()
    }
}

fn scoring(text: &str) -> Result<bool, String> {
    match text.trim() {
        "light" => Ok(true),
        "none" => Ok(false),
        other => Err(format!("{other:?} is not supported: expected light or none")),
    }
}

fn parse_score(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}

/// The IP of a multiaddr that has one.
pub(super) fn ip_of_multiaddr(address: &str) -> Option<IpAddr> {
    let mut parts = address.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("ip4" | "ip6"), Some(ip)) => ip.parse().ok(),
        _ => None,
    }
}
