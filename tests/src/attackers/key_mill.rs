//! A key mill: two addresses make peer ids, 3.4 in a second, browsers and nodes in turn. Each sends one corrupt message and
//! leaves. It tries to fill the tables of peers and of offences.

use std::time::Duration;

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    rpc::{message, publish, subscription},
    target::Target,
};
use crate::{
    forge::{compress, noise},
    raw_peer::RawPeer,
};

/// Time between two keys: 1 / 3.4 s.
const INTERVAL: Duration = Duration::from_millis(294);
/// How long a key stays: until its message has arrived.
const STAY: Duration = Duration::from_millis(100);

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("key mill", async move |counts| {
        let addresses = [target.tcp_from(source(Role::KeyMill, 1)), target.ws_from(source(Role::KeyMill, 2))];
        let mut interval = tokio::time::interval(INTERVAL);
        for (key, address) in (0_u64..).zip(addresses.iter().cycle()) {
            interval.tick().await;
            let Some(mut peer) = RawPeer::connect(address).await else {
                counts.add("keys refused", 1);
                continue;
            };
            counts.connected(peer.id());
            counts.add("keys with one corrupt message", 1);
            let topic = target.topic();
            let corrupt = message(&topic, &compress(&noise(key << 20 | 7, 66)), None);
            let rpcs = [subscription(&topic, true), publish(&[corrupt])].concat();
            let mut opener = peer.opener();
            peer.run(async { _ = tokio::time::timeout(STAY, opener.write_gossip(&rpcs)).await }).await;
        }
    })
}
