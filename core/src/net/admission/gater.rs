//! Connection gater: refuses connections with blocked peers, addresses and networks.
//!
//! libp2p calls it before a dial, and before and after the handshake of a connection. The node decides whom to block;
//! here the block list is looked up and the decisions are counted. Bounded by the node's bans.

use core::{
    convert::Infallible,
    fmt,
    task::{Context, Poll},
};
use std::collections::BTreeSet;

use ipnet::IpNet;
use libp2p::{
    Multiaddr, PeerId,
    core::{Endpoint, transport::PortUse},
    swarm::{
        ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent, THandlerOutEvent,
        ToSwarm, dummy,
    },
};

use crate::{ban::BanTarget, net::convert, node::GaterCounts};

/// The block list and the counters.
#[derive(Debug, Default)]
pub(in crate::net) struct ConnectionGater {
    blocked: BTreeSet<BanTarget>,
    /// The networks in `blocked`.
    blocked_nets: Vec<IpNet>,
    /// Networks in which peers may be; if empty, all.
    allowed_nets: Vec<IpNet>,
    /// Peers that are never refused for a block.
    protected: BTreeSet<crate::peer::PeerId>,
    counts: GaterCounts,
}

/// Why a connection is refused.
#[derive(Debug)]
pub(in crate::net) enum Denied {
    Blocked(BanTarget),
    OutsideNetworks(std::net::IpAddr),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocked(subject) => write!(f, "{subject} is banned, or its score is too low"),
            Self::OutsideNetworks(ip) => write!(f, "{ip} is outside of the networks that peers may be in"),
        }
    }
}

impl core::error::Error for Denied {}

impl ConnectionGater {
    /// Peers must be in `allowed_nets`, if it is not empty. `protected` peers are not refused for a block.
    pub(in crate::net) fn new(allowed_nets: Vec<IpNet>, protected: impl Iterator<Item = crate::peer::PeerId>) -> Self {
        Self { allowed_nets, protected: protected.collect(), ..Self::default() }
    }

    pub(in crate::net) fn block(&mut self, subject: BanTarget) {
        if self.blocked.insert(subject)
            && let BanTarget::Net(net) = subject
        {
            self.blocked_nets.push(net);
        }
    }

    pub(in crate::net) fn unblock(&mut self, subject: BanTarget) {
        self.blocked.remove(&subject);
        self.blocked_nets.retain(|net| BanTarget::Net(*net) != subject);
    }

    pub(in crate::net) fn counts(&self) -> GaterCounts {
        self.counts
    }

    fn check_peer(&self, peer: PeerId) -> Result<(), Denied> {
        let Some(peer) = convert::peer(&peer).filter(|peer| !self.protected.contains(peer)) else { return Ok(()) };
        let subject = BanTarget::Peer(peer);
        if self.blocked.contains(&subject) { Err(Denied::Blocked(subject)) } else { Ok(()) }
    }

    /// An address without an IP (a DNS name, memory) is allowed here; its peer id is checked.
    fn check_address(&self, address: &Multiaddr) -> Result<(), Denied> {
        let Some(ip) = convert::ip(address) else { return Ok(()) };
        if !self.allowed_nets.is_empty() && !self.allowed_nets.iter().any(|net| net.contains(&ip)) {
            return Err(Denied::OutsideNetworks(ip));
        }
        let address = Some(BanTarget::address(ip)).filter(|address| self.blocked.contains(address));
        let net = || self.blocked_nets.iter().find(|net| net.contains(&ip)).map(|net| BanTarget::Net(*net));
        address.or_else(net).map_or(Ok(()), |subject| Err(Denied::Blocked(subject)))
    }

    /// An address at which a peer is dialled.
    fn check_dial(&self, peer: PeerId, address: &Multiaddr) -> Result<(), Denied> {
        let is_protected = convert::peer(&peer).is_some_and(|peer| self.protected.contains(&peer));
        match self.check_address(address) {
            Err(Denied::Blocked(_)) if is_protected => Ok(()),
            result => result,
        }
    }
}

fn denied(result: Result<(), Denied>) -> Result<(), ConnectionDenied> {
    result.map_err(ConnectionDenied::new)
}

impl NetworkBehaviour for ConnectionGater {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        let result = self.check_address(remote);
        if result.is_err() {
            self.counts.accepts_refused += 1;
        }
        denied(result)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let result = self.check_peer(peer);
        *(if result.is_ok() { &mut self.counts.accepts } else { &mut self.counts.accepts_refused }) += 1;
        denied(result).map(|()| dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let check = || {
            let Some(peer) = peer else { return Ok(()) };
            self.check_peer(peer)?;
            // Each address is checked again when it answers; this check ends the dial if no address may be dialled.
            let mut results = addresses.iter().map(|address| self.check_dial(peer, address));
            match results.next() {
                Some(Err(refused)) if results.all(|result| result.is_err()) => Err(refused),
                _ => Ok(()),
            }
        };
        let result = check();
        *(if result.is_ok() { &mut self.counts.dials } else { &mut self.counts.dials_refused }) += 1;
        denied(result).map(|()| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        denied(self.check_peer(peer).and_then(|()| self.check_dial(peer, address))).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
