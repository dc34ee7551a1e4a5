//! A sequencer in the test's own process: a chain of one-second blocks, or of Denim's, gossiped over TCP by a node that can be
//! stopped and started again at the same address.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, mpsc::channel},
    thread::{self, JoinHandle},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use petrel_core::{Event, chain::{Cadence, Chain, Genesis, Origin, Subsecond}, config::{Config, StaticPeer}, fork::{CarriedFork, Family, Fork, Forks}, peer::PeerId, sign::Key};
use petrel_node::{
    cli::settings::{IdentitySource, Net, Security},
    command::devnet::Maker,
    daemon,
    identity::Identity,
};
use tokio::sync::oneshot;

/// See the module.
pub(crate) struct Sequencer {
    maker: Arc<Mutex<Maker>>,
    config: Config,
    identity: String,
    security: Vec<Security>,
    /// Where it listens when it is started next.
    pub(crate) ip: Ipv4Addr,
    port: u16,
    running: Option<(oneshot::Sender<()>, JoinHandle<()>)>,
    /// Its address while and after it runs.
    pub(crate) address: String,
}

/// The time between blocks with Denim.
const DENIM: Duration = Duration::from_millis(200);

impl Sequencer {
    /// A new chain; nothing runs yet.
    pub(crate) fn new(security: Security) -> Self {
        Self::with(Forks::all_until(Fork::Jovian), Duration::from_secs(1), security)
    }

    /// One that runs, of a chain of Base's kind with Denim: five blocks a second.
    pub(crate) fn quick() -> Self {
        let mut forks = Forks::all_until(Fork::Jovian);
        for name in Family::OF_BASE.into_iter().take_while(|name| *name != "zenith") {
            assert!(forks.carry(CarriedFork { name: name.to_owned(), time: 0, family: Family::Base }));
        }
        let mut sequencer = Self::with(forks, DENIM, Security::Noise);
        sequencer.start();
        sequencer
    }

    fn with(forks: Forks, interval: Duration, security: Security) -> Self {
        let key = Key::from_bytes(&[1; 32]).unwrap();
        let genesis = Genesis { number: 0, hash: [7; 32].into(), time: now() };
        let chain = Chain {
            id: 90_221_199,
            name: "test".to_owned(),
            slug: None,
            l1: Some(900),
            cadence: Cadence::constant(0, genesis.time, interval).unwrap(),
            subsecond: Subsecond::BaseTime,
            certain: true,
            genesis,
            forks,
            signer: Some(key.address()),
            system_config: None,
            origin: Origin::Rollup,
        };
        Self::of(chain, key, "33", security)
    }

    fn of(chain: Chain, key: Key, identity: &str, security: Security) -> Self {
        Self {
            config: Config::new(chain.clone()),
            maker: Arc::new(Mutex::new(Maker::new(chain, key, 3_000))),
            identity: identity.repeat(32),
            security: vec![security],
            ip: Ipv4Addr::LOCALHOST,
            port: 0,
            running: None,
            address: String::new(),
        }
    }

    /// One that runs.
    pub(crate) fn started() -> Self {
        let mut sequencer = Self::new(Security::Noise);
        sequencer.start();
        sequencer
    }

    /// Another one that runs, of the same chain with a key that is not its signer's, and dials a relay for ever.
    pub(crate) fn hostile(&self, relay: &str) -> Self {
        let key = Key::from_bytes(&[2; 32]).unwrap();
        let chain = Chain { signer: Some(key.address()), ..self.config.chain.clone() };
        let mut hostile = Self::of(chain, key, "44", Security::Noise);
        let peer: libp2p::PeerId = relay.rsplit('/').next().unwrap().parse().unwrap();
        let peer = PeerId::from_bytes(&peer.to_bytes()).unwrap();
        hostile.config.static_peers = vec![StaticPeer { peer, addresses: vec![relay.to_owned()] }];
        hostile.start();
        hostile
    }

    /// Its chain, for whoever follows it.
    pub(crate) fn config(&self) -> Config {
        Config { statics: Vec::new(), ..self.config.clone() }
    }

    /// Its chain's `rollup.json` in a folder, without the signer as op-node has it, and the signer.
    pub(crate) fn files(&self, folder: &Path) -> (PathBuf, String) {
        let file = folder.join("rollup.json");
        let chain = Chain { signer: None, ..self.config.chain.clone() };
        fs::write(&file, chain.to_rollup_json().to_string()).unwrap();
        (file, self.config.signer.unwrap().to_string())
    }

    /// Starts it, or starts it again where it was.
    pub(crate) fn start(&mut self) {
        let (stop, stopped) = oneshot::channel();
        let (found, address) = channel();
        let (maker, config, identity) = (self.maker.clone(), self.config.clone(), self.identity.clone());
        let listen = vec![format!("/ip4/{}/tcp/{}", self.ip, self.port).parse().unwrap()];
        let net = Net { security: self.security.clone(), ..Net::new(listen, "test") };
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let identity = Identity::open(&IdentitySource::Raw(identity)).unwrap();
                let mut driver =
                    daemon::driver(&identity, config.settle().unwrap(), &net, daemon::Body::default()).unwrap();
                let (mut joined, mut stopped) = (0, stopped);
                // Whoever is ready for blocks has joined all topics that are open.
                let topics = maker.lock().unwrap().chain().open_topics(now()).count();
                loop {
                    let due = Duration::from_millis(maker.lock().unwrap().due_ms()).saturating_sub(unix());
                    tokio::select! {
                        event = driver.next() => match event {
                            Some(Event::Listening(listening)) => found.send(listening.address).unwrap(),
                            Some(Event::TopicJoined(_)) => joined += 1,
                            Some(_) => {}
                            None => return,
                        },
                        () = tokio::time::sleep(due), if joined >= topics => {
                            let made = maker.lock().unwrap().make().unwrap();
                            driver.publish(made.version, made.message.into());
                        }
                        _ = &mut stopped => return,
                    }
                }
            });
            runtime.shutdown_background();
        });
        self.address = address.recv().unwrap();
        self.port = self.address.split('/').nth(4).unwrap().parse().unwrap();
        self.running = Some((stop, thread));
    }

    /// Ends its connections and its listener.
    pub(crate) fn stop(&mut self) {
        let (stop, thread) = self.running.take().unwrap();
        stop.send(()).unwrap();
        thread.join().unwrap();
    }
}

fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

pub(crate) fn now() -> u64 {
    unix().as_secs()
}
