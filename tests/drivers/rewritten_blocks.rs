//! Live blocks that are rewritten and pass an honest relay. A client that is less strict than op-node (kona) accepts recovery ids of
//! 27 and up, and messages with an author, and forwards them. The Driver that gets them from the relay sees a valid signature of our
//! signer, and must not penalise the relay.

use std::{collections::BTreeMap, time::Duration};

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
    fork::{Fork, Version},
};
use petrel_tests::{
    forge::{Forge, compress},
    memory_driver::{self, MemoryHost},
};
use tokio::time::{interval, timeout};

use super::gossip_peer::{self, now, topic};

/// Number of live blocks, five a second.
const BLOCKS: u64 = 60;
/// The values that are added to a recovery id.
const REWRITES: [u8; 6] = [27, 35, 37, 99, 201, 253];
const BASE: u64 = 8_801_100;

fn config() -> Config {
    gossip_peer::config(Fork::Jovian, Duration::from_millis(200))
}

/// A relay that accepts every message and forwards it unchanged.
fn relay_without_validation(
    authenticity: impl FnOnce(&Keypair) -> MessageAuthenticity,
    port: u64,
) -> Swarm<gossipsub::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let config = ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(300))
        .validation_mode(ValidationMode::Permissive)
        .flood_publish(true)
        .allow_self_origin(true)
        .message_id_fn(|message| {
            // A message with an author has another id, as in Petrel.
            let author = message.source.map(|peer| peer.to_bytes()).unwrap_or_default();
            [&gossip_peer::id(message).0[..], &author].concat().into()
        })
        .build()
        .unwrap();
    let authenticity = authenticity(&identity);
    gossip_peer::swarm(&identity, authenticity, config, port)
}

/// Counts of the Driver's events.
#[derive(Debug, Default)]
struct Seen {
    blocks: u64,
    faults: BTreeMap<&'static str, u64>,
    penalties: Vec<String>,
}

impl Seen {
    fn take(&mut self, event: &Event) {
        match event {
            Event::Block(_) => self.blocks += 1,
            Event::Rejected(report) | Event::Ignored(report) => *self.faults.entry(report.fault).or_default() += 1,
            Event::Banned(_) | Event::Graylisted(_) | Event::Disconnected(_) => {
                self.penalties.push(serde_json::to_string(event).unwrap());
            }
            _ => {}
        }
    }

    fn rewritten(&self) -> [u64; 2] {
        ["rewritten_recovery_id", "rewritten_authored"].map(|fault| self.faults.get(fault).copied().unwrap_or(0))
    }
}

async fn publish_rewritten_blocks() -> Seen {
    let (us, sequencer) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut node = memory_driver::driver(config(), &us, BASE, host.clone());
    let mut settings = config();
    settings.static_peers = vec![memory_driver::static_peer(&us, BASE)];
    let mut sequencer = memory_driver::driver(settings, &sequencer, BASE + 1, host);
    let mut relay = relay_without_validation(|_| MessageAuthenticity::Anonymous, BASE + 2);
    let mut rewriter = relay_without_validation(|_| MessageAuthenticity::Anonymous, BASE + 3);
    let mut author = relay_without_validation(|key| MessageAuthenticity::Signed(key.clone()), BASE + 4);
    relay.dial(memory_driver::address(BASE)).unwrap();
    rewriter.dial(memory_driver::address(BASE + 2)).unwrap();
    author.dial(memory_driver::address(BASE + 2)).unwrap();
    let (mut seen, mut parent, mut made) = (Seen::default(), B256::ZERO, 0);
    let mut tick = interval(Duration::from_millis(200));
    loop {
        tokio::select! {
            event = node.select_next_some() => seen.take(&event),
            _ = sequencer.select_next_some() => {}
            _ = relay.select_next_some() => {}
            _ = rewriter.select_next_some() => {}
            _ = author.select_next_some() => {}
            _ = tick.tick() => {
                made += 1;
                let all = [BLOCKS * REWRITES.len() as u64 / 2, BLOCKS / 2];
                let enough = seen.rewritten().iter().zip(all).all(|(count, all)| *count >= all);
                if made > BLOCKS + 10 && enough {
                    return seen;
                }
                let block = Forge::new(10, Fork::Jovian, made, now().secs(), 500).with(|block| block.parent_hash = parent);
                let (data, hash) = block.sealed();
                parent = hash;
                for added in REWRITES {
                    let mut rewritten = data.clone();
                    rewritten[64] += added;
                    let _no_peer_yet = rewriter.behaviour_mut().publish(topic(), compress(&rewritten));
                }
                let _no_peer_yet = author.behaviour_mut().publish(topic(), compress(&data));
                sequencer.publish(Version::V4, data.into());
            }
        }
    }
}

#[tokio::test]
async fn rewritten_live_blocks_from_an_honest_relay_cause_no_penalties() {
    let seen = timeout(Duration::from_secs(180), publish_rewritten_blocks()).await.expect("all blocks arrive");
    println!("{seen:?}");
    assert!(seen.penalties.is_empty(), "{:?}", seen.penalties);
    assert!(seen.blocks >= BLOCKS, "valid blocks are still accepted: {}", seen.blocks);
    assert!(!seen.faults.contains_key("signature") && !seen.faults.contains_key("authored"), "{:?}", seen.faults);
}
