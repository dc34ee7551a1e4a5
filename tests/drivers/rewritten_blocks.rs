//! Live blocks that are rewritten and go through an honest relay: a client more lenient than op-node (kona) takes recovery ids of
//! 27 and up and messages with an author, and forwards them. Whoever hears them from it has our signer's bytes, and charges nobody.

use std::{
    collections::BTreeMap,
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
    fork::{Fork, Forks, Version},
    message::Message,
    time::Now,
};
use petrel_tests::{
    forge::{Forge, begun, compress, key},
    memory_driver::{self, MemoryHost},
};
use tokio::time::{interval, timeout};

/// Live blocks, five a second.
const BLOCKS: u64 = 60;
/// What is added to a recovery id.
const REWRITES: [u8; 6] = [27, 35, 37, 99, 201, 253];
const BASE: u64 = 8_801_100;

fn now() -> Now {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    Now { mono: START.elapsed(), unix: SystemTime::now().duration_since(UNIX_EPOCH).unwrap() }
}

fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    chain = begun(&chain, 0, now().secs(), Duration::from_millis(200));
    chain.signer = Some(key(1).address());
    Config::new(chain)
}

fn topic() -> IdentTopic {
    IdentTopic::new(config().chain.topic(Version::V4))
}

/// A router that believes everything and forwards it, as it came.
fn router(says: impl FnOnce(&Keypair) -> MessageAuthenticity, port: u64) -> Swarm<gossipsub::Behaviour> {
    let identity = Keypair::generate_secp256k1();
    let settings = ConfigBuilder::default()
        .heartbeat_interval(Duration::from_millis(300))
        .validation_mode(ValidationMode::Permissive)
        .flood_publish(true)
        .allow_self_origin(true)
        .message_id_fn(|message| {
            let id = Message::decompress(&message.data).id(message.topic.as_str()).0;
            // What has an author has a name of its own, as at the node that is looked at.
            let author = message.source.map(|peer| peer.to_bytes()).unwrap_or_default();
            [&id[..], &author].concat().into()
        })
        .build()
        .unwrap();
    let mut gossip = gossipsub::Behaviour::new(says(&identity), settings).unwrap();
    gossip.subscribe(&topic()).unwrap();
    let local = identity.public().to_peer_id();
    let settings = swarm::Config::without_executor().with_idle_connection_timeout(Duration::from_secs(60));
    let mut swarm = Swarm::new(memory_driver::transport(&identity), gossip, local, settings);
    swarm.listen_on(memory_driver::address(port)).unwrap();
    swarm
}

/// What the node that is looked at made of it.
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
            Event::Rejected(judged) | Event::Ignored(judged) => *self.faults.entry(judged.fault).or_default() += 1,
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

async fn flood() -> Seen {
    let (us, sequencer) = (Keypair::generate_secp256k1(), Keypair::generate_secp256k1());
    let host = MemoryHost::new(now);
    let mut node = memory_driver::driver(config(), &us, BASE, host.clone());
    let mut settings = config();
    settings.static_peers = vec![memory_driver::static_peer(&us, BASE)];
    let mut sequencer = memory_driver::driver(settings, &sequencer, BASE + 1, host);
    let mut relay = router(|_| MessageAuthenticity::Anonymous, BASE + 2);
    let mut rewriter = router(|_| MessageAuthenticity::Anonymous, BASE + 3);
    let mut author = router(|key| MessageAuthenticity::Signed(key.clone()), BASE + 4);
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
                    let _nobody = rewriter.behaviour_mut().publish(topic(), compress(&rewritten));
                }
                let _nobody = author.behaviour_mut().publish(topic(), compress(&data));
                sequencer.publish(Version::V4, data.into());
            }
        }
    }
}

#[tokio::test]
async fn rewritten_live_blocks_through_an_honest_relay_ban_nobody() {
    let seen = timeout(Duration::from_secs(180), flood()).await.expect("the flood arrives");
    println!("{seen:?}");
    assert!(seen.penalties.is_empty(), "{:?}", seen.penalties);
    assert!(seen.blocks >= BLOCKS, "honest blocks go on: {}", seen.blocks);
    assert!(!seen.faults.contains_key("signature") && !seen.faults.contains_key("authored"), "{:?}", seen.faults);
}
