//! Limits on the number of all connections, and of those of one peer.
//!
//! libp2p's own behaviour for it (libp2p-connection-limits 0.7.0) keeps an entry of 200 bytes for each peer that was ever connected:
//! a flood of new keys, a hundred a second, would fill the memory with 70 MB an hour.

use core::{
    convert::Infallible,
    fmt,
    task::{Context, Poll},
};
use std::collections::BTreeSet;

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm, dummy,
    },
};

use super::keyed_counts::KeyedCounts;

/// The limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::net) struct SwarmBounds {
    /// Maximum concurrent inbound handshakes.
    pub(in crate::net) pending_inbound: usize,
    /// Maximum concurrent outbound dials.
    pub(in crate::net) pending_outbound: usize,
    /// Maximum inbound connections.
    pub(in crate::net) inbound: usize,
    /// Maximum connections of one peer, in both directions.
    pub(in crate::net) per_peer: usize,
}

/// The limits, and the connections that count.
#[derive(Debug)]
pub(in crate::net) struct SwarmLimits {
    bounds: SwarmBounds,
    pending_inbound: BTreeSet<ConnectionId>,
    pending_outbound: BTreeSet<ConnectionId>,
    inbound: BTreeSet<ConnectionId>,
    peers: KeyedCounts<PeerId>,
}

/// A limit is reached.
#[derive(Debug)]
pub(in crate::net) struct TooManyConnections(usize, &'static str);

impl fmt::Display for TooManyConnections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection limit exceeded: at most {} {} are allowed", self.0, self.1)
    }
}

impl core::error::Error for TooManyConnections {}

/// Refuses one connection more than `bound`.
fn check(count: usize, bound: usize, kind: &'static str) -> Result<(), ConnectionDenied> {
    if count < bound { Ok(()) } else { Err(ConnectionDenied::new(TooManyConnections(bound, kind))) }
}

impl SwarmLimits {
    pub(in crate::net) fn new(bounds: SwarmBounds) -> Self {
        Self {
            bounds,
            pending_inbound: BTreeSet::new(),
            pending_outbound: BTreeSet::new(),
            inbound: BTreeSet::new(),
            peers: KeyedCounts::default(),
        }
    }

    fn check_peer(&self, peer: PeerId) -> Result<(), ConnectionDenied> {
        check(self.peers.count(peer), self.bounds.per_peer, "established connections per peer")
    }

    fn on_established(&mut self, id: ConnectionId, peer: PeerId, endpoint: &ConnectedPoint) {
        if endpoint.is_listener() {
            self.inbound.insert(id);
        }
        self.peers.add(id, peer);
    }

    fn on_closed(&mut self, id: ConnectionId) {
        self.inbound.remove(&id);
        self.peers.remove(id);
    }
}

impl NetworkBehaviour for SwarmLimits {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        check(self.pending_inbound.len(), self.bounds.pending_inbound, "pending incoming connections")?;
        self.pending_inbound.insert(id);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending_inbound.remove(&id);
        check(self.inbound.len(), self.bounds.inbound, "established incoming connections")?;
        self.check_peer(peer)?;
        Ok(dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        _: Option<PeerId>,
        _: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        check(self.pending_outbound.len(), self.bounds.pending_outbound, "pending outgoing connections")?;
        self.pending_outbound.insert(id);
        Ok(Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.pending_outbound.remove(&id);
        self.check_peer(peer)?;
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(new) => self.on_established(new.connection_id, new.peer_id, new.endpoint),
            FromSwarm::ConnectionClosed(closed) => self.on_closed(closed.connection_id),
            FromSwarm::DialFailure(failed) => {
                self.pending_outbound.remove(&failed.connection_id);
            }
            FromSwarm::ListenFailure(failed) => {
                self.pending_inbound.remove(&failed.connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: SwarmBounds = SwarmBounds { pending_inbound: 2, pending_outbound: 2, inbound: 2, per_peer: 1 };

    fn at(address: &str) -> Multiaddr {
        address.parse().unwrap()
    }

    fn connect(limits: &mut SwarmLimits, id: usize, peer: PeerId) -> bool {
        let (id, local, remote) =
            (ConnectionId::new_unchecked(id), at("/ip4/0.0.0.0/tcp/9222"), at("/ip4/8.8.8.8/tcp/1"));
        let is_allowed = limits.handle_pending_inbound_connection(id, &local, &remote).is_ok()
            && limits.handle_established_inbound_connection(id, peer, &local, &remote).is_ok();
        if is_allowed {
            limits.on_established(id, peer, &ConnectedPoint::Listener { local_addr: local, send_back_addr: remote });
        }
        is_allowed
    }

    #[test]
    fn peers_that_are_gone_take_no_memory() {
        let mut limits = SwarmLimits::new(BOUNDS);
        for id in 0..1000 {
            assert!(connect(&mut limits, id, PeerId::random()));
            limits.on_closed(ConnectionId::new_unchecked(id));
        }
        assert_eq!((limits.peers.keys(), limits.inbound.len(), limits.pending_inbound.len()), (0, 0, 0));
    }

    #[test]
    fn inbound_connections_and_those_of_one_peer_are_limited() {
        let mut limits = SwarmLimits::new(BOUNDS);
        let peer = PeerId::random();
        assert!(connect(&mut limits, 1, peer));
        assert!(!connect(&mut limits, 2, peer), "a second one of the same peer");
        assert!(connect(&mut limits, 3, PeerId::random()));
        assert!(!connect(&mut limits, 4, PeerId::random()), "a third one");
        limits.on_closed(ConnectionId::new_unchecked(1));
        assert!(connect(&mut limits, 5, peer));
    }

    #[test]
    fn concurrent_handshakes_and_dials_are_limited() {
        let mut limits = SwarmLimits::new(BOUNDS);
        let address = at("/ip4/8.8.8.8/tcp/1");
        for id in 0..3 {
            let id = ConnectionId::new_unchecked(id);
            let inbound = limits.handle_pending_inbound_connection(id, &address, &address).is_ok();
            let outbound = limits.handle_pending_outbound_connection(id, None, &[], Endpoint::Dialer).is_ok();
            assert_eq!((inbound, outbound), (id < ConnectionId::new_unchecked(2), id < ConnectionId::new_unchecked(2)));
        }
    }
}
