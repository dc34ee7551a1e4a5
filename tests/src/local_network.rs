//! A relay and its leaves in one process: the daemon's own Drivers and transports over loopback, each in its own task, and the
//! events that they emit.

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

/// Deadline of a condition: longer than any condition takes on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(180);
/// The name of the relay in a [`Report`]; leaves are numbered from 0.
pub const RELAY: usize = usize::MAX;

/// The name of a node, and an event that it emitted.
pub type Report = (usize, Event);

/// What the events so far have reported.
#[derive(Debug, Default)]
pub struct Observed {
    /// The addresses on which the relay listens, in the order of their events.
    pub addresses: Vec<String>,
    /// Peers that the relay has seen join the topic of the blocks.
    pub met: BTreeSet<PeerId>,
    /// Numbers of the blocks that arrived by gossip, by leaf.
    pub blocks: BTreeMap<usize, BTreeSet<u64>>,
    /// Number of blocks that leaves fetched.
    pub fetched: usize,
    /// Connections that ended: the node that reported it, and the reason.
    pub ended: Vec<(usize, String)>,
}

impl Observed {
    /// The addresses that contain `part`.
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

    /// Reads reports for `time`.
    pub fn take(&mut self, reports: &Receiver<Report>, time: Duration) {
        let end = Instant::now() + time;
        while let Ok(event) = reports.recv_timeout(end.saturating_duration_since(Instant::now())) {
            self.note(event);
        }
    }

    /// Reads reports until `done` returns `true`.
    ///
    /// # Panics
    /// `done` does not return `true` within [`DEADLINE`].
    pub fn until(&mut self, reports: &Receiver<Report>, what: &str, done: impl Fn(&Self) -> bool) {
        let end = Instant::now() + DEADLINE;
        while !done(self) {
            assert!(Instant::now() < end, "{what} did not come");
            self.take(reports, Duration::from_millis(20));
        }
    }
}

/// The configuration of a node that follows a chain whose blocks `forge::key(1)` signs, with `relay` as static peer if given.
///
/// # Panics
/// `relay` does not end with a peer id.
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
/// The address does not end with one.
#[must_use]
pub fn id(relay: &str) -> libp2p::PeerId {
    relay.rsplit('/').next().and_then(|id| id.parse().ok()).expect("it ends with a peer id")
}

/// Runs a Driver in a task until the receiver is dropped; `look` is called after each event.
///
/// # Panics
/// It cannot listen.
pub fn start(
    runtime: &Runtime,
    config: Settled,
    net: NetworkConfig,
    (name, sender): (usize, &Sender<Report>),
    look: impl Fn(&Driver<TokioHost>) + Send + 'static,
) -> PeerId {
    let (identity, sender) = (Identity::generate(), sender.clone());
    let peer = PeerId::from_bytes(&identity.keypair.public().to_peer_id().to_bytes()).expect("a peer id");
    runtime.spawn(async move {
        let mut driver =
            network::build_driver(&identity, config, &net, DriverResources::default()).expect("it listens");
        while let Some(event) = driver.next().await {
            look(&driver);
            if sender.send((name, event)).is_err() {
                return;
            }
        }
    });
    // So that the handshakes of several nodes do not all start at once.
    thread::sleep(Duration::from_millis(20));
    peer
}

/// A builder of `blocks` blocks from number 1001 on. The chain is old enough that all of them are due already.
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
