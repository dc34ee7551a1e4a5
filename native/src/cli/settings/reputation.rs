//! Who is believed, and who may connect, from the flags.

use std::net::IpAddr;

use ipnet::IpNet;
use petrel_core::config::{Config, ConnectionLimits, ReputationConfig};

use super::{Judge, parse};
use crate::cli::flags::PeersFlags;

impl Judge {
    pub(super) fn reputation(&mut self, flags: &PeersFlags) -> ReputationConfig {
        let threshold = self.take("p2p.ban.threshold", points(&flags.ban_threshold));
        let min_score = flags.min_score.as_deref().map(|text| self.take("p2p.gate.min-score", points(text)));
        ReputationConfig {
            scoring: self.take("p2p.scoring", scoring(&flags.scoring)),
            bans: flags.bans,
            ban_threshold: threshold,
            ban_duration: self.take("p2p.ban.duration", parse::duration(&flags.ban_duration)),
            min_score,
            protect_static: true,
            restrict: parse::list(&flags.restrict).filter_map(|text| self.net_of("p2p.netrestrict", text)).collect(),
        }
    }

    pub(super) fn tide(&mut self, flags: &PeersFlags) -> ConnectionLimits {
        let usual = ConnectionLimits::default();
        ConnectionLimits {
            low: self.degree("p2p.peers.lo", &flags.peers_lo, usual.low),
            high: self.degree("p2p.peers.hi", &flags.peers_hi, usual.high),
            grace: self.take("p2p.peers.grace", parse::duration(&flags.peers_grace)),
            leaves: self.degree("p2p.leaves.max", &flags.leaves_max, usual.leaves),
            leaves_bytes: self.take("p2p.leaves.bytes", parse::size(&flags.leaves_bytes)),
        }
    }

    /// Every static peer whose address says that it may not be dialled.
    pub(super) fn within_restriction(&mut self, config: &Config) {
        let restrict = &config.reputation.restrict;
        for address in config.static_peers.iter().flat_map(|peer| &peer.addresses) {
            if let Some(ip) =
                ip(address).filter(|ip| !restrict.is_empty() && !restrict.iter().any(|net| net.contains(ip)))
            {
                self.0
                    .push(format!("--p2p.static: {ip} is in none of the networks of --p2p.netrestrict; add it there"));
            }
        }
    }

    fn net_of(&mut self, flag: &str, text: &str) -> Option<IpNet> {
        let net = text.trim().parse::<IpNet>();
        let wrong =
            |_| self.0.push(format!("--{flag}: {text:?} is no network: expected like 10.0.0.0/8 or 2001:db8::/32"));
        net.map(|net| net.trunc()).map_err(wrong).ok()
    }
}

fn scoring(text: &str) -> Result<bool, String> {
    match text.trim() {
        "light" => Ok(true),
        "none" => Ok(false),
        other => Err(format!("{other:?} is no way to score: expected light or none")),
    }
}

fn points(text: &str) -> Result<f64, String> {
    text.trim().parse().map_err(|_| format!("{text:?} is no number"))
}

/// The IP of a multiaddr that has one.
pub(super) fn ip(address: &str) -> Option<IpAddr> {
    let mut parts = address.split('/').skip(1);
    match (parts.next(), parts.next()) {
        (Some("ip4" | "ip6"), Some(ip)) => ip.parse().ok(),
        _ => None,
    }
}
