//! A peer of plain libp2p: gossipsub with op-node's parameters and message id, over TCP, noise and yamux (or a given transport),
//! without validation. Benches compare a relay with it, and use it as publisher.

use std::time::Duration;

use libp2p::{
    PeerId, Swarm, Transport,
    core::{muxing::StreamMuxerBox, transport::Boxed, upgrade::Version},
    gossipsub::{self, IdentTopic, MessageAuthenticity, ValidationMode},
    identity::Keypair,
    noise, tcp, yamux,
};
use petrel_core::message::Message;

/// The id of a message.
type Named = gossipsub::MessageId;

/// A swarm that has joined `topic` and forwards every message on it.
///
/// # Panics
/// gossipsub refuses its configuration.
#[must_use]
pub fn swarm(topic: &str) -> Swarm<gossipsub::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let transport = tcp::tokio::Transport::new(tcp::Config::default().nodelay(true))
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&identity).expect("a keypair signs its noise key"))
        .multiplex(yamux::Config::default())
        .boxed();
    over(transport, &identity, topic, id)
}

/// op-node's id of a message.
#[must_use]
pub fn id(message: &gossipsub::Message) -> Named {
    Message::decompress(&message.data).id(message.topic.as_str()).0.to_vec().into()
}

/// The same over a given transport, with the message ids that `named` returns.
///
/// # Panics
/// gossipsub refuses its configuration.
#[must_use]
pub fn over(
    transport: Boxed<(PeerId, StreamMuxerBox)>,
    identity: &Keypair,
    topic: &str,
    named: impl Fn(&gossipsub::Message) -> Named + Send + Sync + 'static,
) -> Swarm<gossipsub::Behaviour> {
    let config = gossipsub::ConfigBuilder::default()
        .mesh_n(8)
        .mesh_n_low(6)
        .mesh_n_high(12)
        .gossip_lazy(6)
        .heartbeat_interval(Duration::from_millis(500))
        .heartbeat_initial_delay(Duration::from_millis(100))
        .history_length(12)
        .duplicate_cache_time(Duration::from_secs(65))
        .max_transmit_size(10 << 20)
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(named)
        .build()
        .expect("gossipsub takes it");
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, config).expect("gossipsub takes it");
    gossip.subscribe(&IdentTopic::new(topic)).expect("nothing is filtered");
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(60));
    Swarm::new(transport, gossip, identity.public().to_peer_id(), config)
}
