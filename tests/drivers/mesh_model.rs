//! A comparison of the modelled gossipsub mesh of the simulated network with the real one: twelve Drivers (libp2p's swarm and
//! gossipsub) over a memory transport, and twelve Nodes in a world, with the same graph, mesh degrees, chain and outages.
//!
//! What the comparison shows: with the same outages all nodes of both networks get all blocks. The model's mesh sends a block about
//! as often as gossipsub (copies of a block that a node receives). In both, a block missed in a short outage arrives by IHAVE and
//! IWANT, and blocks missed in a long outage are fetched. Each bound can fail: a model of double degree, and a model without IHAVE,
//! are outside.
//!
//! What it does not show: anything about time (the load of the machine changes the real network), about scores, or about which peers
//! are grafted, because gossipsub has its own random numbers. Copies in the real network are computed from all bytes on the wire, and
//! gossipsub's IDONTWANT, which the model lacks, avoids some of them.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use futures::{FutureExt, StreamExt, executor::block_on, select, stream::select_all};
use libp2p::identity::Keypair;
use petrel_core::{
    Event,
    chain::Chain,
    config::{Config, Mesh},
    event::Via,
    fork::{Fork, Forks, Version},
    net::Driver,
    time::Now,
};
use petrel_tests::{
    cut_transport::CutTransport,
    forge::{Forge, begun, key},
    memory_driver::{self, MemoryHost},
    random::SplitMix64,
    world::{Conditions, World},
};

const NODES: usize = 12;
/// Each node dials the nodes at these distances after it, so that it has six of eleven possible links.
const CHORDS: [usize; 3] = [1, 3, 5];
const MESH: Mesh = Mesh { d: 3, lo: 2, hi: 4, lazy: 6, flood_publish: false };
const BLOCKS: u64 = 20;
/// Block interval: a block missed in a short outage is advertised by IHAVE before the next block opens a gap.
const BLOCK: Duration = Duration::from_millis(1300);
/// Bytes of a block that do not compress.
const BYTES: usize = 30_000;
/// Time after which a static peer is redialled.
const REDIAL: Duration = Duration::from_millis(450);
/// Blocks that are produced during a long outage.
const LONG: u64 = 4;

/// All connections of `node` are cut just before the block of this round. They return after [`REDIAL`], or, if `blocks` is not 0,
/// after that many further blocks, when a redial succeeds.
#[derive(Clone, Copy, Debug)]
struct Outage {
    round: u64,
    node: usize,
    blocks: u64,
}

/// Outages of random nodes, never of the sequencer.
fn outages(seed: u64) -> Vec<Outage> {
    let mut random = SplitMix64(seed);
    let mut left: Vec<usize> = (1..NODES).collect();
    let mut draw =
        |round, blocks| Outage { round, node: left.swap_remove(random.below(left.len() as u64) as usize), blocks };
    [(3, 0), (4, LONG), (6, 0), (8, 0), (10, 0), (12, LONG), (13, 0), (15, 0)]
        .map(|(round, blocks)| draw(round, blocks))
        .into()
}

fn config(start: u64, mesh: Mesh) -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Isthmus);
    chain = begun(&chain, 1000, start, Duration::from_secs(1));
    chain.signer = Some(key(1).address());
    Config { mesh, ..Config::new(chain) }
}

/// Builds the blocks of the chain.
#[derive(Default)]
struct Maker {
    parent: B256,
    made: u64,
}

impl Maker {
    fn next(&mut self, at: u64) -> Vec<u8> {
        self.made += 1;
        let parent = self.parent;
        let block = Forge::new(10, Fork::Isthmus, 1000 + self.made, at, BYTES).with(|block| block.parent_hash = parent);
        let (data, hash) = block.sealed();
        self.parent = hash;
        data
    }
}

/// The measured values of a network.
#[derive(Debug)]
struct Measured {
    /// Mean number of copies of a block that a node received by gossip, without the sequencer's own.
    copies: f64,
    /// Number of blocks produced in short outages that their node fetched.
    fetched_short: usize,
    /// Number of blocks produced in long outages that their node fetched.
    fetched_long: usize,
}

impl Measured {
    /// `received`: copies of blocks, by gossip and by responses together.
    fn new(events: &[Vec<Event>], received: f64, outages: &[Outage]) -> Self {
        let mut by = Vec::new();
        for (node, events) in events.iter().enumerate() {
            let mut blocks: BTreeMap<u64, Via> = BTreeMap::new();
            for event in events {
                match event {
                    Event::Block(new) => {
                        let number = new.block.payload.number();
                        assert!(
                            blocks.insert(number, new.via).is_none(),
                            "node {node}: block {number} was emitted twice"
                        );
                    }
                    Event::Banned(_) | Event::Graylisted(_) | Event::Rejected(_) => panic!("node {node}: {event:?}"),
                    _ => {}
                }
            }
            assert_eq!(
                blocks.keys().copied().collect::<Vec<_>>(),
                (1001..=1000 + BLOCKS).collect::<Vec<_>>(),
                "node {node}"
            );
            by.push(blocks);
        }
        let fetched = by.iter().flat_map(|blocks| blocks.values()).filter(|via| **via == Via::Sync).count();
        let of = |long: bool| {
            let outages = outages.iter().filter(|outage| (outage.blocks > 0) == long);
            let missed =
                outages.flat_map(|outage| (0..=outage.blocks).map(|after| (outage.node, 1001 + outage.round + after)));
            missed.filter(|(node, number)| by[*node][number] == Via::Sync).count()
        };
        let each = (NODES as u64 * BLOCKS) as f64;
        Self { copies: (received - fetched as f64) / each, fetched_short: of(false), fetched_long: of(true) }
    }
}

/// The modelled network.
fn modelled(mesh: Mesh, offers: bool, outages: &[Outage]) -> Measured {
    let start = 1_800_000_000;
    let conditions = Conditions { latency: (1, 4), loss: 0, duplication: 0 };
    let mut world = World::new(&config(start, mesh), NODES, start, 7, conditions);
    for (from, to) in graph() {
        world.dial(from, to);
    }
    world.mesh();
    if !offers {
        world.stop_offers();
    }
    world.run(4 * BLOCK);
    let (mut maker, mut away) = (Maker::default(), Vec::new());
    for round in 0..BLOCKS {
        for outage in outages.iter().filter(|outage| outage.round == round) {
            away.push(*outage);
            for other in world.links(outage.node).clone() {
                world.cut(outage.node, other);
            }
        }
        let data = maker.next(world.now().secs());
        world.produce(0, Version::V4, data);
        world.run(REDIAL);
        relink(&mut world, &mut away, |outage| outage.blocks == 0 && outage.round == round);
        world.run(BLOCK - REDIAL);
        relink(&mut world, &mut away, |outage| outage.blocks > 0 && outage.round + outage.blocks == round);
    }
    world.run(10 * BLOCK);
    let events: Vec<Vec<Event>> = (0..NODES).map(|node| world.events(node).to_vec()).collect();
    let fetched = events.iter().flatten().filter(|event| matches!(event, Event::Block(new) if new.via == Via::Sync));
    let received = (0..NODES).map(|node| world.traffic(node).received.0).sum::<u64>() + fetched.count() as u64;
    Measured::new(&events, received as f64, outages)
}

/// Links the returning nodes again, except with nodes that are still in an outage.
fn relink(world: &mut World, away: &mut Vec<Outage>, comes_back: impl Fn(&Outage) -> bool) {
    let back: Vec<Outage> = away.extract_if(.., |outage| comes_back(outage)).collect();
    let is = |of: &[Outage], node: usize| of.iter().any(|outage| outage.node == node);
    for (from, to) in graph().filter(|(from, to)| is(&back, *from) || is(&back, *to)) {
        if !is(away, from) && !is(away, to) {
            world.dial(from, to);
        }
    }
}

/// The pairs of a dialling and a dialled node.
fn graph() -> impl Iterator<Item = (usize, usize)> {
    (0..NODES).flat_map(|from| CHORDS.map(|chord| (from, (from + chord) % NODES)))
}

struct Real {
    drivers: Vec<Driver<MemoryHost>>,
    transports: Vec<CutTransport>,
    events: Vec<Vec<Event>>,
}

impl Real {
    fn new(base: u64, start: u64, clock: impl Fn() -> Now + Send + Sync + 'static) -> Self {
        let identities: Vec<_> = (0..NODES).map(|_| Keypair::generate_secp256k1()).collect();
        let transports: Vec<CutTransport> = (0..NODES).map(|_| CutTransport::default()).collect();
        let clock = std::sync::Arc::new(clock);
        let driver = |node: usize| {
            let mut config = config(start, MESH);
            let dialled = graph().filter(|(from, _)| *from == node);
            config.static_peers =
                dialled.map(|(_, to)| memory_driver::static_peer(&identities[to], base + to as u64)).collect();
            // A peer with invalid messages would be banned, although it is static.
            config.reputation.protect_static = false;
            let (own, clock) = (&identities[node], clock.clone());
            let host = MemoryHost::new(move || clock());
            memory_driver::over(transports[node].transport(own), config, own, base + node as u64, host, Vec::new())
        };
        let drivers = (0..NODES).map(driver).collect();
        Self { drivers, transports, events: vec![Vec::new(); NODES] }
    }

    /// Runs all Drivers for `time`.
    fn run(&mut self, time: Duration) {
        let (drivers, events) = (&mut self.drivers, &mut self.events);
        block_on(async {
            let mut end = futures_timer::Delay::new(time).fuse();
            let mut all =
                select_all(drivers.iter_mut().enumerate().map(|(node, driver)| driver.map(move |event| (node, event))));
            loop {
                select! {
                    (node, event) = all.select_next_some() => events[node].push(event),
                    () = end => break,
                }
            }
        });
    }

    fn is_whole(&self) -> bool {
        self.drivers.iter().all(|driver| driver.status().head.is_some_and(|head| head.number == 1000 + BLOCKS))
    }
}

/// The real network. Its blocks are [`BLOCK`] apart, if the machine is fast enough.
fn real(base: u64, outages: &[Outage]) -> Measured {
    let begin = Instant::now();
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let clock = move || Now { mono: begin.elapsed(), unix: unix + begin.elapsed() };
    let mut real = Real::new(base, unix.as_secs(), clock);
    // Until all links are connected.
    let met = |real: &Real| real.drivers.iter().all(|driver| driver.status().peering.peers.len() == 2 * CHORDS.len());
    while !met(&real) {
        assert!(begin.elapsed() < Duration::from_secs(60), "not all links are connected");
        real.run(Duration::from_millis(200));
    }
    real.run(2 * BLOCK);
    let before: u64 = real.transports.iter().map(CutTransport::bytes_received).sum();
    let mut maker = Maker::default();
    for round in 0..BLOCKS {
        for outage in outages.iter().filter(|outage| outage.round == round) {
            real.transports[outage.node].refuse_new(outage.blocks > 0);
            real.transports[outage.node].cut_all();
        }
        // So that the nodes see the cut before the block.
        real.run(Duration::from_millis(20));
        let data = maker.next(clock().secs());
        real.drivers[0].publish(Version::V4, data.into());
        real.run(REDIAL);
        for outage in outages.iter().filter(|outage| outage.round + outage.blocks == round) {
            real.transports[outage.node].refuse_new(false);
        }
        real.run(BLOCK - REDIAL - Duration::from_millis(20));
    }
    let made = Instant::now();
    while !real.is_whole() {
        assert!(
            made.elapsed() < Duration::from_secs(90),
            "{:?}",
            real.drivers.iter().map(|driver| driver.status().head).collect::<Vec<_>>()
        );
        real.run(Duration::from_millis(200));
    }
    real.run(2 * BLOCK);
    let bytes: u64 = real.transports.iter().map(CutTransport::bytes_received).sum::<u64>() - before;
    Measured::new(&real.events, bytes as f64 / BYTES as f64, outages)
}

#[test]
fn the_modelled_mesh_behaves_like_twelve_real_drivers() {
    let outages = outages(11);
    let real = real(7401, &outages);
    let model = modelled(MESH, true, &outages);
    let without_ihave = modelled(MESH, false, &outages);
    let double = modelled(Mesh { d: 2 * MESH.d, lo: 2 * MESH.lo, hi: 2 * MESH.hi, ..MESH }, true, &outages);
    println!("real {real:?}\nmodel {model:?}\nwithout IHAVE {without_ihave:?}\ndouble degree {double:?}");
    let short = outages.iter().filter(|outage| outage.blocks == 0).count();

    // The model's mesh is as dense, except for IDONTWANT: at most twice as many copies, and not much fewer.
    let is_alike = |measured: &Measured| (0.8..=2.0).contains(&(measured.copies / real.copies));
    assert!(is_alike(&model), "copies: {} and {}", real.copies, model.copies);
    assert!(!is_alike(&double), "double the degree would pass: {} and {}", real.copies, double.copies);

    // At least some of the blocks missed in short outages arrive by gossip: whether IHAVE arrives before the next block depends on
    // the time of the heartbeats.
    let gossiped = |measured: &Measured| measured.fetched_short < short;
    assert!(gossiped(&real) && gossiped(&model), "fetched: {real:?}, {model:?}");
    assert!(!gossiped(&without_ihave), "a model without IHAVE and IWANT would pass: {without_ihave:?}");

    // Most of the blocks missed in long outages are fetched.
    let long = (outages.len() - short) * (LONG as usize + 1);
    assert!(2 * real.fetched_long > long && 2 * model.fetched_long > long, "{real:?}, {model:?}");
}
