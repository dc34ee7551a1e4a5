//! Servers that each build the same chain, and a client with its first block.

use std::{
    sync::{
        Arc, LazyLock,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use futures::{AsyncReadExt, AsyncWriteExt, StreamExt};
use libp2p::{
    Multiaddr, StreamProtocol, Swarm, Transport, core::upgrade::Version, identity::Keypair, multiaddr::Protocol, noise,
    swarm::dial_opts::DialOpts, tcp, yamux,
};
use petrel_core::{
    Event,
    block::BlockInfo,
    chain::Chain,
    config::{Config, RequestLimits, StaticPeer},
    event::Via,
    fork::Fork,
    payload_by_number::protocols,
    peer::PeerId,
};
use petrel_node::{
    command::devnet::BlockBuilder,
    identity::Identity,
    network::NetworkConfig,
    network::{self, DriverResources},
    store::{Store, StoreBudget},
};
use petrel_tests::{forge, sequencer};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

/// The chain of all nodes, old enough that every block is due.
pub(crate) static CHAIN: LazyLock<Chain> = LazyLock::new(|| {
    let chain = sequencer::chain(Fork::Jovian, 1);
    forge::begun(&chain, 0, chain.genesis.time - 2_000, Duration::from_secs(1))
});

fn config(limits: RequestLimits, statics: Vec<StaticPeer>) -> Config {
    let mut config = Config::new(CHAIN.clone());
    config.signer = Some(forge::key(1).address());
    config.max_age = Duration::from_secs(7200);
    config.static_peers = statics;
    config.sync.limits = limits;
    config
}

fn net(listen: &[&str]) -> NetworkConfig {
    NetworkConfig::new(listen.iter().map(|address| address.parse().unwrap()).collect(), "bench")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// See the module.
pub(crate) struct Server {
    pub(crate) address: String,
    pub(crate) first: BlockInfo,
    produce: UnboundedSender<()>,
    /// Number of served blocks, updated every 20 ms.
    served: Arc<AtomicU64>,
    slow: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts a server with `blocks` blocks; [`Server::produce_last`] builds the next one.
    pub(crate) fn start(blocks: u64, bytes: usize, limits: RequestLimits) -> Self {
        let (found, address) = mpsc::channel();
        let (made, first) = mpsc::channel();
        let (produce, mut due) = unbounded_channel();
        let served = Arc::new(AtomicU64::new(0));
        let count = served.clone();
        thread::spawn(move || {
            let mut maker = BlockBuilder::new(CHAIN.clone(), forge::key(1), bytes);
            runtime().block_on(async {
                let store = Store::in_memory(&CHAIN, StoreBudget::default()).unwrap();
                let body = DriverResources { store: Some(store), ..DriverResources::default() };
                let settled = config(limits, Vec::new()).settle().unwrap();
                let net = net(&["/ip4/127.0.0.1/tcp/0"]);
                let mut driver = network::build_driver(&Identity::generate(), settled, &net, body).unwrap();
                // Each block waits for the one before it, so that the validation queue stays empty.
                let mut left = blocks;
                let mut look = tokio::time::interval(Duration::from_millis(20));
                let next = maker.build().unwrap();
                driver.publish(next.version, next.message.into());
                loop {
                    tokio::select! {
                        event = driver.next() => match event {
                            Some(Event::Listening(listening)) => found.send(listening.address).unwrap(),
                            Some(Event::Head(head)) if left > 0 => {
                                left -= 1;
                                let link = BlockInfo {
                                    number: head.number,
                                    hash: head.hash,
                                    parent: head.parent,
                                    timestamp: head.timestamp,
                                    timestamp_ms: head.timestamp_ms,
                                };
                                made.send(link).unwrap();
                                if left > 0 {
                                    let next = maker.build().unwrap();
                                    driver.publish(next.version, next.message.into());
                                }
                            }
                            Some(_) => {}
                            None => return,
                        },
                        _ = look.tick() => count.store(driver.status().served, Ordering::Relaxed),
                        order = due.recv() => match order {
                            Some(()) => {
                                let next = maker.build().unwrap();
                                driver.publish(next.version, next.message.into());
                            }
                            None => return,
                        },
                    }
                }
            });
        });
        let address = address.recv().unwrap();
        let links: Vec<BlockInfo> = first.iter().take(blocks as usize).collect();
        // Until the last block is stored.
        thread::sleep(Duration::from_millis(500));
        Self { address, first: links[0], produce, served, slow: None }
    }

    /// Builds and gossips the block above the gap.
    pub(crate) fn produce_last(&self) {
        self.produce.send(()).unwrap();
    }

    /// Number of blocks served so far.
    pub(crate) fn served(&self) -> u64 {
        self.served.load(Ordering::Relaxed)
    }

    /// From now on a peer reads four streams at one byte a second.
    pub(crate) fn read_slowly(&mut self) {
        let address: Multiaddr = self.address.parse().unwrap();
        self.slow = Some(thread::spawn(move || runtime().block_on(slow_reader(address))));
    }

    fn static_peer(&self) -> StaticPeer {
        let peer: libp2p::PeerId = self.address.rsplit('/').next().unwrap().parse().unwrap();
        StaticPeer { peer: PeerId::from_bytes(&peer.to_bytes()).unwrap(), addresses: vec![self.address.clone()] }
    }
}

async fn slow_reader(address: Multiaddr) {
    let Some(Protocol::P2p(peer)) = address.iter().last() else { panic!("{address} names no peer") };
    let identity = Keypair::generate_secp256k1();
    let transport = tcp::tokio::Transport::new(tcp::Config::default())
        .upgrade(Version::V1)
        .authenticate(noise::Config::new(&identity).unwrap())
        .multiplex(yamux::Config::default())
        .boxed();
    let swarm = libp2p::swarm::Config::with_tokio_executor().with_idle_connection_timeout(Duration::from_secs(600));
    let mut swarm = Swarm::new(transport, libp2p_stream::Behaviour::new(), identity.public().to_peer_id(), swarm);
    swarm.dial(DialOpts::peer_id(peer).addresses(vec![address]).build()).unwrap();
    let name = StreamProtocol::try_from_owned(protocols(&CHAIN)[0].clone()).unwrap();
    for number in 1..=4_u64 {
        let (mut control, name) = (swarm.behaviour().new_control(), name.clone());
        tokio::spawn(async move {
            loop {
                let Ok(mut stream) = control.open_stream(peer, name.clone()).await else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let _sent = stream.write_all(&number.to_le_bytes()).await;
                let mut byte = [0];
                while let Ok(1) = stream.read(&mut byte).await {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        });
    }
    loop {
        swarm.select_next_some().await;
    }
}

/// See the module.
pub(crate) struct Client {
    events: mpsc::Receiver<Event>,
}

impl Client {
    /// Starts a client that is connected to all servers, with their first block as its head.
    pub(crate) fn start(servers: &[Server], limits: RequestLimits) -> Self {
        let (sender, events) = mpsc::channel();
        let (chain, statics) = (vec![servers[0].first], servers.iter().map(Server::static_peer).collect());
        let settled = config(limits, statics).settle().unwrap();
        let peers = servers.len();
        thread::spawn(move || {
            runtime().block_on(async {
                let body = DriverResources { memory: chain.into(), ..DriverResources::default() };
                let mut driver = network::build_driver(&Identity::generate(), settled, &net(&[]), body).unwrap();
                while let Some(event) = driver.next().await {
                    if sender.send(event).is_err() {
                        return;
                    }
                }
            });
        });
        let mut client = Self { events };
        for _ in 0..4 * peers {
            client.until(Duration::from_secs(30), |event| matches!(event, Event::TopicJoined(_)));
        }
        // Until the heartbeat has built the mesh.
        thread::sleep(Duration::from_millis(1500));
        client
    }

    /// Reads events until `wanted` accepts one.
    pub(crate) fn until(&mut self, timeout: Duration, wanted: impl Fn(&Event) -> bool) {
        let end = Instant::now() + timeout;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).expect("it comes in time");
            debug_assert!(!matches!(&event, Event::Block(block) if block.via == Via::Local));
            if wanted(&event) {
                return;
            }
        }
    }
}
