//! Leaves: most are plain gossipsub peers that count message ids, some verify every block as a tab does.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, mpsc::Sender},
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    Multiaddr,
    gossipsub::{self, MessageId},
    identity::Keypair,
    swarm::SwarmEvent,
};
use petrel_core::{
    Event,
    chain::Chain,
    config::{Config, StaticPeer},
    event::Via,
    fork::Fork,
    peer::PeerId,
};
use petrel_node::{
    identity::Identity,
    network::NetworkConfig,
    network::transport::{self, TrafficCounters},
    network::{self, DriverResources},
};
use petrel_tests::{forge, plain_gossipsub};

/// Number of cached message ids: the id of a message is computed once for all leaves of this process.
const CACHED: usize = 16;

/// An event of a leaf, with the leaf's name and the time.
#[derive(Debug)]
pub(crate) struct LeafEvent {
    pub(crate) leaf: usize,
    pub(crate) at: Instant,
    pub(crate) kind: LeafEventKind,
}

/// See [`LeafEvent`].
#[derive(Debug)]
pub(crate) enum LeafEventKind {
    /// The leaf has seen the relay join the topic.
    Joined,
    /// A message arrived.
    Message(MessageId),
    /// A block was verified.
    Block(u64, Via),
    /// A dial failed; it tries again.
    Failed(String),
    /// The connection ended.
    Closed(String),
}

/// The data of messages and their ids, oldest first.
type Known = VecDeque<(Vec<u8>, MessageId)>;

/// A cache of message ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ids(Arc<Mutex<Known>>);

impl Ids {
    fn of(&self, message: &gossipsub::Message) -> MessageId {
        let known = |ids: &Known| ids.iter().find(|(data, _)| *data == message.data).map(|(_, id)| id.clone());
        if let Some(id) = known(&self.0.lock().unwrap()) {
            return id;
        }
        let id = plain_gossipsub::id(message);
        let mut ids = self.0.lock().unwrap();
        ids.push_back((message.data.clone(), id.clone()));
        if ids.len() > CACHED {
            ids.pop_front();
        }
        id
    }
}

/// A leaf: its relay, and the receiver of its events.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) name: usize,
    pub(crate) relay: String,
    pub(crate) sender: Sender<LeafEvent>,
}

impl Leaf {
    fn emit(&self, kind: LeafEventKind) {
        let _over = self.sender.send(LeafEvent { leaf: self.name, at: Instant::now(), kind });
    }

    /// Runs a leaf that counts message ids, over the daemon's own transports.
    pub(crate) async fn count(self, topic: String, ids: Ids) {
        let identity = Keypair::generate_secp256k1();
        let transport =
            transport::build(&identity, &NetworkConfig::new(Vec::new(), "leaf"), &TrafficCounters::default()).unwrap();
        let mut swarm = plain_gossipsub::over(transport, &identity, &topic, move |message| ids.of(message));
        let relay: Multiaddr = self.relay.parse().unwrap();
        swarm.dial(relay.clone()).unwrap();
        loop {
            match swarm.select_next_some().await {
                SwarmEvent::Behaviour(gossipsub::Event::Subscribed { topic: joined, .. })
                    if joined.as_str() == topic =>
                {
                    self.emit(LeafEventKind::Joined);
                }
                SwarmEvent::Behaviour(gossipsub::Event::Message { message_id, .. }) => {
                    self.emit(LeafEventKind::Message(message_id));
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => {
                    self.emit(LeafEventKind::Failed(error.to_string()));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    swarm.dial(relay.clone()).unwrap();
                }
                SwarmEvent::ConnectionClosed { cause, .. } => self.emit(LeafEventKind::Closed(format!("{cause:?}"))),
                _ => {}
            }
        }
    }

    /// Runs a leaf that verifies blocks as a tab does: a Driver of the core, which redials when its connection ends.
    pub(crate) async fn verify(self, chain: Chain) {
        let mut config = Config::new(chain);
        config.signer = Some(forge::key(1).address());
        let peer: libp2p::PeerId = self.relay.rsplit('/').next().unwrap().parse().unwrap();
        let peer = PeerId::from_bytes(&peer.to_bytes()).unwrap();
        config.static_peers = vec![StaticPeer { peer, addresses: vec![self.relay.clone()] }];
        let net = NetworkConfig::new(Vec::new(), "leaf");
        let mut driver =
            network::build_driver(&Identity::generate(), config.settle().unwrap(), &net, DriverResources::default())
                .unwrap();
        while let Some(event) = driver.next().await {
            match event {
                Event::TopicJoined(change) if change.version == Fork::Jovian.version() => {
                    self.emit(LeafEventKind::Joined)
                }
                Event::Block(block) => self.emit(LeafEventKind::Block(block.block.payload.number(), block.via)),
                Event::DialFailed(failed) => self.emit(LeafEventKind::Failed(failed.error)),
                Event::Disconnected(gone) => self.emit(LeafEventKind::Closed(gone.reason)),
                _ => {}
            }
        }
    }
}
