//! AutoNAT v1: dials back peers that request it, and asks peers whether this node can be dialled.
//!
//! libp2p's behaviour implements the protocol. This behaviour wraps it, because libp2p's trusts single peers too much:
//!
//! | libp2p's behaviour | this behaviour |
//! |---|---|
//! | dials `/ip4/THEIRS/…/ip4/ANYWHERE/tcp/…`: it replaces the first IP by the requester's, but TCP dials the last one | dials only an address with one IP and a port; its IP is the one that the request came from |
//! | keeps every connection that it dialled: after four of one peer, the next dial-back fails by the own connection limit | closes the connection as soon as it is established |
//! | advertises the address at which one peer says it reached this node | uses the answer as yes or no; [`ObservedAddresses`](crate::dialing::ObservedAddresses) decides on addresses |
//! | asks about every address that identify ever reported, without bound | asks about this node's own addresses, at most [`MAX_ADDRESSES`] |
//!
//! The connection gater is called as for every dial. Bounds: ten dial-backs per minute, one at once per requester.

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

/// Maximum dial-backs in a [`PERIOD`] for all peers together (op-node: `AutoNATServiceRateLimit(10, 5, 60 s)`).
const MAX_PER_PERIOD: usize = 10;
/// Maximum dial-backs in a [`PERIOD`] for one peer (op-node's).
const MAX_PER_PEER: usize = 5;
/// See [`MAX_PER_PERIOD`].
const PERIOD: Duration = Duration::from_secs(60);
/// Maximum addresses that are dialled for one request, and that this node's requests contain (go-libp2p's service).
/// They are dialled one after the other, and the requester waits for 30 s.
const MAX_ADDRESSES: usize = 16;
/// Time until the first request (go-libp2p's client).
const BOOT_DELAY: Duration = Duration::from_secs(15);
/// Time until the next request while the result is not confirmed (go-libp2p's client). Each peer is asked at most once
/// in this time: an op-node dials back five times a minute.
const RETRY_INTERVAL: Duration = Duration::from_secs(90);
/// Time until the next request when the result is confirmed: three peers in a row gave the same answer (go-libp2p).
const REFRESH_INTERVAL: Duration = Duration::from_secs(15 * 60);

/// See the file comment.
pub(in crate::net) struct DialBack {
    inner: autonat::Behaviour,
    /// Dial-backs that are being dialled. Bounded by the open requests.
    dialling: BTreeSet<ConnectionId>,
    /// Successful dial-backs, whose connections are to be closed.
    succeeded: VecDeque<(PeerId, ConnectionId)>,
    /// This node's addresses that peers are asked about.
    own_addresses: BTreeSet<Multiaddr>,
    counts: DialBacks,
}

/// A dial-back to this address is refused.
#[derive(Debug, thiserror::Error)]
#[error("{0} is not one IP and a port")]
struct NotPlainAddress(Multiaddr);

impl DialBack {
    pub(in crate::net) fn new(local: PeerId, scope: AddressScope) -> Self {
        let config = Config {
            boot_delay: BOOT_DELAY,
            retry_interval: RETRY_INTERVAL,
            refresh_interval: REFRESH_INTERVAL,
            throttle_server_period: RETRY_INTERVAL,
            max_peer_addresses: MAX_ADDRESSES,
            throttle_clients_global_max: MAX_PER_PERIOD,
            throttle_clients_peer_max: MAX_PER_PEER,
            throttle_clients_period: PERIOD,
            only_global_ips: scope == AddressScope::Public,
            ..Config::default()
        };
        Self {
            inner: autonat::Behaviour::new(local, config),
            dialling: BTreeSet::new(),
            succeeded: VecDeque::new(),
            own_addresses: BTreeSet::new(),
            counts: DialBacks::default(),
        }
    }

    /// Counts of the requests of peers, by result.
    pub(in crate::net) fn counts(&self) -> DialBacks {
        self.counts
    }

    /// Adds an address to those that peers are asked about, if it is a TCP address and new. TCP, because op-node dials
    /// over TCP.
    fn add_own_address(&mut self, address: &Multiaddr) -> bool {
        self.own_addresses.len() < MAX_ADDRESSES
            && port(address).is_some()
            && self.own_addresses.insert(address.clone())
    }

    /// Whether no known address has this port. The IP does not matter: the peer that is asked replaces it by the one
    /// that it sees.
    fn is_new_port(&self, address: &Multiaddr) -> bool {
        self.own_addresses.iter().all(|known| port(known) != port(address))
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

/// Whether an address has exactly one host: an IP as its first part, no DNS name, no second IP, no circuit relay.
/// Transports that this node does not support are accepted, because honest peers send all their addresses.
fn is_plain(address: &Multiaddr) -> bool {
    let mut parts = address.iter();
    let starts_with_ip = matches!(parts.next(), Some(Protocol::Ip4(_) | Protocol::Ip6(_)));
    starts_with_ip && parts.all(|part| has_no_host(&part))
}

/// Whether a part of an address names no host.
const fn has_no_host(part: &Protocol<'_>) -> bool {
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
    /// Whether this node can be dialled, by the answers of peers.
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
        if self.dialling.contains(&id)
            && let Some(refused) = addresses.iter().find(|address| !is_plain(address))
        {
            return Err(ConnectionDenied::new(NotPlainAddress(refused.clone())));
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
            // The address that one peer observed is not trusted.
            FromSwarm::NewExternalAddrCandidate(_) => return,
            FromSwarm::NewListenAddr(new) if !self.add_own_address(new.addr) => return,
            FromSwarm::ExternalAddrConfirmed(new) if self.is_new_port(new.addr) && self.add_own_address(new.addr) => {
                self.inner.probe_address(new.addr.clone());
            }
            FromSwarm::ExpiredListenAddr(old) if !self.own_addresses.remove(old.addr) => return,
            FromSwarm::DialFailure(failure) => _ = self.dialling.remove(&failure.connection_id),
            FromSwarm::ConnectionEstablished(new) if self.dialling.remove(&new.connection_id) => {
                self.succeeded.push_back((new.peer_id, new.connection_id));
            }
            _ => {}
        }
        self.inner.on_swarm_event(event);
    }

    fn on_connection_handler_event(&mut self, peer: PeerId, id: ConnectionId, event: THandlerOutEvent<Self>) {
        self.inner.on_connection_handler_event(peer, id, event);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        if let Some((peer_id, id)) = self.succeeded.pop_front() {
            return Poll::Ready(ToSwarm::CloseConnection { peer_id, connection: CloseConnection::One(id) });
        }
        while let Poll::Ready(command) = self.inner.poll(cx) {
            match command {
                ToSwarm::GenerateEvent(autonat::Event::StatusChanged { new, .. }) => {
                    return Poll::Ready(ToSwarm::GenerateEvent(matches!(new, NatStatus::Public(_))));
                }
                ToSwarm::GenerateEvent(autonat::Event::InboundProbe(event)) => {
                    tracing::debug!(?event, "a peer requests a dial-back");
                    self.count(&event);
                }
                ToSwarm::GenerateEvent(autonat::Event::OutboundProbe(event)) => {
                    tracing::debug!(?event, "requesting a dial-back from a peer");
                }
                // The address that one peer confirmed is not trusted.
                ToSwarm::ExternalAddrConfirmed(_) => {}
                ToSwarm::Dial { opts } => {
                    self.dialling.insert(opts.connection_id());
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
    fn only_an_address_with_one_ip_and_a_port_is_dialled_back() {
        let plain = ["/ip4/192.0.2.1/tcp/9222", "/ip6/2001:db8::1/udp/9222/quic-v1", "/ip4/192.0.2.1/tcp/9223/ws"];
        let plain = plain.into_iter().chain(["/ip4/192.0.2.1/udp/4001/webrtc-direct"]);
        let refused = [
            "/ip4/192.0.2.1/tcp/1/ip4/127.0.0.1/tcp/22",
            "/dns4/internal.example/tcp/80/ip4/192.0.2.1",
            "/ip4/192.0.2.1/tcp/1/dns4/internal.example/tcp/80",
            "/dns4/internal.example/tcp/80",
            "/ip4/192.0.2.1/tcp/9222/p2p-circuit",
        ];
        let mut plain = plain;
        assert!(plain.all(|text| is_plain(&text.parse().unwrap())));
        assert!(refused.iter().all(|text| !is_plain(&text.parse().unwrap())));
    }
}
