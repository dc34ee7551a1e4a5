//! Public addresses on loopback, in a network namespace of the test's own: a connection to 11.x.y.z comes from 12.x.y.z.
//!
//! Linux takes the source address of a connection from its route, so one route for each pair is enough, for every transport.

use std::{net::Ipv4Addr, process::Command};

/// The first octets of the daemon's addresses, and of its peers'.
const DAEMON: u8 = 11;
const PEERS: u8 = 12;

/// What a peer does. Each role has a /16 of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "each is a file of this folder or of `attacked_node`")]
pub enum Role {
    Gossip = 1,
    KeyMill,
    LeafSquatters,
    HalfOpen,
    UnreadStreams,
    SlowHeaders,
    SubscriptionFlaps,
    IdentifyPushes,
    UnlinkedAnswers,
    Publisher = HONEST,
    BlockServer,
    HonestNode,
    HonestBrowser,
    Newcomer,
}

/// The address of a peer of this role, in the `network`-th /24 of the role.
#[must_use]
pub const fn source(role: Role, network: u8) -> Ipv4Addr {
    Ipv4Addr::new(PEERS, role as u8, network, 1)
}

/// The first role of honest peers; framers share their addresses.
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
