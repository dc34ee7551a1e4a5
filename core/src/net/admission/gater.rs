//! The gate as libp2p asks it: before a dial, before the handshake of whoever comes in, and after it.
//!
//! The node says who is shut out; here it is only looked up, and each answer is counted. Bounded by the node's bans.

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

use crate::{ban::BanTarget, net::convert, node::GateCounts};

/// See the module.
#[derive(Debug, Default)]
pub(in crate::net) struct ConnectionGater {
    shut: BTreeSet<BanTarget>,
    /// The networks among them.
    nets: Vec<IpNet>,
    /// Where peers may be; empty is anywhere.
    restrict: Vec<IpNet>,
    /// Who is let through.
    spared: BTreeSet<crate::peer::PeerId>,
    counts: GateCounts,
}

/// Who is refused, and so why.
#[derive(Debug)]
pub(in crate::net) enum Denied {
    Shut(BanTarget),
    Elsewhere(std::net::IpAddr),
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shut(subject) => write!(f, "{subject} is banned, or its score is too low"),
            Self::Elsewhere(ip) => write!(f, "{ip} is not where peers may be"),
        }
    }
}

impl core::error::Error for Denied {}

impl ConnectionGater {
    pub(in crate::net) fn new(restrict: Vec<IpNet>, spared: impl Iterator<Item = crate::peer::PeerId>) -> Self {
        Self { restrict, spared: spared.collect(), ..Self::default() }
    }

    pub(in crate::net) fn shut(&mut self, subject: BanTarget) {
        if self.shut.insert(subject)
            && let BanTarget::Net(net) = subject
        {
            self.nets.push(net);
        }
    }

    pub(in crate::net) fn open(&mut self, subject: BanTarget) {
        self.shut.remove(&subject);
        self.nets.retain(|net| BanTarget::Net(*net) != subject);
    }

    pub(in crate::net) fn counts(&self) -> GateCounts {
        self.counts
    }

    fn peer(&self, peer: PeerId) -> Result<(), Denied> {
        let Some(peer) = convert::peer(&peer).filter(|peer| !self.spared.contains(peer)) else { return Ok(()) };
        let subject = BanTarget::Peer(peer);
        if self.shut.contains(&subject) { Err(Denied::Shut(subject)) } else { Ok(()) }
    }

    /// An address without an IP (a name, memory) is let through: who it is counts.
    fn address(&self, address: &Multiaddr) -> Result<(), Denied> {
        let Some(ip) = convert::ip(address) else { return Ok(()) };
        if !self.restrict.is_empty() && !self.restrict.iter().any(|net| net.contains(&ip)) {
            return Err(Denied::Elsewhere(ip));
        }
        let address = Some(BanTarget::address(ip)).filter(|address| self.shut.contains(address));
        let net = || self.nets.iter().find(|net| net.contains(&ip)).map(|net| BanTarget::Net(*net));
        address.or_else(net).map_or(Ok(()), |subject| Err(Denied::Shut(subject)))
    }

    /// Somebody who is dialled at this address.
    fn dialled(&self, peer: PeerId, address: &Multiaddr) -> Result<(), Denied> {
        let is_spared = convert::peer(&peer).is_some_and(|peer| self.spared.contains(&peer));
        match self.address(address) {
            Err(Denied::Shut(_)) if is_spared => Ok(()),
            answer => answer,
        }
    }
}

fn denied(answer: Result<(), Denied>) -> Result<(), ConnectionDenied> {
    answer.map_err(ConnectionDenied::new)
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
        let answer = self.address(remote);
        if answer.is_err() {
            self.counts.accepts_refused += 1;
        }
        denied(answer)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let answer = self.peer(peer);
        *(if answer.is_ok() { &mut self.counts.accepts } else { &mut self.counts.accepts_refused }) += 1;
        denied(answer).map(|()| dummy::ConnectionHandler)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        _: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        let addresses = || {
            let Some(peer) = peer else { return Ok(()) };
            self.peer(peer)?;
            // Each address is asked again when it answers; here the dial ends early when none may be dialled.
            let mut answers = addresses.iter().map(|address| self.dialled(peer, address));
            match answers.next() {
                Some(Err(refused)) if answers.all(|answer| answer.is_err()) => Err(refused),
                _ => Ok(()),
            }
        };
        let answer = addresses();
        *(if answer.is_ok() { &mut self.counts.dials } else { &mut self.counts.dials_refused }) += 1;
        denied(answer).map(|()| Vec::new())
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        denied(self.peer(peer).and_then(|()| self.dialled(peer, address))).map(|()| dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, _: FromSwarm<'_>) {}

    fn on_connection_handler_event(&mut self, _: PeerId, _: ConnectionId, event: THandlerOutEvent<Self>) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}
