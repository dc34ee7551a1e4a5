//! Messages that go out: to the mesh always, to leaves within their budget; see [`Leaves`](super::super::leaves::Leaves).

use bytes::Bytes;
use libp2p::{PeerId as Libp2pPeer, core::ConnectedPoint, gossipsub, swarm::ConnectionId};

use crate::{
    event::{Event, PublishFailed},
    fault::Acceptance,
    fork::Version,
    message::MessageId,
    net::{Host, convert, driver::Driver, ingest::transform::Transform},
    node::Input,
    peer::PeerId,
};

type Gossip = gossipsub::Behaviour<Transform, gossipsub::WhitelistSubscriptionFilter>;

impl<H: Host> Driver<H> {
    pub(super) fn judge(&mut self, id: MessageId, peer: PeerId, acceptance: Acceptance) {
        let bytes = self.sizes.take(&id);
        let Some(peer) = convert::libp2p_peer(peer) else { return };
        let (id, told) = (convert::gossipsub_id(id), convert::acceptance(acceptance));
        let known = match acceptance {
            Acceptance::Accept => {
                self.forward(bytes, |gossip| gossip.report_message_validation_result(&id, &peer, told))
            }
            Acceptance::Charge | Acceptance::Ignore => self.gossip().report_message_validation_result(&id, &peer, told),
        };
        tracing::trace!(%id, ?acceptance, known, "judged");
    }

    pub(super) fn gossip_out(&mut self, version: Version, data: Bytes) {
        let topic = self.transform.topic(version).clone();
        // Its length on the wire is known to gossipsub alone, and hardly ever more.
        if let Err(error) = self.forward(data.len(), |gossip| gossip.publish(topic, data)) {
            self.events.push_back(Event::PublishFailed(PublishFailed { version, error: error.to_string() }));
        }
    }

    /// A peer has a connection, the `count`th of those that are open. It is a leaf or none by its first one, until it has none:
    /// what is written to a leaf is counted on its own connections alone. A leaf has one connection, the newest; one that makes a
    /// leaf of a node, or the other way round, is closed.
    pub(super) fn leaf_came(&mut self, peer: Libp2pPeer, id: ConnectionId, endpoint: &ConnectedPoint, count: u32) {
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
        if let Some(meter) = self.meters.of(&peer) {
            self.leaves.come(peer, id, meter, self.host.now().mono);
        }
    }

    /// A peer has no connection any more. Without this gossipsub would redial a leaf that left.
    pub(super) fn leaf_went(&mut self, peer: &Libp2pPeer) {
        self.gossip().remove_explicit_peer(peer);
        self.leaves.go(peer);
    }

    /// Lets gossipsub send a message of so many bytes; leaves that are not to get it are no explicit peers for that long. No
    /// heartbeat comes between, so that none is taken into the mesh.
    fn forward<T>(&mut self, bytes: usize, send: impl FnOnce(&mut Gossip) -> T) -> T {
        let fates = self.leaves.forward(bytes, self.host.now().mono);
        if !fates.passed.is_empty() {
            let leaves = fates.passed.len();
            tracing::warn!(leaves, bytes, "too much waits for browsers: so many do not get this block by gossip");
        }
        let left_out = fates.passed.iter().chain(&fates.slow);
        for peer in left_out.clone() {
            self.gossip().remove_explicit_peer(peer);
        }
        let sent = send(self.gossip());
        for peer in left_out {
            self.gossip().add_explicit_peer(peer);
        }
        let stalled = fates.slow.iter().filter_map(convert::peer).map(|peer| Input::SendStalled { peer });
        self.pending_inputs.extend(stalled);
        sent
    }
}
