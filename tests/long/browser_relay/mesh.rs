//! Two peers of the daemon's mesh: plain libp2p over TCP, which know only the daemon. One publishes; the other gets by it
//! what the first has published, and notes when. Both look at their mesh once a second.

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

/// What one of them saw.
#[derive(Debug, Default)]
pub(crate) struct Link {
    /// Looks at which the daemon was in its mesh, and at which it was not.
    meshed: AtomicU64,
    apart: AtomicU64,
    /// Connections that ended.
    closed: AtomicU64,
    /// Messages that came, and when.
    deliveries: Mutex<Vec<(MessageId, Instant)>>,
}

impl Link {
    /// Looks with the daemon in the mesh, looks without, connections that ended, messages that came.
    pub(crate) fn seen(&self) -> [u64; 4] {
        let [meshed, apart, closed] =
            [&self.meshed, &self.apart, &self.closed].map(|counter| counter.load(Ordering::Relaxed));
        [meshed, apart, closed, self.deliveries.lock().unwrap().len() as u64]
    }

    /// The messages that came, and when.
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
            let (topic, tcp, told) = (relay.topic(), relay.tcp.clone(), link.clone());
            runtime.spawn(async move {
                let mut swarm = plain_gossipsub::swarm(&topic);
                swarm.dial(tcp.parse::<libp2p::Multiaddr>().unwrap()).unwrap();
                live(swarm, &topic, peer, due, &told).await;
            });
            link
        });
        // The second one publishes nothing, as long as the runtime lives.
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

async fn live(
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
