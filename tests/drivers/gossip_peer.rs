//! Peers of plain libp2p gossipsub over the memory transport, without validation, for tests of one Driver.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use libp2p::{
    Swarm,
    gossipsub::{self, IdentTopic, MessageAuthenticity},
    identity::Keypair,
    swarm,
};
use petrel_core::{
    chain::Chain,
    config::Config,
    fork::{Fork, Forks, Version},
    message::{Message, MessageId},
    time::Now,
};
use petrel_tests::{
    forge::{begun, key},
    memory_driver,
};

/// The present time of the Drivers and of their chain.
pub(crate) fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Now { mono: START.elapsed(), unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap() }
}

/// A chain that starts now, with all forks up to `last` active, whose blocks [`key`]`(1)` signs.
pub(crate) fn config(last: Fork, interval: Duration) -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(last);
    chain = begun(&chain, 0, now().secs(), interval);
    chain.signer = Some(key(1).address());
    Config::new(chain)
}

/// The topic of the chain's blocks.
pub(crate) fn topic() -> IdentTopic {
    IdentTopic::new(Chain::preset("op-mainnet").unwrap().topic(Version::V4))
}

/// op-node's id of a message.
pub(crate) fn id(message: &gossipsub::Message) -> MessageId {
    Message::decompress(&message.data).id(message.topic.as_str())
}

/// A gossipsub peer that has joined [`topic`] and listens at `/memory/PORT`.
pub(crate) fn swarm(
    identity: &Keypair,
    authenticity: MessageAuthenticity,
    config: gossipsub::Config,
    port: u64,
) -> Swarm<gossipsub::Behaviour> {
    let mut gossip = gossipsub::Behaviour::new(authenticity, config).unwrap();
    gossip.subscribe(&topic()).unwrap();
    let idle = swarm::Config::without_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let local = identity.public().to_peer_id();
    let mut swarm = Swarm::new(memory_driver::transport(identity), gossip, local, idle);
    swarm.listen_on(memory_driver::address(port)).unwrap();
    swarm
}
