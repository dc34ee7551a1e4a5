//! A peer that gossips one invalid block a second, by libp2p's own gossipsub, to a real Driver that receives the blocks of an honest
//! sequencer at the same time.

use std::time::Duration;

use alloy_primitives::B256;
use futures::StreamExt;
use libp2p::{
    Swarm,
    gossipsub::{self, ConfigBuilder, MessageAuthenticity, ValidationMode},
    identity::Keypair,
};
use petrel_core::{
    Event,
    config::Config,
    event::Banned,
    fork::{Fork, Version},
};
use petrel_tests::{
    forge::{Forge, compress},
    memory_driver::{self, MemoryHost},
};
use tokio::time::{interval, timeout};

use super::gossip_peer::{self, now, topic};

/// Maximum number of invalid blocks until the ban.
const INVALID_BLOCKS: u64 = 20;

fn config() -> Config {
    gossip_peer::config(Fork::Isthmus, Duration::from_secs(1))
}

/// A peer without validation. With `flood_publish` it sends its messages to all its peers; else to its mesh of one peer, as
/// go-libp2p does, and it advertises them to the others.
fn invalid_publisher(flood_publish: bool, port: u64) -> Swarm<gossipsub::Behaviour> {
    let config = ConfigBuilder::default()
        .mesh_n(1)
        .mesh_n_low(1)
        .mesh_n_high(2)
        .mesh_outbound_min(0)
        .flood_publish(flood_publish)
        .heartbeat_interval(Duration::from_millis(500))
        .validation_mode(ValidationMode::Anonymous)
        .message_id_fn(|message| gossip_peer::id(message).0.to_vec().into())
        .build()
        .unwrap();
    gossip_peer::swarm(&Keypair::generate_secp256k1(), MessageAuthenticity::Anonymous, config, port)
}

/// The first ban, and the number of invalid blocks before it.
async fn banned(flood_publish: bool, base: u64) -> (Banned, u64) {
    let (us, sequencer) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut node = memory_driver::driver(config(), &us, base, host.clone());
    let mut settings = config();
    settings.static_peers = vec![memory_driver::static_peer(&us, base)];
    let mut sequencer = memory_driver::driver(settings, &sequencer, base + 1, host);
    let (mut publisher, mut other) = (invalid_publisher(flood_publish, base + 2), invalid_publisher(true, base + 3));
    publisher.dial(memory_driver::address(base)).unwrap();
    if !flood_publish {
        publisher.dial(memory_driver::address(base + 3)).unwrap();
    }
    let (mut parent, mut number, mut sent) = (B256::ZERO, 0, 0);
    let mut tick = interval(Duration::from_secs(1));
    loop {
        tokio::select! {
            event = node.select_next_some() => match event {
                Event::Banned(ban) => {
                    assert_eq!(ban.who.to_string(), publisher.local_peer_id().to_string());
                    return (ban, sent);
                }
                Event::Rejected(rejected) => println!("rejected after {sent}: {}", rejected.fault),
                _ => {}
            },
            _ = sequencer.select_next_some() => {}
            _ = publisher.select_next_some() => {}
            _ = other.select_next_some() => {}
            _ = tick.tick() => {
                number += 1;
                let block = Forge::new(10, Fork::Isthmus, number, now().secs(), 500)
                    .with(|block| block.parent_hash = parent);
                let (data, hash) = block.clone().sealed();
                sequencer.publish(Version::V4, data.into());
                parent = hash;
                // The first blocks show that our signer is right.
                if number > 4 && sent < INVALID_BLOCKS {
                    sent += 1;
                    let (invalid, _) = block.with(|block| block.gas_used = number).by(2).sealed();
                    let _no_peer_yet = publisher.behaviour_mut().publish(topic(), compress(&invalid));
                }
            }
        }
    }
}

#[tokio::test]
async fn twenty_blocks_of_an_unknown_signer_at_one_a_second_lead_to_a_ban_before_the_last() {
    for (flood_publish, base) in [(true, 8_800_100), (false, 8_800_200)] {
        let (ban, sent) = timeout(Duration::from_secs(180), banned(flood_publish, base)).await.expect("a ban");
        assert!(ban.reason.contains("invalid messages"), "{}", ban.reason);
        assert!((5..=INVALID_BLOCKS).contains(&sent), "{sent}");
        println!("banned after {sent} invalid blocks: {}", ban.reason);
    }
}
