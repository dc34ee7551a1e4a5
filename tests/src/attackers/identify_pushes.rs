//! Peers that push other identify information as fast as the daemon reads it, with addresses of others.

use std::sync::atomic::{AtomicU64, Ordering};

use futures::{
    AsyncWriteExt, FutureExt, StreamExt,
    future::{join, join_all},
};
use libp2p::{Multiaddr, StreamProtocol};

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    counts::Counts,
    reconnect::reconnect,
    rpc::{bytes, framed},
    target::Target,
};
use crate::{
    random::SplitMix64,
    raw_peer::{RawPeer, StreamOpener},
};

const IDENTIFY: StreamProtocol = StreamProtocol::new("/ipfs/id/1.0.0");
const PUSH: StreamProtocol = StreamProtocol::new("/ipfs/id/push/1.0.0");
/// Peers, each of a network of its own.
const PEERS: u8 = 2;
/// Addresses in one push.
const ADDRESSES: usize = 30;

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("identify pushes", async move |counts| {
        join_all(
            (0..PEERS).map(|network| storm(target.tcp_from(source(Role::IdentifyPushes, network)), network, &counts)),
        )
        .await;
    })
}

async fn storm(address: Multiaddr, network: u8, counts: &Counts) {
    let seed = AtomicU64::new(u64::from(network) << 56);
    reconnect(&address, counts, async |peer| {
        let mut opener = peer.opener();
        let answers = answer(peer, identify(peer, &[], "agent"));
        let pushes = async {
            loop {
                send(&mut opener, &push(&mut SplitMix64(seed.fetch_add(1, Ordering::Relaxed)))).await;
                counts.add("pushes", 1);
            }
        };
        peer.run(join(answers, pushes).map(drop)).await;
    })
    .await;
}

/// Answers requests for identify information. Pushes have no effect before the first answer.
pub(super) fn answer(peer: &mut RawPeer, information: Vec<u8>) -> impl Future<Output = ()> + use<> {
    let mut requests = peer.accept(IDENTIFY);
    async move {
        while let Some((_, mut stream)) = requests.next().await {
            let _ended = stream.write_all(&information).await;
            let _ended = stream.close().await;
        }
    }
}

/// Pushes identify information on a stream of its own.
pub(super) async fn send(opener: &mut StreamOpener, information: &[u8]) {
    let mut stream = opener.open(PUSH).await;
    let _ended = stream.write_all(information).await;
    let _ended = stream.close().await;
}

/// `Identify { listenAddrs (2), protocolVersion (5), agentVersion (6) }` with addresses at random.
fn push(random: &mut SplitMix64) -> Vec<u8> {
    let addresses: Vec<Multiaddr> = (0..ADDRESSES)
        .map(|_| format!("/ip4/{}/tcp/9222", std::net::Ipv4Addr::from(random.below(1 << 32) as u32)))
        .map(|address| address.parse().expect("a multiaddr"))
        .collect();
    let mut message = Vec::new();
    fields(&mut message, &addresses, &format!("agent-{}", random.below(1 << 32)));
    framed(&message)
}

/// `Identify { publicKey (1), listenAddrs, protocolVersion, agentVersion }` with these addresses and this agent.
pub(super) fn identify(peer: &RawPeer, addresses: &[Multiaddr], agent: &str) -> Vec<u8> {
    let mut message = Vec::new();
    bytes(&mut message, 1, peer.public_key());
    fields(&mut message, addresses, agent);
    framed(&message)
}

fn fields(message: &mut Vec<u8>, addresses: &[Multiaddr], agent: &str) {
    for address in addresses {
        bytes(message, 2, &address.to_vec());
    }
    bytes(message, 5, b"ipfs/0.1.0");
    bytes(message, 6, agent.as_bytes());
}
