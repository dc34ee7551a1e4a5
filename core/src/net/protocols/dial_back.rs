//! AutoNAT (v1): peers that ask are dialled back and told whether it worked, and others are asked whether we can be dialled.
//!
//! libp2p's behaviour does the work; this one stands around it, for what must not be done at a stranger's word:
//!
//! | libp2p's alone would | here |
//! |---|---|
//! | dial `/ip4/THEIRS/…/ip4/ANYWHERE/tcp/…`: it makes the first IP the asker's own, TCP dials the last | only an address that is one IP and a port is dialled; its IP is the one that the request came from |
//! | keep every connection that it dialled: four of one peer, and the next dial-back fails by our own limit | it is closed as soon as it stands |
//! | advertise whatever address one peer says it reached us at | the answer counts as yes or no; where we are is [`Observed`](crate::dialing::ObservedAddresses)'s to say |
//! | try every address that identify ever heard, without bound | our own addresses alone, at most [`ADDRESSES`] |
//!
//! The gate is asked as for every dial. Bounds: ten dial-backs a minute, one at once for each asker.

use core::{
    task::{Context, Poll},
    time::Duration,
};
use std::collections::{BTreeSet, VecDeque};

use libp2p::{
    Multiaddr, PeerId,
    autonat::{self, Config, InboundProbeError, InboundProbeEvent, NatStatus, ResponseError},
    core::{Endpoint, transport::PortUse},
    multiaddr::Protocol,
    swarm::{
        CloseConnection, ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
        THandlerOutEvent, ToSwarm,
    },
};

use crate::{address, config::AddressScope, node::DialBacks};

/// Dial-backs in a [`PERIOD`], of all peers together (op-node: `AutoNATServiceRateLimit(10, 5, 60 s)`).
const OF_ALL: usize = 10;
/// Of one peer (the same).
const OF_ONE: usize = 5;
/// See [`OF_ALL`].
const PERIOD: Duration = Duration::from_secs(60);
/// Addresses that are tried for one request, and that we give in ours, at most (go-libp2p's service). They are tried one
/// after the other, and the asker waits for half a minute.
const ADDRESSES: usize = 16;
/// When the first peer is asked, and how soon the next while it is not sure (go-libp2p's client). Each is asked once in that
/// time at most: an op-node dials back five times a minute.
const FIRST: Duration = Duration::from_secs(15);
const RETRY: Duration = Duration::from_secs(90);
/// How soon when it is sure: three peers in a row have said the same (go-libp2p).
const REFRESH: Duration = Duration::from_secs(15 * 60);

/// See the module.
pub(in crate::net) struct DialBack {
    inner: autonat::Behaviour,
    /// Dials that are dial-backs. Bounded by the requests under way.
    dials: BTreeSet<ConnectionId>,
    /// Dial-backs that worked: their connections are to be closed.
    done: VecDeque<(PeerId, ConnectionId)>,
    /// Addresses of ours that peers are asked about.
    ours: BTreeSet<Multiaddr>,
    counts: DialBacks,
}

/// A dial-back that is not made.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not one IP and a port")]
struct NotPlain(Multiaddr);

impl DialBack {
    pub(in crate::net) fn new(local: PeerId, reach: AddressScope) -> Self {
        let config = Config {
            boot_delay: FIRST,
            retry_interval: RETRY,
            refresh_interval: REFRESH,
            throttle_server_period: RETRY,
            max_peer_addresses: ADDRESSES,
            throttle_clients_global_max: OF_ALL,
            throttle_clients_peer_max: OF_ONE,
            throttle_clients_period: PERIOD,
            only_global_ips: reach == AddressScope::Public,
            ..Config::default()
        };
        Self {
            inner: autonat::Behaviour::new(local, config),
            dials: BTreeSet::new(),
            done: VecDeque::new(),
            ours: BTreeSet::new(),
            counts: DialBacks::default(),
        }
    }

    /// What became of the requests of peers.
    pub(in crate::net) fn counts(&self) -> DialBacks {
        self.counts
    }

    /// Whether an address of ours is one that peers are asked about: TCP, which the network speaks.
    fn is_asked_about(&mut self, address: &Multiaddr) -> bool {
        self.ours.len() < ADDRESSES && port(address).is_some() && self.ours.insert(address.clone())
    }

    /// Whether nobody is asked about this address' port yet. Whoever is asked puts the IP in that it sees.
    fn is_new_port(&self, address: &Multiaddr) -> bool {
        self.ours.iter().all(|known| port(known) != port(address))
    }

    fn count(&mut self, event: &InboundProbeEvent) {
        match event {
            InboundProbeEvent::Response { .. } => self.counts.reached += 1,
            InboundProbeEvent::Error { error: InboundProbeError::Response(error), .. } => match error {
                ResponseError::DialError => self.counts.unreached += 1,
                _ => self.counts.refused += 1,
            },
            _ => {}
        }
    }
}

fn port(address: &Multiaddr) -> Option<u16> {
    address::tcp(&address.to_string()).map(|(_, port)| port)
}

/// An address that says one place alone: its IP first, no name, no second IP, no relay. Of a transport that we do not
/// speak it may be: honest peers name all of theirs.
fn is_plain(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let begins = matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)));
    begins && parts.all(|part| is_of_a_port(&part))
}

const fn is_of_a_port(part: &Protocol<'_>) -> bool {
    use Protocol::{Certhash, P2p, Quic, QuicV1, Sni, Tcp, Tls, Udp, WebRTCDirect, WebTransport, Ws, Wss};
    matches!(
        part,
        Tcp(_)
            | Udp(_)
            | Quic
            | QuicV1
            | WebTransport
            | Certhash(_)
            | WebRTCDirect
            | Tls
            | Sni(_)
            | Ws(_)
            | Wss(_)
            | P2p(_)
    )
}

impl NetworkBehaviour for DialBack {
    type ConnectionHandler = <autonat::Behaviour as NetworkBehaviour>::ConnectionHandler;
    /// Whether we can be dialled, as far as those who were asked say.
    type ToSwarm = bool;

    fn handle_pending_inbound_connection(
        &mut self,
        id: ConnectionId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.inner.handle_pending_inbound_connection(id, local, remote)
    }

    fn handle_established_inbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        local: &Multiaddr,
        remote: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_inbound_connection(id, peer, local, remote)
    }

    fn handle_pending_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: Option<PeerId>,
        addresses: &[Multiaddr],
        role: Endpoint,
    ) -> Result<Vec<Multiaddr>, ConnectionDenied> {
        if self.dials.contains(&id)
            && let Some(wrong) = addresses.iter().find(|address| !is_plain(address))
        {
            return Err(ConnectionDenied::new(NotPlain(wrong.clone())));
        }
        self.inner.handle_pending_outbound_connection(id, peer, addresses, role)
    }

    fn handle_established_outbound_connection(
        &mut self,
        id: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        role: Endpoint,
        port: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        self.inner.handle_established_outbound_connection(id, peer, address, role, port)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match &event {
            // What a peer says of us.
            FromSwarm::NewExternalAddrCandidate(_) => return,
            FromSwarm::NewListenAddr(new) if !self.is_asked_about(new.addr) => return,
            FromSwarm::ExternalAddrConfirmed(ours) if self.is_new_port(ours.addr) && self.is_asked_about(ours.addr) => {
                self.inner.probe_address(ours.addr.clone());
            }
            FromSwarm::ExpiredListenAddr(old) if !self.ours.remove(old.addr) => return,
            FromSwarm::DialFailure(failure) => _ = self.dials.remove(&failure.connection_id),
            FromSwarm::ConnectionEstablished(new) if self.dials.remove(&new.connection_id) => {
                self.done.push_back((new.peer_id, new.connection_id));
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.done.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(id) });
        }
        while let Poll::Ready(wish) = self.inner.poll(cx) {
            match wish {
                ToSwarm::GenerateEvent(autonat::Event::StatusChanged { new, .. }) => {
                    return Poll::Ready(ToSwarm::GenerateEvent(matches!(new, NatStatus::Public(_))));
                }
                ToSwarm::GenerateEvent(autonat::Event::InboundProbe(event)) => {
                    tracing::debug!(?event, "a peer asks to be dialled back");
                    self.count(&event);
                }
                ToSwarm::GenerateEvent(autonat::Event::OutboundProbe(event)) => {
                    tracing::debug!(?event, "a peer is asked to dial back");
                }
                // At one peer's word.
                ToSwarm::ExternalAddrConfirmed(_) => {}
                ToSwarm::Dial { opts } => {
                    self.dials.insert(opts.connection_id());
                    return Poll::Ready(ToSwarm::Dial { opts });
                }
                other => return Poll::Ready(other.map_out(|_| false)),
            }
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_one_ip_and_a_port_is_dialled_back() {
        let plain = ["/ip4/192.0.2.1/tcp/9222", "/ip6/2001:db8::1/udp/9222/quic-v1", "/ip4/192.0.2.1/tcp/9223/ws"];
        let plain = plain.into_iter().chain(["/ip4/192.0.2.1/udp/4001/webrtc-direct"]);
        let tricks = [
            "/ip4/192.0.2.1/tcp/1/ip4/127.0.0.1/tcp/22",
            "/dns4/internal.example/tcp/80/ip4/192.0.2.1",
            "/ip4/192.0.2.1/tcp/1/dns4/internal.example/tcp/80",
            "/dns4/internal.example/tcp/80",
            "/ip4/192.0.2.1/tcp/9222/p2p-circuit",
        ];
        let mut plain = plain;
        assert!(plain.all(|text| is_plain(&text.parse().unwrap())));
        assert!(tricks.iter().all(|text| !is_plain(&text.parse().unwrap())));
    }
}
