//! WebTransport certificates that change while leaves are connected and blocks come: nobody loses a connection or a block,
//! and whoever dials the address that is told then comes in. The daemon's own Driver and transports over loopback; the
//! certificates' periods are three seconds, as `--p2p.webtransport.period` makes them.
#![cfg(not(target_arch = "wasm32"))]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{Receiver, Sender, channel},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    Event,
    chain::{Chain, Genesis},
    config::{Config, Settled, Static},
    event::Via,
    fork::Fork,
    peer::PeerId,
};
use petrel_node::{
    daemon::{self, Body},
    devnet::Maker,
    identity::Identity,
    settings::Net,
};
use petrel_tests::{forge, sequencer};
use tokio::runtime::Runtime;

/// How long a certificate is served.
const PERIOD: Duration = Duration::from_secs(3);
/// Blocks, and the time between them: over three periods.
const BLOCKS: u64 = 50;
const PACE: Duration = Duration::from_millis(200);
/// Leaves that are there from the beginning, and those that come later, one by each new address.
const FIRST: usize = 4;
const LATER: usize = 2;
/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
const RELAY: usize = usize::MAX;

/// Who tells an event, and the event.
type Told = (usize, Event);

#[test]
fn certificates_rotate_and_no_connected_leaf_misses_a_block_while_new_ones_come_by_the_new_address() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (tell, told) = channel();
    let chain = sequencer::chain(Fork::Jovian, 1);
    relay(&runtime, &chain, &tell);
    let mut seen = Seen::default();
    seen.until(&told, "two addresses", |seen| seen.tcp.is_some() && !seen.addresses.is_empty());
    let first = seen.addresses[0].clone();
    let mut leaves: Vec<PeerId> = (0..FIRST).map(|name| leaf(&runtime, &chain, &first, name, &tell)).collect();
    seen.until(&told, "the first leaves", |seen| leaves.iter().all(|leaf| seen.met.contains(leaf)));
    let publisher = sequencer::Sequencer::start(&chain, seen.tcp.as_ref().unwrap());

    // The blocks are old enough to come faster than they are due.
    let time = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() - BLOCKS - 1;
    let genesis = Genesis { number: 1000, time, ..chain.genesis };
    let mut maker = Maker::new(Chain { genesis, ..chain.clone() }, forge::key(1), 20_000);
    // The last block before the relay knew of each leaf.
    let mut since: BTreeMap<usize, u64> = (0..FIRST).map(|name| (name, 0)).collect();
    let mut dialled = vec![first];
    for number in 1001..=1000 + BLOCKS {
        let made = maker.make().unwrap();
        publisher.publish(made.version, made.message);
        seen.take(&told, PACE);
        let newest = seen.addresses.last().unwrap();
        if dialled.len() <= LATER && !dialled.contains(newest) {
            dialled.push(newest.clone());
            leaves.push(leaf(&runtime, &chain, newest, leaves.len(), &tell));
        }
        for (name, _) in leaves.iter().enumerate().filter(|(_, leaf)| seen.met.contains(leaf)) {
            since.entry(name).or_insert(number);
        }
    }
    let last = 1000 + BLOCKS;
    seen.until(&told, "the last block", |seen| {
        since.keys().all(|name| seen.blocks.get(name).is_some_and(|blocks| blocks.contains(&last)))
    });
    runtime.shutdown_background();

    assert!(seen.addresses.len() > LATER, "it rotated: {:?}", seen.addresses);
    // Each address goes on with the certificate that the one before it named second.
    for pair in seen.addresses.windows(2) {
        assert_eq!(hashes(&pair[0])[1], hashes(&pair[1])[0]);
    }
    assert_eq!(since.len(), FIRST + LATER, "each new address was dialled, and led in");
    assert_eq!(seen.left, Vec::<usize>::new(), "nobody lost a connection");
    assert_eq!(seen.fetched, 0, "nothing had to be fetched");
    for (name, since) in since {
        let missed: Vec<u64> = (since.max(1000) + 1..=last).filter(|n| !seen.blocks[&name].contains(n)).collect();
        assert!(missed.is_empty(), "leaf {name} was there from {since} on and missed {missed:?}");
    }
}

/// What was told so far.
#[derive(Default)]
struct Seen {
    tcp: Option<String>,
    /// WebTransport's, as they came.
    addresses: Vec<String>,
    /// Peers of whom the relay knows that they gossip the blocks' topic.
    met: BTreeSet<PeerId>,
    blocks: BTreeMap<usize, BTreeSet<u64>>,
    fetched: usize,
    left: Vec<usize>,
}

impl Seen {
    fn note(&mut self, (name, event): Told) {
        match event {
            Event::Listening(listening) if name == RELAY => {
                if listening.address.contains("/webtransport/") {
                    self.addresses.push(listening.address);
                } else {
                    self.tcp = Some(listening.address);
                }
            }
            Event::TopicJoined(change) if name == RELAY && change.version == Fork::Jovian.version() => {
                self.met.insert(change.peer);
            }
            Event::Block(block) if name != RELAY && block.via == Via::Gossip => {
                self.blocks.entry(name).or_default().insert(block.block.payload.number());
            }
            Event::Block(_) if name != RELAY => self.fetched += 1,
            Event::Disconnected(_) => self.left.push(name),
            _ => {}
        }
    }

    fn take(&mut self, told: &Receiver<Told>, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(event) = told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.note(event);
        }
    }

    fn until(&mut self, told: &Receiver<Told>, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what} did not come");
            self.take(told, Duration::from_millis(20));
        }
    }
}

fn settled(chain: &Chain, relay: Option<&str>) -> Settled {
    let mut config = Config::new(chain.clone());
    config.signer = Some(forge::key(1).address());
    config.past = Duration::from_secs(3600);
    config.statics = relay.into_iter().map(known).collect();
    config.settle().unwrap()
}

fn known(relay: &str) -> Static {
    let peer: libp2p::PeerId = relay.rsplit('/').next().unwrap().parse().unwrap();
    Static { peer: PeerId::from_bytes(&peer.to_bytes()).unwrap(), addresses: vec![relay.to_owned()] }
}

fn relay(runtime: &Runtime, chain: &Chain, tell: &Sender<Told>) {
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/udp/0/quic-v1/webtransport"];
    let net = Net { period: PERIOD, ..Net::new(listen.map(|address| address.parse().unwrap()).to_vec(), "relay") };
    live(runtime, settled(chain, None), net, RELAY, tell);
}

fn leaf(runtime: &Runtime, chain: &Chain, relay: &str, name: usize, tell: &Sender<Told>) -> PeerId {
    live(runtime, settled(chain, Some(relay)), Net::new(Vec::new(), "leaf"), name, tell)
}

fn live(runtime: &Runtime, config: Settled, net: Net, name: usize, tell: &Sender<Told>) -> PeerId {
    let (identity, tell) = (Identity::generate(), tell.clone());
    let peer = PeerId::from_bytes(&identity.keypair.public().to_peer_id().to_bytes()).unwrap();
    runtime.spawn(async move {
        let mut driver = daemon::driver(&identity, config, &net, Body::default()).unwrap();
        while let Some(event) = driver.next().await {
            if tell.send((name, event)).is_err() {
                return;
            }
        }
    });
    // Handshakes one after the other.
    thread::sleep(Duration::from_millis(20));
    peer
}

fn hashes(address: &str) -> Vec<String> {
    let address: Multiaddr = address.parse().unwrap();
    let hash = |part| if let Protocol::Certhash(hash) = part { Some(format!("{hash:?}")) } else { None };
    address.iter().filter_map(hash).collect()
}
