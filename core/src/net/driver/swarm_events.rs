//! Turns the swarm's events into inputs of the node.

use libp2p::{
    Multiaddr, gossipsub, identify, ping,
    swarm::{ConnectionId, SwarmEvent},
};

use crate::{
    net::{Host, behaviour::BehaviourEvent, connection_errors, convert, driver::Driver, gossip::GossipEvent},
    node::Input,
    peer_store::PeerStore,
};

impl<H: Host> Driver<H> {
    /// Handles one event of the swarm.
    pub(super) fn handle_swarm_event(&mut self, event: SwarmEvent<BehaviourEvent>) {
        match event {
            SwarmEvent::Behaviour(event) => self.handle_behaviour_event(event),
            SwarmEvent::ConnectionEstablished {
                peer_id,
                connection_id,
                endpoint,
                num_established,
                concurrent_dial_errors,
                ..
            } => {
                self.on_peer_connection(peer_id, connection_id, &endpoint, num_established.get());
                if let (1, Some(peer)) = (num_established.get(), convert::peer(&peer_id)) {
                    let tried =
                        connection_errors::failed_attempts(concurrent_dial_errors.as_deref().unwrap_or_default());
                    self.feed(Input::Connected(convert::connected(peer, &endpoint, tried)));
                }
            }
            SwarmEvent::ConnectionClosed { peer_id, num_established: 0, cause, .. } => {
                self.on_peer_disconnected(&peer_id);
                if let Some(peer) = convert::peer(&peer_id) {
                    let reason = cause.map_or_else(|| "closed".to_owned(), |cause| cause.to_string());
                    self.feed(Input::Disconnected { peer, reason });
                }
            }
            SwarmEvent::OutgoingConnectionError { peer_id, error, .. } => {
                let own = self.local_peer();
                if let Some(address) = connection_errors::shared_key_dialled(&error, own) {
                    self.shared_key(address.to_string());
                }
                if let Some(peer) = peer_id.as_ref().and_then(convert::peer) {
                    self.feed(Input::DialFailed { peer, error: connection_errors::dial_error(&error) });
                }
            }
            SwarmEvent::IncomingConnectionError { send_back_addr, error, .. } => {
                let cause = connection_errors::root_cause(&error);
                tracing::debug!(address = %send_back_addr, cause, "an inbound connection failed");
                if connection_errors::shared_key_accepted(&error).is_some() {
                    self.shared_key(send_back_addr.to_string());
                }
            }
            SwarmEvent::NewListenAddr { address, .. } => {
                let address = self.with_peer(address);
                self.feed(Input::Listening { address });
            }
            SwarmEvent::ExpiredListenAddr { address, .. } => {
                let address = self.with_peer(address);
                self.feed(Input::ListenEnded { address });
            }
            SwarmEvent::ListenerError { error, .. } => tracing::warn!(%error, "a listener had an error and continues"),
            SwarmEvent::ListenerClosed { addresses, reason: Err(error), .. } => {
                tracing::error!(?addresses, %error, "a listener closed");
                for address in addresses {
                    let address = self.with_peer(address);
                    self.feed(Input::ListenEnded { address });
                }
            }
            _ => {}
        }
    }

    fn handle_behaviour_event(&mut self, event: BehaviourEvent) {
        match event {
            BehaviourEvent::Gossip(GossipEvent::Gossipsub(event)) => self.handle_gossip_event(event),
            BehaviourEvent::Gossip(GossipEvent::OtherChain { peer, chain }) => {
                tracing::debug!(%peer, chain, "a peer subscribes to topics of another chain");
                if let Some(peer) = convert::peer(&peer) {
                    self.feed(Input::OtherChain { peer, chain });
                }
            }
            BehaviourEvent::Identify(identify::Event::Received { peer_id, info, .. }) => {
                if let Some(peer) = convert::peer(&peer_id) {
                    let addresses =
                        info.listen_addrs.iter().take(PeerStore::ADDRESSES).map(ToString::to_string).collect();
                    let seen = Some(info.observed_addr.to_string());
                    self.feed(Input::Identified { peer, agent: info.agent_version, addresses, seen });
                }
            }
            BehaviourEvent::RangeClient(event) => self.handle_range_client(event),
            BehaviourEvent::RangeServer(event) => self.handle_range_server(event),
            #[cfg(feature = "autonat")]
            BehaviourEvent::DialBack(reachable) => self.feed(Input::Reachable(reachable)),
            BehaviourEvent::Ping(ping::Event { peer, connection, result: Err(error) }) => {
                self.ping_failed(&peer, connection, &error);
            }
            _ => {}
        }
    }

    fn handle_gossip_event(&mut self, event: gossipsub::Event) {
        match event {
            gossipsub::Event::Message { propagation_source, message_id, message } => {
                let version = self.transform.version(&message.topic);
                let ids = (convert::peer(&propagation_source), convert::message_id(&message_id));
                let message = self.transform.message(&message);
                if let (Some(version), (Some(peer), Some(id))) = (version, ids) {
                    self.sizes.add(id, message.wire);
                    self.feed(Input::Gossiped { peer, id, version, message });
                }
            }
            gossipsub::Event::Subscribed { peer_id, topic, .. } => self.on_subscription(&peer_id, &topic, true),
            gossipsub::Event::Unsubscribed { peer_id, topic } => self.on_subscription(&peer_id, &topic, false),
            gossipsub::Event::SlowPeer { peer_id, failed_messages } => {
                tracing::debug!(peer = %peer_id, ?failed_messages, "a peer does not accept messages in time");
                if let Some(peer) = convert::peer(&peer_id) {
                    self.feed(Input::Slow { peer });
                }
            }
            gossipsub::Event::GossipsubNotSupported { peer_id } => {
                tracing::debug!(peer = %peer_id, "a peer does not support gossipsub");
            }
        }
    }

    fn on_subscription(&mut self, peer: &libp2p::PeerId, topic: &gossipsub::TopicHash, joined: bool) {
        if let (Some(peer), Some(version)) = (convert::peer(peer), self.transform.version(topic)) {
            self.feed(Input::Topic { peer, version, joined });
        }
    }

    /// Closes a connection without an answer to a ping: it no longer works, even if TCP has not noticed. A peer that does not
    /// support ping stays connected.
    fn ping_failed(&mut self, peer: &libp2p::PeerId, connection: ConnectionId, error: &ping::Failure) {
        if !matches!(error, ping::Failure::Unsupported) {
            tracing::debug!(%peer, %error, "ping failed, closing the connection");
            self.swarm.close_connection(connection);
        }
    }

    /// The address as text, with this node's peer id at its end.
    fn with_peer(&self, address: Multiaddr) -> String {
        address.with_p2p(self.local_peer()).unwrap_or_else(|address| address).to_string()
    }

    fn shared_key(&mut self, address: String) {
        self.feed(Input::SharedKey { address });
    }
}
