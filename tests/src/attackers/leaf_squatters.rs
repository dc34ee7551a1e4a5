//! Leaf squatters: browsers of eight networks that take every place for browsers and never subscribe.

use std::time::Duration;

use futures::future::join_all;
use libp2p::Multiaddr;

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    counts::Counts,
    reconnect::reconnect,
    target::Target,
};

/// Networks, each with one address.
const NETWORKS: u8 = 8;
/// Places that one address tries to keep: together more than the default of `--p2p.leaves.max`, 500.
const EACH: u32 = 70;
/// Time between the first attempts of two places.
const STAGGER: Duration = Duration::from_millis(10);

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("leaf squatters", async move |counts| {
        let addresses: Vec<Multiaddr> =
            (0..NETWORKS).map(|network| target.ws_from(source(Role::LeafSquatters, network))).collect();
        let places = 0..EACH * u32::from(NETWORKS);
        join_all(places.map(|place| squat(place, &addresses[place as usize % addresses.len()], &counts))).await;
    })
}

/// Takes a place again and again.
async fn squat(place: u32, address: &Multiaddr, counts: &Counts) {
    tokio::time::sleep(STAGGER * place).await;
    reconnect(address, counts, async |peer| {
        counts.add("places taken", 1);
        peer.run(std::future::pending()).await;
    })
    .await;
}
