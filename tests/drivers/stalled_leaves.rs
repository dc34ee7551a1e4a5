//! Leaves that do not read what is sent to them: they are disconnected, the others get every block by gossip in the meantime, and the
//! queued bytes stay within their limit.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::Duration,
};

use futures::{AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm,
    gossipsub::{self, TopicHash},
    identity::Keypair,
    swarm::SwarmEvent,
};
use petrel_core::{chain::Chain, event::DisconnectReason, fork::Fork};
use petrel_node::{
    network::NetworkConfig,
    network::transport::{self, TrafficCounters},
};
use petrel_tests::{
    local_network::{self, DEADLINE, Observed, RELAY, Report, id},
    plain_gossipsub,
    sequencer::{self, Publisher},
};
use tokio::runtime::Runtime;

const MESHSUB: StreamProtocol = StreamProtocol::new("/meshsub/1.1.0");
/// Bytes of a block, number of blocks, and the time between them.
const BYTES: usize = 1_000_000;
const BLOCKS: u64 = 24;
const PACE: Duration = Duration::from_millis(400);
/// Block interval of the chain, seconds. A message that is queued for a leaf for longer than two intervals is dropped.
const BLOCK_TIME: u64 = 12;
/// Maximum queued bytes for all leaves: less than a third of all blocks for the leaves that do not read.
const BUDGET: usize = 11 << 20;
/// Leaves that read every block.
const LEAVES: usize = 4;

#[test]
fn leaves_that_do_not_read_are_disconnected_and_the_others_get_every_block() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sender, reports) = channel();
    let chain = sequencer::chain(Fork::Jovian, BLOCK_TIME);
    let most = relay(&runtime, &chain, &sender);
    let mut seen = Observed::default();
    seen.until(&reports, "three addresses", |seen| seen.addresses.len() == 3);
    let [ws, webtransport] = ["/ws", "/webtransport/"].map(|part| seen.at(part).next().unwrap().clone());
    let tcp = seen.at("/tcp/").find(|address| !address.contains("/ws")).unwrap().clone();
    for name in 0..LEAVES {
        leaf(&runtime, &chain, if name % 2 == 0 { &ws } else { &webtransport }, name, &sender);
    }
    let topic = chain.topic(Fork::Jovian.version());
    runtime.spawn(never_reading(ws, topic.clone()));
    let freeze = frozen(webtransport, topic);
    seen.until(&reports, "all leaves", |seen| seen.met.len() == LEAVES + 2);
    freeze.store(true, Ordering::Relaxed);
    let publisher = Publisher::connect(&chain, &tcp);

    let mut maker = local_network::maker(&chain, BLOCKS, BYTES);
    for round in 0..BLOCKS {
        let made = maker.build().unwrap();
        publisher.publish(made.version, made.message);
        let number = 1001 + round;
        seen.take(&reports, PACE);
        // A slow machine publishes more slowly.
        seen.until(&reports, "the block at every leaf that reads", |seen| {
            (0..LEAVES).all(|leaf| seen.blocks.get(&leaf).is_some_and(|blocks| blocks.contains(&number)))
        });
    }
    let all: BTreeSet<u64> = (1001..=1000 + BLOCKS).collect();
    seen.until(&reports, "every block at every leaf that reads", |seen| {
        (0..LEAVES).all(|leaf| seen.blocks.get(&leaf).is_some_and(|blocks| *blocks == all))
    });
    seen.until(&reports, "the end of the leaves that do not read", |seen| slow(seen) == 2);
    runtime.shutdown_background();

    assert_eq!((seen.ended.len(), seen.fetched), (2, 0), "no other connection ended, and no leaf had to fetch a block");
    let most = most.load(Ordering::Relaxed);
    assert!(most > BYTES as u64, "bytes were queued: {most}");
    assert!(most <= BUDGET as u64, "at most {most} bytes were queued");
}

/// The number of leaves that the relay disconnected because they do not read.
fn slow(seen: &Observed) -> usize {
    seen.ended.iter().filter(|(name, reason)| *name == RELAY && reason == DisconnectReason::Slow.as_str()).count()
}

/// Starts the relay. Returns the maximum number of queued bytes for its leaves so far.
fn relay(runtime: &Runtime, chain: &Chain, sender: &Sender<Report>) -> Arc<AtomicU64> {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/udp/0/quic-v1/webtransport"];
    let net = NetworkConfig::new(listen.map(|address| address.parse().unwrap()).to_vec(), "relay");
    let config = local_network::settled(chain, None, |config| config.connections.leaves_bytes = BUDGET);
    let most = Arc::<AtomicU64>::default();
    let seen = most.clone();
    local_network::start(runtime, config, net, (RELAY, sender), move |driver| {
        seen.fetch_max(driver.status().traffic.leaves.waiting, Ordering::Relaxed);
    });
    most
}

/// A leaf that reads and verifies every block.
fn leaf(runtime: &Runtime, chain: &Chain, relay: &str, name: usize, sender: &Sender<Report>) {
    let config = local_network::settled(chain, Some(relay), |_| {});
    local_network::start(runtime, config, NetworkConfig::new(Vec::new(), "leaf"), (name, sender), |_| {});
}

/// A leaf that stays connected, but never reads its gossip stream.
async fn never_reading(relay: String, topic: String) {
    let identity = Keypair::generate_secp256k1();
    let transport =
        transport::build(&identity, &NetworkConfig::new(Vec::new(), "never-reading"), &TrafficCounters::default())
            .unwrap();
    let config = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(3600));
    let peer = identity.public().to_peer_id();
    let mut swarm = Swarm::new(transport, libp2p_stream::Behaviour::new(), peer, config);
    let mut streams = swarm.behaviour().new_control();
    let mut incoming = streams.accept(MESHSUB).unwrap();
    swarm.dial(relay.parse::<Multiaddr>().unwrap()).unwrap();
    tokio::spawn(async move {
        loop {
            swarm.select_next_some().await;
        }
    });
    let mut out = loop {
        match streams.open_stream(id(&relay), MESHSUB).await {
            Ok(stream) => break stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    };
    out.write_all(&subscription(&topic)).await.unwrap();
    out.flush().await.unwrap();
    let _unread = incoming.next().await.unwrap();
    std::future::pending().await
}

/// A gossipsub RPC that joins a topic, with its length prefix.
fn subscription(topic: &str) -> Vec<u8> {
    let length = |bytes: usize| u8::try_from(bytes).ok().filter(|length| *length < 128).unwrap();
    let options = [&[0x08, 1, 0x12, length(topic.len())], topic.as_bytes()].concat();
    [&[length(options.len() + 2), 0x0a, length(options.len())], options.as_slice()].concat()
}

/// A leaf that joins the topic, and whose whole runtime stops when the returned flag is set.
fn frozen(relay: String, topic: String) -> Arc<AtomicBool> {
    let freeze = Arc::<AtomicBool>::default();
    let is_frozen = freeze.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _frozen = runtime.block_on(async {
            let identity = Keypair::generate_secp256k1();
            let transport =
                transport::build(&identity, &NetworkConfig::new(Vec::new(), "frozen"), &TrafficCounters::default())
                    .unwrap();
            let mut swarm = plain_gossipsub::over(transport, &identity, &topic, plain_gossipsub::id);
            swarm.dial(relay.parse::<Multiaddr>().unwrap()).unwrap();
            let joined = TopicHash::from_raw(topic);
            loop {
                if let SwarmEvent::Behaviour(gossipsub::Event::Subscribed { topic, .. }) =
                    swarm.select_next_some().await
                    && topic == joined
                {
                    break;
                }
            }
            while !is_frozen.load(Ordering::Relaxed) {
                let _quiet = tokio::time::timeout(Duration::from_millis(20), swarm.select_next_some()).await;
            }
            swarm
        });
        thread::sleep(DEADLINE * 3);
    });
    freeze
}
