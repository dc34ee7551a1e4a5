//! Leaves: most are plain gossipsub that counts message ids, some verify every block as a tab does.

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

/// Messages whose ids are remembered: a block is there once for all leaves of this process.
const REMEMBERED: usize = 16;

/// What a leaf tells, with its name and when.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) leaf: usize,
    pub(crate) at: Instant,
    pub(crate) what: What,
}

/// See [`Told`].
#[derive(Debug)]
pub(crate) enum What {
    /// It knows that the relay has joined the topic.
    Joined,
    /// A message came.
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

/// Message ids, made once for each message.
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
        if ids.len() > REMEMBERED {
            ids.pop_front();
        }
        id
    }
}

/// Whom a leaf knows, and whom it tells.
#[derive(Clone)]
pub(crate) struct Leaf {
    pub(crate) name: usize,
    pub(crate) relay: String,
    pub(crate) tell: Sender<Told>,
}

impl Leaf {
    fn tell(&self, what: What) {
        let _over = self.tell.send(Told { leaf: self.name, at: Instant::now(), what });
    }

    /// Counts message ids, on whatever the daemon's own transports dial.
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
                    self.tell(What::Joined);
                }
                SwarmEvent::Behaviour(gossipsub::Event::Message { message_id, .. }) => {
                    self.tell(What::Message(message_id));
                }
                SwarmEvent::OutgoingConnectionError { error, .. } => {
                    self.tell(What::Failed(error.to_string()));
                    tokio::time::sleep(Duration::from_secs(1)).await;
                    swarm.dial(relay.clone()).unwrap();
                }
                SwarmEvent::ConnectionClosed { cause, .. } => self.tell(What::Closed(format!("{cause:?}"))),
                _ => {}
            }
        }
    }

    /// Verifies, as a tab does: by the core's own Driver, which dials again when it is left.
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
                Event::TopicJoined(change) if change.version == Fork::Jovian.version() => self.tell(What::Joined),
                Event::Block(block) => self.tell(What::Block(block.block.payload.number(), block.via)),
                Event::DialFailed(failed) => self.tell(What::Failed(failed.error)),
                Event::Disconnected(gone) => self.tell(What::Closed(gone.reason)),
                _ => {}
            }
        }
    }
}
