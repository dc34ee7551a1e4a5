//! gossipsub for the topics of one chain, and which peers subscribe to topics of another one.
//!
//! gossipsub drops a subscription that its filter refuses, without an event: a node with a wrong chain id would have peers
//! and hear nothing, and its operator would not learn why. So the filter notes the first other chain that an RPC names,
//! and the behaviour reports it with the RPC's sender.
//!
//! Bound: one entry and one event for each connected peer, until its last connection ends.

use core::task::{Context, Poll};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    gossipsub::{self, MessageAuthenticity, TopicHash, TopicSubscriptionFilter},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm,
    },
};

use crate::{
    chain::Chain,
    net::ingest::{topics::Topics, transform::Transform},
};

/// gossipsub with this crate's transform and filter.
pub(super) type Gossipsub = gossipsub::Behaviour<Transform, ChainFilter>;

/// See the file comment.
pub(super) struct ChainGossip {
    pub(super) gossipsub: Gossipsub,
    named: NamedChain,
    /// Connected peers whose other chain was reported.
    reported: BTreeSet<PeerId>,
    events: VecDeque<(PeerId, u64)>,
}

/// An event of [`ChainGossip`].
#[derive(Debug)]
pub(super) enum GossipEvent {
    /// An event of gossipsub.
    Gossipsub(gossipsub::Event),
    /// A peer subscribed to a topic of another chain.
    OtherChain { peer: PeerId, chain: u64 },
}

impl ChainGossip {
    /// It is subscribed to no topic yet.
    ///
    /// # Errors
    /// gossipsub refuses its configuration.
    pub(super) fn new(chain: &Chain, settings: gossipsub::Config, transform: &Transform) -> Result<Self, &'static str> {
        let named = NamedChain::default();
        let filter = ChainFilter { chain: chain.id, topics: Topics::new(chain), named: named.clone() };
        let gossipsub = Gossipsub::new_with_subscription_filter_and_transform(
            MessageAuthenticity::Anonymous,
            settings,
            filter,
            transform.clone(),
        )?;
        Ok(Self { gossipsub, named, reported: BTreeSet::new(), events: VecDeque::new() })
    }
}

/// The first other chain that the current RPC names. Clones share it.
#[derive(Clone, Debug, Default)]
struct NamedChain(Arc<Mutex<Option<u64>>>);

impl NamedChain {
    fn note(&self, chain: u64) {
        self.lock().get_or_insert(chain);
    }

    fn take(&self) -> Option<u64> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Accepts subscriptions to the topics of the chain, and notes another chain.
#[derive(Debug)]
pub(super) struct ChainFilter {
    chain: u64,
    topics: Topics,
    named: NamedChain,
}

impl TopicSubscriptionFilter for ChainFilter {
    fn can_subscribe(&mut self, topic: &TopicHash) -> bool {
        let is_ours = self.topics.version(topic).is_some();
        let other = || Chain::id_in_topic(topic.as_str()).filter(|chain| *chain != self.chain);
        if !is_ours && let Some(chain) = other() {
            self.named.note(chain);
        }
        is_ours
    }
}

impl NetworkBehaviour for ChainGossip {
    type ConnectionHandler = <Gossipsub as NetworkBehaviour>::ConnectionHandler;
    type ToSwarm = GossipEvent;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.gossipsub.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.gossipsub.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        self.gossipsub.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port_use: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.gossipsub.handle_established_outbound_connection(id, peer, address, role, port_use)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        if let FromSwarm::ConnectionClosed(closed) = &event
            && closed.remaining_established == 0
            && self.reported.remove(&closed.peer_id)
        {
            self.events.retain(|(peer, _)| *peer != closed.peer_id);
        }
        self.gossipsub.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.gossipsub.on_connection_handler_event(peer, id, event);
        if let Some(chain) = self.named.take()
            && self.reported.insert(peer)
        {
            self.events.push_back((peer, chain));
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<ToSwarm<GossipEvent, THandlerInEvent<Self>>> {
        if let Some((peer, chain)) = self.events.pop_front() {
            return Poll::Ready(ToSwarm::GenerateEvent(GossipEvent::OtherChain { peer, chain }));
        }
        self.gossipsub.poll(context).map(|event| event.map_out(GossipEvent::Gossipsub))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_other_chain_of_an_rpc_is_noted_and_only_topics_of_the_chain_are_accepted() {
        let chain = Chain::preset("op-mainnet").expect("a preset");
        let named = NamedChain::default();
        let mut filter = ChainFilter { chain: chain.id, topics: Topics::new(&chain), named: named.clone() };
        let mut accepts = |topic: &str| filter.can_subscribe(&TopicHash::from_raw(topic));
        assert!(accepts("/optimism/10/3/blocks"));
        // A later version of the chain's own topic is no other chain.
        assert!(!accepts("/optimism/10/4/blocks") && !accepts("/eth2/beacon_block"));
        assert_eq!(named.take(), None);
        assert!(!accepts("/optimism/8453/3/blocks") && !accepts("/optimism/130/3/blocks"));
        assert_eq!((named.take(), named.take()), (Some(8453), None));
    }
}
