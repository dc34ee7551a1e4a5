//! Public addresses on loopback, in a network namespace of the test's own: a connection to 11.x.y.z comes from 12.x.y.z.
//!
//! Linux takes the source address of a connection from its route, so one route for each pair is enough, for every transport.

use std::{net::Ipv4Addr, process::Command};

/// The first octets of the daemon's addresses, and of its peers'.
const DAEMON: u8 = 11;
const PEERS: u8 = 12;

/// The address of the peer `host` in the network `network`/24 of the role `role`: each role has a /16 of its own.
#[must_use]
pub const fn source(role: u8, network: u8, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(PEERS, role, network, host)
}

/// The first role of honest peers.
const HONEST: u8 = 200;

/// Whether this is the address of an attacker that shares it with no honest peer.
#[must_use]
pub fn is_attacker(who: &str) -> bool {
    who.parse().is_ok_and(|ip: Ipv4Addr| ip.octets()[0] == PEERS && ip.octets()[1] < HONEST)
}

/// Makes every address of the peers local.
///
/// # Panics
/// This process has no network namespace of its own, or `ip` is missing.
pub fn set_up() {
    let is_own = std::env::var_os("PETREL_NAMESPACE").is_some();
    assert!(is_own, "attackers need a network namespace of their own: `cargo xtask` creates it");
    ip(&["route", "replace", "local", &format!("{PEERS}.0.0.0/8"), "dev", "lo"]);
}

/// The address at which a peer with the address `source` reaches the daemon.
///
/// # Panics
/// The route cannot be set.
#[must_use]
pub fn towards(source: Ipv4Addr) -> Ipv4Addr {
    let [_, role, network, host] = source.octets();
    let daemon = Ipv4Addr::new(DAEMON, role, network, host);
    let (route, from) = (format!("{daemon}/32"), source.to_string());
    ip(&["route", "replace", "local", &route, "dev", "lo", "src", &from, "table", "local"]);
    daemon
}

fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().expect("`ip` is installed");
    assert!(status.success(), "ip {}", words.join(" "));
}
