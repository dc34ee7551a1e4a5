//! Framers: peers at the addresses of an honest peer and of an honest browser, which send corrupt messages until they are
//! banned, and state the honest peer's address as theirs. They try to have the honest ones banned or forgotten.

use std::{
    net::Ipv4Addr,
    pin::pin,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use futures::{
    AsyncWriteExt,
    future::{join_all, select},
};
use libp2p::Multiaddr;

use super::{
    attacker::Attacker,
    counts::Counts,
    identify_pushes::{answer, identify},
    reconnect::reconnect,
    rpc::{message, publish, subscription},
    target::{Latest, Target, honest},
};
use crate::{random::SplitMix64, raw_peer::RawPeer};

/// Identities at a time at each of the two addresses.
const IDENTITIES: usize = 5;
/// Between two messages of an identity.
const INTERVAL: Duration = Duration::from_millis(500);

/// `addresses` are those of the honest peer and of the honest browser.
pub(super) fn start(target: &Target, latest: &Latest, addresses: [Ipv4Addr; 2]) -> Attacker {
    let (target, latest) = (target.clone(), latest.clone());
    Attacker::start("framers", async move |counts| {
        let [node, browser] = addresses;
        let stated = format!("/ip4/{node}/tcp/9222").parse().expect("a multiaddr");
        let framer = Framer { topic: target.topic(), stated, latest, counts: &counts, copies: AtomicU64::new(0) };
        let reached = [target.tcp_from(node), target.ws_from(browser)];
        let attacks = reached.iter().cycle().take(IDENTITIES * reached.len());
        join_all(attacks.map(|address| reconnect(address, &counts, async |peer| framer.attack(peer).await))).await;
    })
}

struct Framer<'a> {
    topic: String,
    /// The address that the honest peer would state.
    stated: Multiaddr,
    latest: Latest,
    counts: &'a Counts,
    copies: AtomicU64,
}

impl Framer<'_> {
    async fn attack(&self, peer: &mut RawPeer) {
        let mut opener = peer.opener();
        let answers = answer(peer, identify(peer, std::slice::from_ref(&self.stated), "honest"));
        let attack = async {
            let mut stream = opener.gossip().await;
            let mut rpc = subscription(&self.topic, true);
            loop {
                rpc.extend(publish(&[message(&self.topic, &self.changed(), None)]));
                if stream.write_all(&rpc).await.is_err() {
                    return;
                }
                self.counts.add("changed copies of honest blocks", 1);
                rpc.clear();
                tokio::time::sleep(INTERVAL).await;
            }
        };
        peer.run(async { _ = select(pin!(answers), pin!(attack)).await }).await;
    }

    /// The latest honest block with one byte changed: near its end, where the transaction is.
    fn changed(&self) -> Vec<u8> {
        let mut wire = honest(&self.latest);
        let mut random = SplitMix64(self.copies.fetch_add(1, Ordering::Relaxed));
        let at = wire.len().saturating_sub(1 + random.below(10_000) as usize);
        if let Some(byte) = wire.get_mut(at) {
            *byte ^= 1 + random.below(255) as u8;
        }
        wire
    }
}
