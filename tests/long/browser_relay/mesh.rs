//! Two peers in the daemon's mesh: plain libp2p over TCP, connected to the daemon only. One publishes; the other receives the messages
//! through the daemon and records their times. Both sample their mesh once a second.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::StreamExt;
use libp2p::{
    PeerId, Swarm,
    gossipsub::{self, IdentTopic, MessageId, TopicHash},
    swarm::SwarmEvent,
};
use petrel_tests::plain_gossipsub;
use tokio::{
    runtime::Runtime,
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};

use super::relay::Relay;

/// The measurements of one peer.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// The numbers of samples with the daemon in its mesh, and without.
    meshed: AtomicU64,
    apart: AtomicU64,
    /// Connections that ended.
    closed: AtomicU64,
    /// Received messages and their times.
    deliveries: Mutex<Vec<(MessageId, Instant)>>,
}

impl Link {
    /// The numbers of samples with the daemon in the mesh, of samples without, of ended connections, and of received messages.
    pub(crate) fn seen(&self) -> [u64; 4] {
        let [meshed, apart, closed] =
            [&self.meshed, &self.apart, &self.closed].map(|counter| counter.load(Ordering::Relaxed));
        [meshed, apart, closed, self.deliveries.lock().unwrap().len() as u64]
    }

    /// The received messages and their times.
    pub(crate) fn deliveries(&self) -> Vec<(MessageId, Instant)> {
        self.deliveries.lock().unwrap().clone()
    }
}

/// See the module.
pub(crate) struct Mesh {
    blocks: UnboundedSender<Vec<u8>>,
    pub(crate) links: [Arc<Link>; 2],
}

impl Mesh {
    /// Connects both, and waits until the daemon is in their meshes.
    pub(crate) fn join(relay: &Relay, runtime: &Runtime) -> Self {
        let (blocks, due) = unbounded_channel();
        let (silent, nothing) = unbounded_channel();
        let links = [due, nothing].map(|due| {
            let link = Arc::<Link>::default();
            let peer: PeerId = relay.tcp.rsplit('/').next().unwrap().parse().unwrap();
            let (topic, tcp, shared) = (relay.topic(), relay.tcp.clone(), link.clone());
            runtime.spawn(async move {
                let mut swarm = plain_gossipsub::swarm(&topic);
                swarm.dial(tcp.parse::<libp2p::Multiaddr>().unwrap()).unwrap();
                run(swarm, &topic, peer, due, &shared).await;
            });
            link
        });
        // The second peer publishes nothing; its channel must stay open until the runtime ends.
        std::mem::forget(silent);
        while links.iter().any(|link| link.seen()[0] == 0) {
            std::thread::sleep(Duration::from_millis(100));
        }
        Self { blocks, links }
    }

    /// Gossips a compressed message.
    pub(crate) fn publish(&self, wire: Vec<u8>) {
        self.blocks.send(wire).unwrap();
    }
}

async fn run(
    mut swarm: Swarm<gossipsub::Behaviour>,
    topic: &str,
    daemon: PeerId,
    mut due: UnboundedReceiver<Vec<u8>>,
    link: &Link,
) {
    let hash = TopicHash::from_raw(topic);
    let mut looks = tokio::time::interval(Duration::from_secs(1));
    let count = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed);
    loop {
        tokio::select! {
            event = swarm.select_next_some() => match event {
                SwarmEvent::Behaviour(gossipsub::Event::Message { message_id, .. }) => {
                    link.deliveries.lock().unwrap().push((message_id, Instant::now()));
                }
                SwarmEvent::ConnectionClosed { .. } => drop(count(&link.closed)),
                _ => {}
            },
            block = due.recv() => match block {
                Some(block) => drop(swarm.behaviour_mut().publish(IdentTopic::new(topic), block).unwrap()),
                None => return,
            },
            _ = looks.tick() => {
                let meshed = swarm.behaviour().mesh_peers(&hash).any(|peer| *peer == daemon);
                count(if meshed { &link.meshed } else { &link.apart });
            }
        }
    }
}
