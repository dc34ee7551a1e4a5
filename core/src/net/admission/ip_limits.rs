//! Connection limits by IP prefix: a public address may have a limited number of concurrent handshakes and of leaves.
//!
//! The prefix is one address of IPv4, and a /64 of IPv6; for leaves there is also a limit of the network, /24 and /48.
//! Private addresses have no limit, because many peers may use
//! one: behind a proxy or in a local network. Bounded by the limits of the swarm (`swarm_limits`).

use core::{
    convert::Infallible,
    fmt,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm, dummy,
    },
};

use super::keyed_counts::KeyedCounts;
use crate::{
    address::{is_public, network_of},
    ban::BanTarget,
    net::convert,
};

/// The limits of each prefix, and the connections that count.
#[derive(Debug)]
pub(in crate::net) struct IpLimits {
    /// Maximum handshakes of one prefix at once.
    pending_max: usize,
    /// Maximum leaves of one prefix.
    leaves_max: usize,
    /// Maximum leaves of one network.
    network_leaves_max: usize,
    pending: KeyedCounts<BanTarget>,
    leaves: KeyedCounts<BanTarget>,
    network_leaves: KeyedCounts<BanTarget>,
}

/// A prefix has reached a limit.
#[derive(Debug)]
pub(in crate::net) struct TooManyFromPrefix(BanTarget, &'static str);

impl fmt::Display for TooManyFromPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has reached the limit of {}", self.0, self.1)
    }
}

impl core::error::Error for TooManyFromPrefix {}

impl IpLimits {
    /// Limits of one prefix: concurrent handshakes, and leaves; and of one network: leaves.
    pub(in crate::net) fn new(pending_max: usize, leaves_max: usize, network_leaves_max: usize) -> Self {
        Self {
            pending_max,
            leaves_max,
            network_leaves_max,
            pending: KeyedCounts::default(),
            leaves: KeyedCounts::default(),
            network_leaves: KeyedCounts::default(),
        }
    }

    /// The prefix of a public address; `None` for others.
    fn prefix(address: &Multiaddr) -> Option<BanTarget> {
        convert::ip(address).filter(|ip| is_public(*ip)).map(BanTarget::address)
    }

    /// The network of a prefix.
    fn network(prefix: BanTarget) -> BanTarget {
        match prefix {
            BanTarget::Ip(ip) => BanTarget::Ip(network_of(ip)),
            BanTarget::Peer(_) | BanTarget::Net(_) => prefix,
        }
    }

    /// Why a leaf of `prefix` is refused, if it is.
    fn refuses_leaf(&self, prefix: BanTarget) -> Option<TooManyFromPrefix> {
        if self.leaves.count(prefix) >= self.leaves_max {
            return Some(TooManyFromPrefix(prefix, "browsers per address"));
        }
        let network = Self::network(prefix);
        let is_full = self.network_leaves.count(network) >= self.network_leaves_max;
        is_full.then_some(TooManyFromPrefix(network, "browsers per network"))
    }

    fn on_established(&mut self, id: ConnectionId, endpoint: &ConnectedPoint) {
        self.pending.remove(id);
        if let ConnectedPoint::Listener { send_back_addr, .. } = endpoint
            && convert::is_leaf(endpoint)
            && let Some(prefix) = Self::prefix(send_back_addr)
        {
            self.leaves.add(id, prefix);
            self.network_leaves.add(id, Self::network(prefix));
        }
    }
}

impl NetworkBehaviour for IpLimits {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let Some(prefix) = Self::prefix(remote) else { return Ok(()) };
        if self.pending.count(prefix) >= self.pending_max {
            return Err(ConnectionDenied::new(TooManyFromPrefix(prefix, "handshakes per address")));
        }
        self.pending.add(id, prefix);
        Ok(())
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let endpoint = ConnectedPoint::Listener { local_addr: local.clone(), send_back_addr: remote.clone() };
        let leaf = Self::prefix(remote).filter(|_| convert::is_leaf(&endpoint));
        match leaf.and_then(|prefix| self.refuses_leaf(prefix)) {
            Some(refusal) => Err(ConnectionDenied::new(refusal)),
            None => Ok(dummy::ConnectionHandler),
        }
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(new) => self.on_established(new.connection_id, new.endpoint),
            FromSwarm::ConnectionClosed(closed) => {
                self.leaves.remove(closed.connection_id);
                self.network_leaves.remove(closed.connection_id);
            }
            FromSwarm::ListenFailure(failed) => self.pending.remove(failed.connection_id),
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

    fn at(address: &str) -> Multiaddr {
        address.parse().unwrap()
    }

    #[test]
    fn one_address_has_a_limit_of_concurrent_handshakes() {
        let mut limits = IpLimits::new(2, 1, 9);
        let (local, remote) = (at("/ip4/0.0.0.0/tcp/9222"), at("/ip4/8.8.8.8/tcp/1"));
        let mut is_allowed = |id, remote: &Multiaddr| {
            limits.handle_pending_inbound_connection(ConnectionId::new_unchecked(id), &local, remote).is_ok()
        };
        assert!(is_allowed(1, &remote) && is_allowed(2, &remote) && !is_allowed(3, &remote));
        assert!(is_allowed(4, &at("/ip4/8.8.4.4/tcp/1")), "another address");
        assert!((5..50).all(|id| is_allowed(id, &at("/ip4/10.0.0.1/tcp/1"))), "a private one");
        limits.pending.remove(ConnectionId::new_unchecked(1));
        limits.pending.remove(ConnectionId::new_unchecked(1));
        assert!(limits.handle_pending_inbound_connection(ConnectionId::new_unchecked(60), &local, &remote).is_ok());
        assert!(limits.handle_pending_inbound_connection(ConnectionId::new_unchecked(61), &local, &remote).is_err());
    }

    #[test]
    fn one_address_has_a_limit_of_leaves() {
        let mut limits = IpLimits::new(9, 1, 9);
        let peer = PeerId::random();
        let (local, tcp) = (at("/ip4/0.0.0.0/tcp/9223/ws"), at("/ip4/0.0.0.0/tcp/9222"));
        let remote = at("/ip6/2606:4700::1/tcp/1/ws");
        let same = at("/ip6/2606:4700::2/tcp/1/ws");
        let id = ConnectionId::new_unchecked(1);
        limits.on_established(id, &ConnectedPoint::Listener { local_addr: local.clone(), send_back_addr: remote });
        let mut is_allowed = |local: &Multiaddr, remote: &Multiaddr| {
            limits.handle_established_inbound_connection(ConnectionId::new_unchecked(2), peer, local, remote).is_ok()
        };
        assert!(!is_allowed(&local, &same), "the same /64");
        assert!(is_allowed(&tcp, &same), "it is not a leaf");
        assert!(is_allowed(&local, &at("/ip4/127.0.0.1/tcp/1/ws")));
        limits.leaves.remove(id);
        assert!(limits.handle_established_inbound_connection(id, peer, &local, &same).is_ok());
    }

    #[test]
    fn one_network_has_a_limit_of_leaves() {
        let mut limits = IpLimits::new(9, 9, 2);
        let (peer, local) = (PeerId::random(), at("/ip4/0.0.0.0/tcp/9223/ws"));
        for id in [1, 2] {
            let remote = at(&format!("/ip4/8.8.8.{id}/tcp/1/ws"));
            let endpoint = ConnectedPoint::Listener { local_addr: local.clone(), send_back_addr: remote };
            limits.on_established(ConnectionId::new_unchecked(id), &endpoint);
        }
        let mut is_allowed = |remote: &str| {
            let id = ConnectionId::new_unchecked(3);
            limits.handle_established_inbound_connection(id, peer, &local, &at(remote)).is_ok()
        };
        assert!(!is_allowed("/ip4/8.8.8.3/tcp/1/ws"), "the same /24");
        assert!(is_allowed("/ip4/8.8.9.3/tcp/1/ws"));
    }
}
