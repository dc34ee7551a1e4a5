//! A publisher, a relay and a receiver: the relay is its own process, the others are plain libp2p in this process.

use std::{
    collections::HashMap,
    net::TcpStream,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, Swarm,
    gossipsub::{self, IdentTopic},
    swarm::SwarmEvent,
};
use petrel_core::{chain::Chain, fork::Fork};
use petrel_node::command::devnet::BlockBuilder;
use petrel_tests::{
    forge::{Forge, begun, compress, key},
    plain_gossipsub,
    process::Process,
    resources::cpu,
};
use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

/// Time between two blocks: below the rate at which a peer counts as flooding.
const PACE: Duration = Duration::from_millis(25);
/// Deadline of the last blocks.
const DEADLINE: Duration = Duration::from_secs(5);
/// Bytes of a block.
const BYTES: usize = 100_000;

/// The measurements, summed up.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    pub(crate) blocks: u64,
    pub(crate) lost: u64,
    cpu: f64,
    delays: Vec<Duration>,
}

impl Measured {
    pub(crate) fn add(&mut self, other: Self) {
        self.blocks += other.blocks;
        self.lost += other.lost;
        self.cpu += other.cpu;
        self.delays.extend(other.delays);
    }

    pub(crate) fn cpu_per_thousand(&self) -> f64 {
        self.cpu * 1000.0 / self.blocks as f64
    }

    /// In milliseconds.
    pub(crate) fn delay(&mut self, share: usize) -> f64 {
        self.delays.sort_unstable();
        let at = self.delays.len().saturating_sub(1) * share / 100;
        self.delays.get(at).map_or(f64::NAN, |delay| delay.as_secs_f64() * 1000.0)
    }
}

/// See the module.
pub(crate) struct Path {
    relay: Process,
    runtime: Runtime,
    blocks: UnboundedSender<Vec<u8>>,
    arrivals: UnboundedReceiver<(Vec<u8>, Instant)>,
}

impl Path {
    /// Connects publisher and receiver to the relay on this port.
    pub(crate) fn open(relay: Process, port: u16, topic: &str) -> Self {
        let end = Instant::now() + DEADLINE * 6;
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "the relay does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}").parse().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let (blocks, mut due) = unbounded_channel::<Vec<u8>>();
        let (arrived, arrivals) = unbounded_channel();
        let (mut publisher, mut receiver) =
            runtime.block_on(async { (dialled(topic, &address), dialled(topic, &address)) });
        let topic = IdentTopic::new(topic);
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = publisher.select_next_some() => {}
                    block = due.recv() => match block {
                        Some(block) => drop(publisher.behaviour_mut().publish(topic.clone(), block).unwrap()),
                        None => return,
                    },
                }
            }
        });
        runtime.spawn(async move {
            loop {
                let event = receiver.select_next_some().await;
                if let SwarmEvent::Behaviour(gossipsub::Event::Message { message, .. }) = event {
                    let _gone = arrived.send((message.data, Instant::now()));
                }
            }
        });
        // The meshes are built by heartbeats.
        std::thread::sleep(Duration::from_secs(3));
        Self { relay, runtime, blocks, arrivals }
    }

    /// Sends `blocks` blocks above height `after`.
    pub(crate) fn carry(&mut self, chain: &Chain, after: u64, count: u64) -> Measured {
        // Transactions with the sizes and the compressibility of a live chain, different in each round.
        let start = begun(chain, after, chain.genesis.time, Duration::from_secs(2));
        let mut maker = BlockBuilder::new(start, key(1), BYTES);
        let before = cpu(self.relay.id());
        let mut sent = HashMap::new();
        let mut delays = Vec::new();
        for number in after + 1..=after + count {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            let transactions = maker.build().unwrap().payload.transactions;
            let block = Forge::new(chain.id, Fork::Jovian, number, now, 0);
            let wire = compress(&block.with(|payload| payload.transactions = transactions).sealed().0);
            sent.insert(wire.clone(), Instant::now());
            self.blocks.send(wire).unwrap();
            std::thread::sleep(PACE);
        }
        let end = Instant::now() + DEADLINE;
        while !sent.is_empty() && Instant::now() < end {
            let next = self.runtime.block_on(async { tokio::time::timeout(DEADLINE, self.arrivals.recv()).await });
            let Ok(Some((wire, at))) = next else { break };
            delays.extend(sent.remove(&wire).map(|since| at - since));
        }
        Measured { blocks: count, lost: sent.len() as u64, cpu: cpu(self.relay.id()) - before, delays }
    }
}

fn dialled(topic: &str, address: &Multiaddr) -> Swarm<gossipsub::Behaviour> {
    let mut swarm = plain_gossipsub::swarm(topic);
    swarm.dial(address.clone()).unwrap();
    swarm
}
