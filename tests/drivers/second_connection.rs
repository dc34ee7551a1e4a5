//! A peer that connects more than once. A browser has one connection, and a peer cannot be a browser and a node at the same time.
//! Queued bytes for leaves are counted on connections of leaves only.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::mpsc::channel,
    time::Duration,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr, Swarm,
    identity::Keypair,
    swarm::{
        self, ConnectionId, SwarmEvent,
        dial_opts::{DialOpts, PeerCondition},
        dummy,
    },
};
use petrel_core::fork::Fork;
use petrel_node::{
    network::NetworkConfig,
    network::transport::{self, TrafficCounters},
};
use petrel_tests::{
    local_network::{self, DEADLINE, Observed, RELAY, id},
    sequencer,
};

/// Time without an event after which the connections are stable.
const QUIET: Duration = Duration::from_millis(500);

/// A peer, and its connections in the order of their establishment.
struct Twice {
    swarm: Swarm<dummy::Behaviour>,
    open: VecDeque<ConnectionId>,
}

impl Twice {
    fn new() -> Self {
        let identity = Keypair::generate_secp256k1();
        let transport =
            transport::build(&identity, &NetworkConfig::new(Vec::new(), "twice"), &TrafficCounters::default()).unwrap();
        let config = swarm::Config::with_tokio_executor().with_idle_connection_timeout(3 * DEADLINE);
        let swarm = Swarm::new(transport, dummy::Behaviour, identity.public().to_peer_id(), config);
        Self { swarm, open: VecDeque::new() }
    }

    /// Dials, and waits until `count` of its connections are open and stable. Returns these connections.
    async fn dial(&mut self, address: &str, count: usize) -> BTreeSet<ConnectionId> {
        let address: Multiaddr = address.parse().unwrap();
        let dial = DialOpts::peer_id(id(&address.to_string())).addresses(vec![address]);
        self.swarm.dial(dial.condition(PeerCondition::Always).build()).unwrap();
        let before = self.open.len();
        let mut gone = BTreeSet::new();
        loop {
            let came = self.open.len() > before;
            let done = came && self.open.iter().filter(|open| !gone.contains(*open)).count() == count;
            match tokio::time::timeout(if done { QUIET } else { DEADLINE }, self.swarm.select_next_some()).await {
                Ok(SwarmEvent::ConnectionEstablished { connection_id, .. }) => self.open.push_back(connection_id),
                Ok(SwarmEvent::ConnectionClosed { connection_id, .. }) => _ = gone.insert(connection_id),
                Ok(_) => {}
                Err(_) => {
                    assert!(
                        done,
                        "it did not connect, or other connections stayed open: {:?} without {gone:?}",
                        self.open
                    );
                    self.open.retain(|open| !gone.contains(open));
                    return self.open.iter().copied().collect();
                }
            }
        }
    }
}

#[test]
fn a_leaf_has_one_connection_and_stays_a_leaf() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let (sender, reports) = channel();
    let chain = sequencer::chain(Fork::Jovian, 1);
    let listen = ["/ip4/127.0.0.1/tcp/0", "/ip4/127.0.0.1/tcp/0/ws"];
    let net = NetworkConfig::new(listen.map(|address| address.parse().unwrap()).to_vec(), "relay");
    local_network::start(&runtime, local_network::settled(&chain, None, |_| {}), net, (RELAY, &sender), |_| {});
    let mut seen = Observed::default();
    seen.until(&reports, "two addresses", |seen| seen.addresses.len() == 2);
    let ws = seen.at("/ws").next().unwrap().clone();
    let tcp = seen.addresses.iter().find(|address| !address.contains("/ws")).unwrap().clone();

    let _open = runtime.block_on(async {
        let mut leaf = Twice::new();
        let first = leaf.dial(&ws, 1).await;
        assert_eq!(leaf.dial(&tcp, 1).await, first, "a leaf is no node");
        let second = leaf.dial(&ws, 1).await;
        assert!(second != first, "the newest stays: {first:?} {second:?}");

        let mut node = Twice::new();
        let first = node.dial(&tcp, 1).await;
        assert_eq!(node.dial(&ws, 1).await, first, "a node is no leaf");
        node.dial(&tcp, 2).await;
        (leaf, node)
    });
    seen.take(&reports, Duration::from_millis(100));
    assert!(seen.ended.is_empty(), "no peer lost its last connection: {:?}", seen.ended);
    runtime.shutdown_background();
}
