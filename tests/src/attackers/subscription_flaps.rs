//! Peers that subscribe and unsubscribe as fast as the daemon reads it, each change in an RPC of its own.

use futures::{AsyncWriteExt, future::join_all};
use libp2p::Multiaddr;

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    counts::Counts,
    reconnect::reconnect,
    rpc::subscription,
    target::Target,
};

/// Peers, each of a network of its own.
const PEERS: u8 = 2;
/// Changes that are written at once.
const CHANGES: usize = 100;

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("subscription flaps", async move |counts| {
        join_all(
            (0..PEERS).map(|network| {
                flap(target.tcp_from(source(Role::SubscriptionFlaps, network)), target.topic(), &counts)
            }),
        )
        .await;
    })
}

async fn flap(address: Multiaddr, topic: String, counts: &Counts) {
    let rpcs: Vec<u8> = (0..CHANGES).flat_map(|change| subscription(&topic, change % 2 == 0)).collect();
    reconnect(&address, counts, async |peer| {
        let mut opener = peer.opener();
        let changes = async {
            let mut stream = opener.gossip().await;
            while stream.write_all(&rpcs).await.is_ok() {
                counts.add("changes", CHANGES as u64);
                tokio::task::yield_now().await;
            }
        };
        peer.run(changes).await;
    })
    .await;
}
