//! A sequencer of ours: a Driver on TCP that knows one relay, judges what it is given and publishes it.

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use petrel_core::{Event, chain::{Cadence, Chain, Genesis, Origin, Subsecond}, config::{Config, StaticPeer}, fork::{Fork, Forks, Version}, peer::PeerId};
use petrel_node::{cli::settings::Net, daemon, identity::Identity};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::forge;

/// Longer than a connection takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(180);

/// A chain on which every fork up to `fork` is active, whose blocks `forge::key(1)` signs.
#[must_use]
pub fn chain(fork: Fork, block_time: u64) -> Chain {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    let genesis = Genesis { number: 0, hash: [7; 32].into(), time: now.as_secs() - 600 };
    Chain {
        id: 90_221_200,
        name: "test".to_owned(),
        slug: None,
        l1: Some(900),
        cadence: Cadence::constant(0, genesis.time, Duration::from_secs(block_time)).expect("an interval"),
        subsecond: Subsecond::BaseTime,
        certain: true,
        genesis,
        forks: Forks::all_until(fork),
        signer: None,
        system_config: None,
        origin: Origin::Rollup,
    }
}

/// Ends when it is dropped.
#[derive(Debug)]
pub struct Sequencer {
    blocks: UnboundedSender<(Version, Vec<u8>)>,
}

impl Sequencer {
    /// Connects to the relay and waits until its gossip listens.
    ///
    /// # Panics
    /// The relay is not there.
    #[must_use]
    pub fn start(chain: &Chain, relay: &str) -> Self {
        let (blocks, mut due) = unbounded_channel::<(Version, Vec<u8>)>();
        let (ready, joined) = std::sync::mpsc::channel();
        let config = config(chain, relay);
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                let mut driver = daemon::driver(
                    &Identity::generate(),
                    config.settle().unwrap(),
                    &Net::new(Vec::new(), "sequencer"),
                    daemon::Body::default(),
                )
                .unwrap();
                let mut topics = 0;
                loop {
                    tokio::select! {
                        event = driver.next() => match event {
                            Some(Event::TopicJoined(_)) => {
                                topics += 1;
                                if topics == 4 { let _gone = ready.send(()); }
                            }
                            Some(Event::PublishFailed(failed)) => panic!("{failed:?}"),
                            Some(_) => {}
                            None => return,
                        },
                        block = due.recv() => match block {
                            Some((version, message)) => driver.publish(version, message.into()),
                            None => return,
                        },
                    }
                }
            });
            runtime.shutdown_background();
        });
        joined.recv_timeout(PATIENCE).expect("the relay joins the topics");
        // The mesh is built by the heartbeat, every half second.
        thread::sleep(Duration::from_millis(1500));
        Self { blocks }
    }

    /// Publishes an uncompressed message.
    ///
    /// # Panics
    /// Its own rules refuse the message, or the relay is gone.
    pub fn publish(&self, version: Version, message: Vec<u8>) {
        self.blocks.send((version, message)).unwrap();
    }
}

fn config(chain: &Chain, relay: &str) -> Config {
    let mut config = Config::new(chain.clone());
    config.signer = Some(forge::key(1).address());
    // Whatever a test gives it.
    config.max_age = Duration::from_secs(3600);
    let peer: libp2p::PeerId = relay.rsplit('/').next().unwrap().parse().unwrap();
    let peer = PeerId::from_bytes(&peer.to_bytes()).unwrap();
    config.static_peers = vec![StaticPeer { peer, addresses: vec![relay.to_owned()] }];
    config
}
