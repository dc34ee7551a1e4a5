//! Peers that connect and disconnect: leaves over WebSocket, inbound peers with invalid messages, and connections that send nothing.

use std::{
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use futures::StreamExt;
use libp2p::{
    Multiaddr,
    gossipsub::{self, IdentTopic},
    multiaddr::Protocol,
    swarm::SwarmEvent,
};
use petrel_core::{
    Event,
    chain::Chain,
    config::{Config, StaticPeer},
    fork::Fork,
    peer::PeerId,
};
use petrel_node::{identity::Identity, network, network::NetworkConfig};
use petrel_tests::{
    forge::{self, compress, noise},
    plain_gossipsub,
};

/// Time for which each peer stays connected.
const VISIT: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    leaves: AtomicU64,
    leaf_blocks: AtomicU64,
    inbound_peers: AtomicU64,
    half_open: AtomicU64,
}

/// See the module.
pub(crate) struct Load {
    counts: Arc<Counts>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(chain: &Chain, tcp: &str, ws: &str) -> Self {
        let counts = Arc::new(Counts::default());
        let threads = vec![
            repeat(&counts, {
                let (chain, ws) = (chain.clone(), ws.to_owned());
                async move |counts: &Counts| leaf(&chain, &ws, counts).await
            }),
            repeat(&counts, {
                let (topic, tcp) = (chain.topic(Fork::Jovian.version()), tcp.parse().unwrap());
                async move |counts: &Counts| inbound_peer(&topic, &tcp, counts).await
            }),
            repeat(&counts, {
                let tcp: Multiaddr = tcp.parse().unwrap();
                async move |counts: &Counts| half_open(&tcp, counts).await
            }),
        ];
        Self { counts, threads }
    }

    /// Ends the load. Returns a summary.
    pub(crate) fn end(self) -> String {
        self.counts.stop.store(true, Ordering::Relaxed);
        for thread in self.threads {
            thread.join().unwrap();
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Counts { leaves, leaf_blocks, inbound_peers, half_open, .. } = &*self.counts;
        format!(
            "{} leaves got {} blocks, {} inbound peers sent invalid messages, {} connections sent nothing",
            count(leaves),
            count(leaf_blocks),
            count(inbound_peers),
            count(half_open)
        )
    }
}

/// Runs one visit after the other until the end.
fn repeat(counts: &Arc<Counts>, visit: impl AsyncFn(&Counts) + Send + 'static) -> JoinHandle<()> {
    let counts = counts.clone();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        while !counts.stop.load(Ordering::Relaxed) {
            runtime.block_on(async {
                let _over = tokio::time::timeout(VISIT, visit(&counts)).await;
            });
        }
        runtime.shutdown_background();
    })
}

/// A Driver over WebSocket, like a browser.
async fn leaf(chain: &Chain, relay: &str, counts: &Counts) {
    let mut config = Config::new(chain.clone());
    config.signer = Some(forge::key(1).address());
    let peer: libp2p::PeerId = relay.rsplit('/').next().unwrap().parse().unwrap();
    let peer = PeerId::from_bytes(&peer.to_bytes()).unwrap();
    config.static_peers = vec![StaticPeer { peer, addresses: vec![relay.to_owned()] }];
    let net = NetworkConfig::new(Vec::new(), "leaf");
    let mut driver = network::build_driver(
        &Identity::generate(),
        config.settle().unwrap(),
        &net,
        network::DriverResources::default(),
    )
    .unwrap();
    counts.leaves.fetch_add(1, Ordering::Relaxed);
    while let Some(event) = driver.next().await {
        counts.leaf_blocks.fetch_add(u64::from(matches!(event, Event::Block(_))), Ordering::Relaxed);
    }
}

/// A plain gossipsub peer that sends invalid messages until it is disconnected.
async fn inbound_peer(topic: &str, relay: &Multiaddr, counts: &Counts) {
    let mut swarm = plain_gossipsub::swarm(topic);
    swarm.dial(relay.clone()).unwrap();
    let visit = counts.inbound_peers.fetch_add(1, Ordering::Relaxed);
    let mut sent = 0;
    loop {
        if let SwarmEvent::Behaviour(gossipsub::Event::Subscribed { .. }) = swarm.select_next_some().await {
            for _ in 0..10 {
                sent += 1;
                let garbage = compress(&noise(visit << 16 | sent, 20_000));
                // An error before the mesh is built.
                let _early = swarm.behaviour_mut().publish(IdentTopic::new(topic), garbage);
            }
        }
    }
}

/// Connections that send nothing.
async fn half_open(relay: &Multiaddr, counts: &Counts) {
    let port = relay.iter().find_map(|part| if let Protocol::Tcp(port) = part { Some(port) } else { None }).unwrap();
    let open: Vec<_> = (0..10).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
    counts.half_open.fetch_add(open.len() as u64, Ordering::Relaxed);
    tokio::time::sleep(VISIT).await;
}
