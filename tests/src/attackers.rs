//! Attackers against one daemon, for `long/flood` and `long/soak`. Each runs on a thread of its own and counts what it did.
//!
//! They need a network namespace with the routes of [`addresses`]: the daemon's limits by address and network do not
//! apply to private addresses, so every attacker has a public one.

pub mod addresses;
mod attacker;
mod counts;
mod framers;
mod gossip;
mod half_open;
mod identify_pushes;
mod key_mill;
mod leaf_squatters;
mod messages;
mod reconnect;
mod rpc;
mod slow_headers;
mod subscription_flaps;
mod target;
mod unlinked_answers;
mod unread_streams;

use std::net::Ipv4Addr;

pub use attacker::Attacker;
pub use counts::AttackOutcome;
pub use gossip::MESSAGES;
pub use target::{Latest, Target};
pub use unlinked_answers::serve;

/// Starts one attacker of each kind, and three that send messages of all kinds. `honest` is the address of an honest peer and
/// that of an honest browser, which the framers share.
#[must_use]
pub fn start_all(target: &Target, latest: &Latest, honest: [Ipv4Addr; 2]) -> Vec<Attacker> {
    let mut attackers: Vec<_> = (0..3).map(|seed| gossip::start(seed, target, latest)).collect();
    attackers.extend([
        key_mill::start(target),
        leaf_squatters::start(target),
        half_open::start_streams(target),
        half_open::start_datagrams(target),
        unread_streams::start(target),
        slow_headers::start(target),
        unlinked_answers::start(target),
        subscription_flaps::start(target),
        identify_pushes::start(target),
        framers::start(target, latest, honest),
    ]);
    attackers
}
