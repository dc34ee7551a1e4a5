//! Sequencers in the test's own process, each a Driver on its own thread.
//!
//! A [`Sequencer`] builds the blocks of a chain and listens for peers; it can be stopped and restarted at the same address. A
//! [`Publisher`] dials one relay and publishes the messages that the test gives it.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        mpsc::{Sender, channel},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::Address;
use futures::StreamExt;
use petrel_core::{
    Event,
    chain::{Cadence, Chain, Genesis, Origin, Subsecond},
    config::{Config, StaticPeer},
    fork::{CarriedFork, Family, Fork, Forks, Version},
    peer::PeerId,
    sign::Key,
};
use petrel_node::{
    command::devnet::BlockBuilder,
    identity::Identity,
    identity::IdentitySource,
    network::{self, DriverResources},
    network::{NetworkConfig, SecurityProtocol},
    store::{Store, StoreBudget},
};
use tokio::sync::{
    mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
    oneshot,
};

use crate::{forge, ports, process::DEADLINE};

/// The time between blocks with Denim.
const DENIM: Duration = Duration::from_millis(200);
/// gossipsub builds its mesh at a heartbeat, every half second.
const MESH: Duration = Duration::from_millis(1500);
/// Maximum age of a block for nodes that must accept every block of a test.
const ANY_AGE: Duration = Duration::from_secs(3600);

/// The time since 1970.
///
/// # Panics
/// The clock is before 1970.
#[must_use]
pub fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970")
}

/// A chain whose block 0 was `age` ago, without a signer.
fn test_chain(forks: Forks, interval: Duration, age: Duration) -> Chain {
    let genesis = Genesis { number: 0, hash: [7; 32].into(), time: (unix() - age).as_secs() };
    Chain {
        id: 90_221_199,
        name: "test".to_owned(),
        slug: None,
        l1: Some(900),
        cadence: Cadence::constant(0, genesis.time, interval).expect("an interval"),
        subsecond: Subsecond::BaseTime,
        certain: true,
        genesis,
        forks,
        signer: None,
        system_config: None,
        fees: None,
        origin: Origin::Rollup,
    }
}

/// A chain that is ten minutes old, with all forks up to `fork` active, whose blocks [`forge::key`]`(1)` signs.
///
/// # Panics
/// The interval is none.
#[must_use]
pub fn chain(fork: Fork, block_secs: u64) -> Chain {
    test_chain(Forks::all_until(fork), Duration::from_secs(block_secs), Duration::from_secs(600))
}

/// The static peer at this address.
///
/// # Panics
/// The address does not end with a peer id.
#[must_use]
pub fn static_peer(address: &str) -> StaticPeer {
    let peer: libp2p::PeerId = id(address).parse().expect("an address ends with a peer id");
    StaticPeer { peer: PeerId::from_bytes(&peer.to_bytes()).expect("a peer id"), addresses: vec![address.to_owned()] }
}

/// The peer id at the end of an address.
#[must_use]
pub fn id(address: &str) -> &str {
    address.rsplit('/').next().unwrap_or_default()
}

/// When a sequencer builds its blocks.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// Each when it is due, from the time when a peer has joined all topics.
    WhenDue,
    /// One after each of these intervals, with or without peers.
    Every(Duration),
}

/// See the module. It stops when it is dropped.
#[derive(Debug)]
pub struct Sequencer {
    config: Config,
    maker: Arc<Mutex<BlockBuilder>>,
    pace: Pace,
    stores: bool,
    identity: String,
    security: Vec<SecurityProtocol>,
    /// Its port at the next start.
    pub ip: Ipv4Addr,
    port: u16,
    running: Option<Running>,
    /// Its address, also after it was stopped.
    pub address: String,
}

#[derive(Debug)]
struct Running {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Sequencer {
    /// A sequencer of a new chain with one-second blocks, not started.
    ///
    /// # Panics
    /// Never: the chain is valid.
    #[must_use]
    pub fn new(security: SecurityProtocol) -> Self {
        let chain = test_chain(Forks::all_until(Fork::Jovian), Duration::from_secs(1), Duration::ZERO);
        Self { security: vec![security], ..Self::of(chain, forge::key(1), 3_000, "33") }
    }

    /// The same, started.
    #[must_use]
    pub fn started() -> Self {
        let mut sequencer = Self::new(SecurityProtocol::Noise);
        sequencer.start();
        sequencer
    }

    /// A started sequencer of a chain with Base's forks up to Denim: five blocks a second.
    ///
    /// # Panics
    /// Never: the chain is valid.
    #[must_use]
    pub fn denim() -> Self {
        let mut forks = Forks::all_until(Fork::Jovian);
        for name in Family::OF_BASE.into_iter().take_while(|name| *name != "zenith") {
            assert!(forks.carry(CarriedFork { name: name.to_owned(), time: 0, family: Family::Base }), "{name}");
        }
        let mut sequencer = Self::of(test_chain(forks, DENIM, Duration::ZERO), forge::key(1), 3_000, "33");
        sequencer.start();
        sequencer
    }

    /// A started sequencer that serves its blocks: ten blocks of 50 kB a second, of a chain with one-second blocks in the past. After
    /// six minutes its blocks are in the future, and nobody accepts them.
    #[must_use]
    pub fn with_history() -> Self {
        let interval = Duration::from_secs(1);
        let chain = test_chain(Forks::all_until(Fork::Jovian), interval, Duration::from_secs(3_400));
        let mut sequencer = Self::of(chain, forge::key(1), 50_000, "33");
        (sequencer.pace, sequencer.stores) = (Pace::Every(Duration::from_millis(100)), true);
        sequencer.config.max_age = ANY_AGE;
        (sequencer.config.sync.limits.all, sequencer.config.sync.limits.peer) = (None, None);
        sequencer.start();
        sequencer
    }

    /// Another started sequencer of the same chain, with a key that is not the chain's signer. It keeps dialling a relay.
    #[must_use]
    pub fn hostile(&self, relay: &str) -> Self {
        let chain = Chain { signer: None, ..self.config.chain.clone() };
        let mut hostile = Self::of(chain, forge::key(2), 3_000, "44");
        hostile.config.static_peers = vec![static_peer(relay)];
        hostile.start();
        hostile
    }

    fn of(mut chain: Chain, key: Key, block_bytes: usize, identity: &str) -> Self {
        chain.signer = Some(key.address());
        Self {
            config: Config::new(chain.clone()),
            maker: Arc::new(Mutex::new(BlockBuilder::new(chain, key, block_bytes))),
            pace: Pace::WhenDue,
            stores: false,
            identity: identity.repeat(32),
            security: vec![SecurityProtocol::Noise],
            ip: Ipv4Addr::LOCALHOST,
            port: ports::tcp(),
            running: None,
            address: String::new(),
        }
    }

    /// Its chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.config.chain
    }

    /// The signer of its chain.
    ///
    /// # Panics
    /// Never: its chain has a signer.
    #[must_use]
    pub fn signer(&self) -> Address {
        self.config.signer.expect("the chain has one")
    }

    /// A configuration for nodes that follow its chain.
    #[must_use]
    pub fn config(&self) -> Config {
        Config { static_peers: Vec::new(), ..self.config.clone() }
    }

    /// Writes its chain's `rollup.json`, as op-node has it without the signer, to a folder. Returns its path and the signer.
    ///
    /// # Panics
    /// The file cannot be written.
    #[must_use]
    pub fn files(&self, folder: &Path) -> (PathBuf, String) {
        let file = folder.join("rollup.json");
        let chain = Chain { signer: None, ..self.config.chain.clone() };
        fs::write(&file, chain.to_rollup_json().to_string()).expect("the folder is there");
        (file, self.signer().to_string())
    }

    /// Starts it, or restarts it at the same address.
    ///
    /// # Panics
    /// It cannot listen.
    pub fn start(&mut self) {
        let listen = format!("/ip4/{}/tcp/{}", self.ip, self.port).parse().expect("a multiaddr");
        let store = self.stores.then(|| Store::in_memory(self.chain(), StoreBudget::default()).expect("memory"));
        let identity = IdentitySource::Raw(self.identity.clone().into());
        let (found, address) = channel();
        let setup = Setup {
            identity: Identity::open(&identity).expect("a key"),
            topics: self.chain().open_topics(unix().as_secs()).count(),
            config: self.config.clone(),
            net: NetworkConfig { security: self.security.clone(), ..NetworkConfig::new(vec![listen], "test") },
            body: DriverResources { store, ..DriverResources::default() },
            notices: Notices { listening: Some(found), ..Notices::default() },
        };
        let (stop, stopped) = oneshot::channel();
        let blocks = Blocks::Built(self.maker.clone(), self.pace);
        let thread = thread::spawn(move || run(setup, blocks, stopped));
        self.address = address.recv().expect("it listens");
        self.running = Some(Running { stop, thread });
    }

    /// Ends its connections and its listener.
    ///
    /// # Panics
    /// It is not running.
    pub fn stop(&mut self) {
        let Running { stop, thread } = self.running.take().expect("it runs");
        stop.send(()).expect("it runs");
        thread.join().expect("it ends by itself");
    }
}

/// See the module. It stops when it is dropped.
#[derive(Debug)]
pub struct Publisher {
    blocks: UnboundedSender<(Version, Vec<u8>)>,
    id: String,
    _stop: oneshot::Sender<()>,
}

impl Publisher {
    /// Its peer id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Connects to the relay and waits until the relay has joined the topics. [`forge::key`]`(1)` must sign the blocks.
    ///
    /// # Panics
    /// The relay cannot be reached.
    #[must_use]
    pub fn connect(chain: &Chain, relay: &str) -> Self {
        let mut config = Config::new(chain.clone());
        config.signer = Some(forge::key(1).address());
        config.max_age = ANY_AGE;
        config.static_peers = vec![static_peer(relay)];
        let (ready, joined) = channel();
        let identity = Identity::generate();
        let id = identity.keypair.public().to_peer_id().to_string();
        let setup = Setup {
            identity,
            topics: Version::ALL.len(),
            config,
            net: NetworkConfig::new(Vec::new(), "sequencer"),
            body: DriverResources::default(),
            notices: Notices { joined: Some(ready), publishes_all: true, ..Notices::default() },
        };
        let (blocks, due) = unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        thread::spawn(move || run(setup, Blocks::Given(due), stopped));
        joined.recv_timeout(DEADLINE).expect("the relay joins the topics");
        thread::sleep(MESH);
        Self { blocks, id, _stop: stop }
    }

    /// Publishes an uncompressed message.
    ///
    /// # Panics
    /// Its own validation has rejected a message, or the relay disconnected.
    pub fn publish(&self, version: Version, message: Vec<u8>) {
        self.blocks.send((version, message)).expect("it runs");
    }
}

/// The parts of a Driver, and the receivers of its events.
struct Setup {
    config: Config,
    identity: Identity,
    net: NetworkConfig,
    body: DriverResources,
    /// The number of topics that a peer has joined when it is ready for blocks.
    topics: usize,
    notices: Notices,
}

#[derive(Default)]
struct Notices {
    listening: Option<Sender<String>>,
    joined: Option<Sender<()>>,
    /// Whether a block that cannot be published causes a panic.
    publishes_all: bool,
}

impl Notices {
    /// Forwards an event; returns how many topics a peer has joined by it.
    fn take(&self, event: Event) -> usize {
        match event {
            Event::Listening(listening) => {
                // The receiver waits for the first address only.
                let _not_waited_for = self.listening.as_ref().map(|found| found.send(listening.address));
                0
            }
            Event::TopicJoined(_) => 1,
            Event::PublishFailed(failed) if self.publishes_all => panic!("{failed:?}"),
            _ => 0,
        }
    }
}

/// The source of blocks.
enum Blocks {
    Built(Arc<Mutex<BlockBuilder>>, Pace),
    Given(UnboundedReceiver<(Version, Vec<u8>)>),
}

impl Blocks {
    /// The next block; `None` at the end. Dropping the future before it is ready loses no block.
    async fn next(&mut self, last: Instant, somebody_listens: bool) -> Option<(Version, Vec<u8>)> {
        let (maker, pace) = match self {
            Self::Given(blocks) => return blocks.recv().await,
            Self::Built(maker, pace) => (maker, *pace),
        };
        match pace {
            Pace::Every(interval) => tokio::time::sleep_until((last + interval).into()).await,
            Pace::WhenDue if somebody_listens => {
                let due = Duration::from_millis(maker.lock().expect("one thread").due_ms());
                tokio::time::sleep(due.saturating_sub(unix())).await;
            }
            Pace::WhenDue => std::future::pending().await,
        }
        let made = maker.lock().expect("one thread").build().expect("within the limits");
        Some((made.version, made.message))
    }
}

/// Runs a Driver until it is stopped or has published its last block.
fn run(setup: Setup, mut blocks: Blocks, mut stopped: oneshot::Receiver<()>) {
    let Setup { config, identity, net, body, topics, notices } = setup;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
    runtime.block_on(async {
        let config = config.settle().expect("a right configuration");
        let mut driver = network::build_driver(&identity, config, &net, body).expect("it listens");
        let (mut joined, mut last) = (0, Instant::now());
        loop {
            tokio::select! {
                event = driver.next() => {
                    let Some(event) = event else { return };
                    let more = notices.take(event);
                    joined += more;
                    if let Some(ready) = notices.joined.as_ref().filter(|_| more > 0 && joined == topics) {
                        ready.send(()).expect("it is waited for");
                    }
                }
                block = blocks.next(last, joined >= topics) => {
                    let Some((version, message)) = block else { return };
                    last = Instant::now();
                    driver.publish(version, message.into());
                }
                _ = &mut stopped => return,
            }
        }
    });
    runtime.shutdown_background();
}
