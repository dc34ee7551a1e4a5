//! A relay and its leaves, in one process: the daemon's own Drivers and transports over loopback, each in a task of its own, and
//! what they have told.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::mpsc::{Receiver, Sender},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use futures::StreamExt;
use petrel_core::{
    Event,
    chain::Chain,
    config::{Config, Settled, StaticPeer},
    event::Via,
    fork::Fork,
    net::Driver,
    peer::PeerId,
};
use petrel_node::{
    command::devnet::BlockBuilder,
    host::TokioHost,
    identity::Identity,
    network::NetworkConfig,
    network::{self, DriverResources},
};
use tokio::runtime::Runtime;

use crate::forge;

/// Longer than anything takes on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(180);
/// The relay among those who tell; leaves count from 0.
pub const RELAY: usize = usize::MAX;

/// Who tells an event, and the event.
pub type Report = (usize, Event);

/// What was told so far.
#[derive(Debug, Default)]
pub struct Observed {
    /// Where the relay listens, as it came.
    pub addresses: Vec<String>,
    /// Peers of whom the relay knows that they gossip the blocks' topic.
    pub met: BTreeSet<PeerId>,
    /// Blocks that came by gossip, by leaf.
    pub blocks: BTreeMap<usize, BTreeSet<u64>>,
    /// Blocks that leaves had to fetch.
    pub fetched: usize,
    /// Connections that ended: who tells, and the reason.
    pub ended: Vec<(usize, String)>,
}

impl Observed {
    /// The addresses with `part` in them.
    pub fn at<'a>(&'a self, part: &'a str) -> impl Iterator<Item = &'a String> {
        self.addresses.iter().filter(move |address| address.contains(part))
    }

    fn note(&mut self, (name, event): Report) {
        match event {
            Event::Listening(listening) if name == RELAY => self.addresses.push(listening.address),
            Event::TopicJoined(change) if name == RELAY && change.version == Fork::Jovian.version() => {
                self.met.insert(change.peer);
            }
            Event::Block(block) if name != RELAY && block.via == Via::Gossip => {
                self.blocks.entry(name).or_default().insert(block.block.payload.number());
            }
            Event::Block(_) if name != RELAY => self.fetched += 1,
            Event::Disconnected(gone) => self.ended.push((name, gone.reason)),
            _ => {}
        }
    }

    /// Takes what is told for so long.
    pub fn take(&mut self, told: &Receiver<Report>, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(event) = told.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.note(event);
        }
    }

    /// Takes what is told until it is `done`.
    ///
    /// # Panics
    /// That does not come.
    pub fn until(&mut self, told: &Receiver<Report>, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !done(self) {
            assert!(Instant::now() < end, "{what} did not come");
            self.take(told, Duration::from_millis(20));
        }
    }
}

/// Whoever follows the chain whose blocks `forge::key(1)` signs, at `relay` if there is one.
///
/// # Panics
/// `relay` ends with no peer id.
#[must_use]
pub fn settled(chain: &Chain, relay: Option<&str>, change: impl FnOnce(&mut Config)) -> Settled {
    let mut config = Config::new(chain.clone());
    config.signer = Some(forge::key(1).address());
    config.max_age = Duration::from_secs(3600);
    let known = |relay: &str| {
        let peer = PeerId::from_bytes(&id(relay).to_bytes()).expect("a peer id");
        StaticPeer { peer, addresses: vec![relay.to_owned()] }
    };
    config.static_peers = relay.into_iter().map(known).collect();
    change(&mut config);
    config.settle().expect("a right configuration")
}

/// The peer id at the end of an address.
///
/// # Panics
/// There is none.
#[must_use]
pub fn id(relay: &str) -> libp2p::PeerId {
    relay.rsplit('/').next().and_then(|id| id.parse().ok()).expect("it ends with a peer id")
}

/// Lives in a task until nobody listens; `look` sees it after each event.
///
/// # Panics
/// It cannot listen.
pub fn start(
    runtime: &Runtime,
    config: Settled,
    net: NetworkConfig,
    (name, tell): (usize, &Sender<Report>),
    look: impl Fn(&Driver<TokioHost>) + Send + 'static,
) -> PeerId {
    let (identity, tell) = (Identity::generate(), tell.clone());
    let peer = PeerId::from_bytes(&identity.keypair.public().to_peer_id().to_bytes()).expect("a peer id");
    runtime.spawn(async move {
        let mut driver =
            network::build_driver(&identity, config, &net, DriverResources::default()).expect("it listens");
        while let Some(event) = driver.next().await {
            look(&driver);
            if tell.send((name, event)).is_err() {
                return;
            }
        }
    });
    // Handshakes one after the other.
    thread::sleep(Duration::from_millis(20));
    peer
}

/// Makes blocks from 1001 on, old enough to come faster than they are due.
///
/// # Panics
/// The clock is before 1970.
#[must_use]
pub fn maker(chain: &Chain, blocks: u64, bytes: usize) -> BlockBuilder {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    let interval = chain.cadence.interval_at(now * 1000);
    let age = interval * u32::try_from(blocks + 1).expect("few blocks");
    BlockBuilder::new(forge::begun(chain, 1000, now - age.as_secs(), interval), forge::key(1), bytes)
}
