//! No public address takes all the room: so many handshakes at once, and so many leaves, are one's share.
//!
//! Private addresses share as they like: behind them are a proxy, a laboratory, a house. Of IPv6 a /64 counts as one address.
//! Bounded by libp2p's connections, of which it is one behaviour more.

use core::{
    convert::Infallible,
    fmt,
    task::{Context, Poll},
};
use std::collections::BTreeMap;

use libp2p::{
    Multiaddr, PeerId,
    core::{ConnectedPoint, Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm, dummy,
    },
};

use crate::{address::is_public, ban::BanTarget, net::convert};

/// See the module.
#[derive(Debug)]
pub(in crate::net) struct IpLimits {
    /// Of one address at most.
    pending_max: usize,
    leaves_max: usize,
    pending: PrefixCounts,
    leaves: PrefixCounts,
}

/// Whose each connection is.
#[derive(Debug, Default)]
struct PrefixCounts {
    of: BTreeMap<ConnectionId, BanTarget>,
    counts: BTreeMap<BanTarget, usize>,
}

impl PrefixCounts {
    fn count(&self, whose: BanTarget) -> usize {
        self.counts.get(&whose).copied().unwrap_or_default()
    }

    fn add(&mut self, id: ConnectionId, whose: BanTarget) {
        if self.of.insert(id, whose).is_none() {
            *self.counts.entry(whose).or_default() += 1;
        }
    }

    fn remove(&mut self, id: ConnectionId) {
        let Some(whose) = self.of.remove(&id) else { return };
        if let Some(count) = self.counts.get_mut(&whose) {
            *count = count.saturating_sub(1);
        }
        self.counts.retain(|_, count| *count > 0);
    }
}

/// An address has its share already.
#[derive(Debug)]
pub(in crate::net) struct TooManyFromPrefix(BanTarget, &'static str);

impl fmt::Display for TooManyFromPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} has all the {} that one address may have", self.0, self.1)
    }
}

impl core::error::Error for TooManyFromPrefix {}

impl IpLimits {
    /// So many handshakes at once, and so many leaves, of one address.
    pub(in crate::net) fn new(pending_max: usize, leaves_max: usize) -> Self {
        Self { pending_max, leaves_max, pending: PrefixCounts::default(), leaves: PrefixCounts::default() }
    }

    fn whose(address: &Multiaddr) -> Option<BanTarget> {
        convert::ip(address).filter(|ip| is_public(*ip)).map(BanTarget::address)
    }

    fn came(&mut self, id: ConnectionId, endpoint: &ConnectedPoint) {
        self.pending.remove(id);
        if let ConnectedPoint::Listener { send_back_addr, .. } = endpoint
            && convert::is_leaf(endpoint)
            && let Some(whose) = Self::whose(send_back_addr)
        {
            self.leaves.add(id, whose);
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
        let Some(whose) = Self::whose(remote) else { return Ok(()) };
        if self.pending.count(whose) >= self.pending_max {
            return Err(ConnectionDenied::new(TooManyFromPrefix(whose, "handshakes")));
        }
        self.pending.add(id, whose);
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
        match Self::whose(remote).filter(|_| convert::is_leaf(&endpoint)) {
            Some(whose) if self.leaves.count(whose) >= self.leaves_max => {
                Err(ConnectionDenied::new(TooManyFromPrefix(whose, "browsers")))
            }
            _ => Ok(dummy::ConnectionHandler),
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
            FromSwarm::ConnectionEstablished(came) => self.came(came.connection_id, came.endpoint),
            FromSwarm::ConnectionClosed(gone) => self.leaves.remove(gone.connection_id),
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
    fn one_address_has_its_share_of_handshakes_and_gets_it_back() {
        let mut crowd = IpLimits::new(2, 1);
        let (local, remote) = (at("/ip4/0.0.0.0/tcp/9222"), at("/ip4/8.8.8.8/tcp/1"));
        let mut ask = |id, remote: &Multiaddr| {
            crowd.handle_pending_inbound_connection(ConnectionId::new_unchecked(id), &local, remote).is_ok()
        };
        assert!(ask(1, &remote) && ask(2, &remote) && !ask(3, &remote));
        assert!(ask(4, &at("/ip4/8.8.4.4/tcp/1")), "another address");
        assert!((5..50).all(|id| ask(id, &at("/ip4/10.0.0.1/tcp/1"))), "a private one");
        crowd.pending.remove(ConnectionId::new_unchecked(1));
        crowd.pending.remove(ConnectionId::new_unchecked(1));
        assert!(crowd.handle_pending_inbound_connection(ConnectionId::new_unchecked(60), &local, &remote).is_ok());
        assert!(crowd.handle_pending_inbound_connection(ConnectionId::new_unchecked(61), &local, &remote).is_err());
    }

    #[test]
    fn one_address_has_its_share_of_leaves() {
        let mut crowd = IpLimits::new(9, 1);
        let peer = PeerId::random();
        let (local, tcp) = (at("/ip4/0.0.0.0/tcp/9223/ws"), at("/ip4/0.0.0.0/tcp/9222"));
        let remote = at("/ip6/2606:4700::1/tcp/1/ws");
        let same = at("/ip6/2606:4700::2/tcp/1/ws");
        let id = ConnectionId::new_unchecked(1);
        crowd.came(id, &ConnectedPoint::Listener { local_addr: local.clone(), send_back_addr: remote });
        let mut ask = |local: &Multiaddr, remote: &Multiaddr| {
            crowd.handle_established_inbound_connection(ConnectionId::new_unchecked(2), peer, local, remote).is_ok()
        };
        assert!(!ask(&local, &same), "of the same /64");
        assert!(ask(&tcp, &same), "it is no leaf");
        assert!(ask(&local, &at("/ip4/127.0.0.1/tcp/1/ws")));
        crowd.leaves.remove(id);
        assert!(crowd.handle_established_inbound_connection(id, peer, &local, &same).is_ok());
    }
}
