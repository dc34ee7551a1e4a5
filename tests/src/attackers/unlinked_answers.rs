//! Servers of blocks whose every answer is a valid block that links to nothing, so that gaps do not close.

use std::time::Duration;

use alloy_primitives::B256;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, future::join_all};
use libp2p::{Stream, StreamProtocol};
use petrel_core::{
    chain::Chain,
    fork::Fork,
    payload_by_number::{Refusal, Reply, StoredBlock, protocols},
};

use super::{
    addresses::{Role, source},
    attacker::Attacker,
    reconnect::reconnect,
    rpc::subscription,
    target::Target,
};
use crate::{forge::Forge, raw_peer::RawPeer};

/// Peers, each of a network of its own.
const PEERS: u8 = 8;
/// Bytes of a forged block.
const BLOCK: usize = 20_000;

pub(super) fn start(target: &Target) -> Attacker {
    let target = target.clone();
    Attacker::start("unlinked answers", async move |counts| {
        let peers = (0..PEERS).map(async |network| {
            let block = |number| {
                counts.add("forged blocks", 1);
                Some(forged(&target.chain, number))
            };
            reconnect(&target.tcp_from(source(Role::UnlinkedAnswers, network)), &counts, async |peer| {
                serve(peer, &target, block).await
            })
            .await;
        });
        join_all(peers).await;
    })
}

/// A valid block of this number whose parent nobody knows.
fn forged(chain: &Chain, number: u64) -> StoredBlock {
    let time = chain.genesis.time + (number - chain.genesis.number);
    let forge = Forge::new(chain.id, Fork::Jovian, number, time, BLOCK);
    let (body, hash) = forge.with(|payload| payload.parent_hash = B256::repeat_byte(0xee)).body();
    StoredBlock { version: Fork::Jovian.version(), hash, body: body.into() }
}

/// Subscribes, and answers requests by number until the connection ends.
///
/// # Panics
/// The peer serves already.
pub async fn serve(peer: &mut RawPeer, target: &Target, block: impl Fn(u64) -> Option<StoredBlock>) {
    let [name, _] = protocols(&target.chain);
    let mut requests = peer.accept(StreamProtocol::try_from_owned(name).expect("a protocol's name"));
    let subscribed = subscription(&target.topic(), true);
    let mut opener = peer.opener();
    let answers = async {
        while let Some((_, stream)) = requests.next().await {
            _ = tokio::time::timeout(Duration::from_secs(5), answer(stream, &block)).await;
        }
    };
    peer.run(async {
        tokio::join!(opener.write_gossip(&subscribed), answers);
    })
    .await;
}

async fn answer(mut stream: Stream, block: impl Fn(u64) -> Option<StoredBlock>) -> std::io::Result<()> {
    let mut number = [0; 8];
    stream.read_exact(&mut number).await?;
    let reply = block(u64::from_le_bytes(number)).map_or(Reply::Refused(Refusal::NotFound), Reply::Block);
    for piece in reply.pieces() {
        stream.write_all(&piece).await?;
    }
    stream.close().await
}
