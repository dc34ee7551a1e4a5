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

use super::convert;
use crate::{node::Gated, peers::Subject};

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Gate {
    shut: BTreeSet<Subject>,
    /// The networks among them.
    nets: Vec<IpNet>,
    /// Where peers may be; empty is anywhere.
    restrict: Vec<IpNet>,
    /// Who is let through.
    spared: BTreeSet<crate::peer::PeerId>,
    counts: Gated,
}

/// Who is refused, and so why.
#[derive(Debug)]
pub(super) enum Refused {
    Shut(Subject),
    Elsewhere(std::net::IpAddr),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shut(subject) => write!(f, "{subject} is banned, or its score is too low"),
            Self::Elsewhere(ip) => write!(f, "{ip} is not where peers may be"),
        }
    }
}

impl core::error::Error for Refused {}

impl Gate {
    pub(super) fn new(restrict: Vec<IpNet>, spared: impl Iterator<Item = crate::peer::PeerId>) -> Self {
        Self { restrict, spared: spared.collect(), ..Self::default() }
    }

    pub(super) fn shut(&mut self, subject: Subject) {
        if self.shut.insert(subject)
            && let Subject::Net(net) = subject
        {
            self.nets.push(net);
        }
    }

    pub(super) fn open(&mut self, subject: Subject) {
        self.shut.remove(&subject);
        self.nets.retain(|net| Subject::Net(*net) != subject);
    }

    pub(super) fn counts(&self) -> Gated {
        self.counts
    }

    fn peer(&self, peer: PeerId) -> Result<(), Refused> {
        let Some(peer) = convert::peer(&peer).filter(|peer| !self.spared.contains(peer)) else { return Ok(()) };
        let subject = Subject::Peer(peer);
        if self.shut.contains(&subject) { Err(Refused::Shut(subject)) } else { Ok(()) }
    }

    /// An address without an IP (a name, memory) is let through: who it is counts.
    fn address(&self, address: &Multiaddr) -> Result<(), Refused> {
        let Some(ip) = convert::ip(address) else { return Ok(()) };
        if !self.restrict.is_empty() && !self.restrict.iter().any(|net| net.contains(&ip)) {
            return Err(Refused::Elsewhere(ip));
        }
        let address = Some(Subject::address(ip)).filter(|address| self.shut.contains(address));
        let net = || self.nets.iter().find(|net| net.contains(&ip)).map(|net| Subject::Net(*net));
        address.or_else(net).map_or(Ok(()), |subject| Err(Refused::Shut(subject)))
    }

    /// Somebody who is dialled at this address.
    fn dialled(&self, peer: PeerId, address: &Multiaddr) -> Result<(), Refused> {
        let is_spared = convert::peer(&peer).is_some_and(|peer| self.spared.contains(&peer));
        match self.address(address) {
            Err(Refused::Shut(_)) if is_spared => Ok(()),
            answer => answer,
        }
    }
}

fn denied(answer: Result<(), Refused>) -> Result<(), ConnectionDenied> {
    answer.map_err(ConnectionDenied::new)
}

impl NetworkBehaviour for Gate {
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
