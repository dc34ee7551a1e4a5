//! Forwards and publishes messages: always to the mesh, to leaves within their budget (see
//! [`Leaves`](super::super::leaves::Leaves)).

use bytes::Bytes;
use libp2p::{PeerId as Libp2pPeer, core::ConnectedPoint, swarm::ConnectionId};

use crate::{
    event::{Event, PublishFailed},
    fault::Acceptance,
    fork::Version,
    message::MessageId,
    net::{Host, convert, driver::Driver, gossip::Gossipsub},
    node::Input,
    peer::PeerId,
};

impl<H: Host> Driver<H> {
    /// Reports the result of a validation to gossipsub, which then forwards a valid message.
    pub(super) fn report(&mut self, id: MessageId, peer: PeerId, acceptance: Acceptance) {
        let bytes = self.sizes.take(&id);
        let Some(peer) = convert::libp2p_peer(peer) else { return };
        let (id, result) = (convert::gossipsub_id(id), convert::acceptance(acceptance));
        let known = match acceptance {
            Acceptance::Accept => {
                self.forward(bytes, |gossip| gossip.report_message_validation_result(&id, &peer, result))
            }
            Acceptance::Charge | Acceptance::Ignore => {
                self.gossip().report_message_validation_result(&id, &peer, result)
            }
        };
        tracing::trace!(%id, ?acceptance, known, "validated");
    }

    /// Publishes a message of this node.
    pub(super) fn publish_gossip(&mut self, version: Version, data: Bytes) {
        let topic = self.transform.topic(version).clone();
        // Only gossipsub knows the compressed length; the uncompressed one is almost always an upper bound.
        if let Err(error) = self.forward(data.len(), |gossip| gossip.publish(topic, data)) {
            self.events.push_back(Event::PublishFailed(PublishFailed { version, error: error.to_string() }));
        }
    }

    /// A connection was established, the `count`th open one of its peer. The peer's first connection decides whether it
    /// is a leaf, until it has no connection: bytes are counted only on connections of leaves. A leaf keeps only its newest
    /// connection. A connection that would change a node into a leaf, or a leaf into a node, is closed.
    pub(super) fn on_peer_connection(
        &mut self,
        peer: Libp2pPeer,
        id: ConnectionId,
        endpoint: &ConnectedPoint,
        count: u32,
    ) {
        let is_leaf = convert::is_leaf(endpoint);
        let older = self.leaves.connection(&peer);
        if count > 1 && is_leaf != older.is_some() {
            self.swarm.close_connection(id);
            return;
        }
        if !is_leaf {
            return;
        }
        if let Some(older) = older {
            self.swarm.close_connection(older);
        }
        self.gossip().add_explicit_peer(&peer);
        if let Some(queue) = self.send_queues.get(&peer) {
            self.leaves.add(peer, id, queue, self.host.now().mono);
        }
    }

    /// A peer has no connection any more. An explicit peer is removed, because gossipsub redials explicit peers.
    pub(super) fn on_peer_disconnected(&mut self, peer: &Libp2pPeer) {
        self.gossip().remove_explicit_peer(peer);
        self.leaves.remove(peer);
    }

    /// Lets gossipsub send a message of this length in bytes. Leaves that do not get it are not explicit peers during
    /// the call; no heartbeat runs meanwhile, so they are not grafted into the mesh.
    fn forward<T>(&mut self, bytes: usize, send: impl FnOnce(&mut Gossipsub) -> T) -> T {
        let plan = self.leaves.forward(bytes, self.host.now().mono);
        if !plan.skipped.is_empty() {
            let leaves = plan.skipped.len();
            tracing::warn!(
                leaves,
                bytes,
                "too many bytes are queued for browsers; some do not get this block by gossip"
            );
        }
        let excluded = plan.skipped.iter().chain(&plan.slow);
        for peer in excluded.clone() {
            self.gossip().remove_explicit_peer(peer);
        }
        let sent = send(self.gossip());
        for peer in excluded {
            self.gossip().add_explicit_peer(peer);
        }
        let stalled = plan.slow.iter().filter_map(convert::peer).map(|peer| Input::SendStalled { peer });
        self.pending_inputs.extend(stalled);
        sent
    }
}
