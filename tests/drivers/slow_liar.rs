//! A liar that takes its time: one mis-signed block a second, by libp2p's own gossipsub, to a real Driver that hears an
//! honest sequencer meanwhile.

use std::{
    sync::LazyLock,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use futures::StreamExt;
use libp2p::{
    Swarm,
    gossipsub::{self, ConfigBuilder, IdentTopic, MessageAuthenticity, ValidationMode},
    identity::Keypair,
    swarm,
};
use petrel_core::{
    Event,
    chain::Chain,
    config::Config,
    event::Banned,
    fork::{Fork, Forks, Version},
    message::Message,
    time::Now,
};
use petrel_tests::{
    forge::{Forge, begun, compress, key},
    memory_driver::{self, MemoryHost},
};
use tokio::time::{interval, timeout};

const LIES: u64 = 20;

fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Now { mono: START.elapsed(), unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap() }
}

fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Isthmus);
    chain = begun(&chain, 0, now().secs(), Duration::from_secs(1));
    chain.signer = Some(key(1).address());
    Config::new(chain)
}

/// A router without a judgement of its own; `alone` sends to all its peers what it makes, the other kind to its mesh of one,
/// as go-libp2p's does, and offers it to the others.
fn router(alone: bool, port: u64) -> Swarm<gossipsub::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let settings = ConfigBuilder::default()
        .mesh_n(1)
        .mesh_n_low(1)
        .mesh_n_high(2)
        .mesh_outbound_min(0)
        .flood_publish(alone)
        .heartbeat_interval(Duration::from_millis(500))
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| Message::decompress(&message.data).id(message.topic.as_str()).0.to_vec().into())
        .build()
        .unwrap();
    let mut gossip = gossipsub::Behaviour::new(MessageAuthenticity::Anonymous, settings).unwrap();
    gossip.subscribe(&topic()).unwrap();
    let local = identity.public().to_peer_id();
    let settings = swarm::Config::without_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let mut swarm = Swarm::new(memory_driver::transport(&identity), gossip, local, settings);
    swarm.listen_on(memory_driver::address(port)).unwrap();
    swarm
}

fn topic() -> IdentTopic {
    IdentTopic::new(config().chain.topic(Version::V4))
}

/// The first ban, and how many lies it took.
async fn banned(alone: bool, base: u64) -> (Banned, u64) {
    let (us, sequencer) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut node = memory_driver::driver(config(), &us, base, host.clone());
    let mut settings = config();
    settings.static_peers = vec![memory_driver::static_peer(&us, base)];
    let mut sequencer = memory_driver::driver(settings, &sequencer, base + 1, host);
    let (mut liar, mut friend) = (router(alone, base + 2), router(true, base + 3));
    liar.dial(memory_driver::address(base)).unwrap();
    if !alone {
        liar.dial(memory_driver::address(base + 3)).unwrap();
    }
    let (mut parent, mut number, mut lies) = (B256::ZERO, 0, 0);
    let mut tick = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = node.select_next_some() => match event {
                Event::Banned(ban) => {
                    assert_eq!(ban.who.to_string(), liar.local_peer_id().to_string());
                    return (ban, lies);
                }
                Event::Rejected(judged) => println!("rejected after {lies}: {}", judged.fault),
                _ => {}
            },
            _ = sequencer.select_next_some() => {}
            _ = liar.select_next_some() => {}
            _ = friend.select_next_some() => {}
            _ = tick.tick() => {
                number += 1;
                let block = Forge::new(10, Fork::Isthmus, number, now().secs(), 500)
                    .with(|block| block.parent_hash = parent);
                let (data, hash) = block.clone().sealed();
                sequencer.publish(Version::V4, data.into());
                parent = hash;
                // The first blocks say who signs here.
                if number > 4 && lies < LIES {
                    lies += 1;
                    let (lie, _) = block.with(|block| block.gas_used = number).by(2).sealed();
                    let _alone = liar.behaviour_mut().publish(topic(), compress(&lie));
                }
            }
        }
    }
}

#[tokio::test]
async fn twenty_mis_signed_blocks_at_one_a_second_end_in_a_ban_with_a_reason_before_the_last() {
    for (alone, base) in [(true, 8_800_100), (false, 8_800_200)] {
        let (ban, lies) = timeout(Duration::from_secs(180), banned(alone, base)).await.expect("a ban");
        assert!(ban.reason.contains("invalid messages"), "{}", ban.reason);
        assert!((5..=LIES).contains(&lies), "{lies}");
        println!("banned after {lies} lies: {}", ban.reason);
    }
}
