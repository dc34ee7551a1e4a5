//! Where browsers can dial this daemon, and other relays that it is connected to.
//!
//! Of others only addresses at the IP from which they are connected are told on, and of one public network_of one relay: nobody
//! sends our tabs to a third, or to himself alone. At most [`OWN`] addresses of our own, [`PEERS`] others with [`EACH`]
//! addresses each, none longer than [`PeerStore::ADDRESS`].

use std::{collections::BTreeMap, net::IpAddr};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{
    Event,
    address::{is_public, network_of},
    peer::PeerId,
    peer_store::PeerStore,
    relay_record::RelayRecord,
};

/// As many as a record holds.
const OWN: usize = RelayRecord::ADDRESSES;
const PEERS: usize = 8;
const EACH: usize = RelayRecord::OTHERS / PEERS;
/// Connected nodes whose IP is remembered: more than the high tide lets stay.
const CONNECTED: usize = 1024;
/// Addresses that we listen on: every interface's, on every transport, with its certificates before and after a change.
const LISTENING: usize = 256;

/// Addresses that browsers can dial.
#[derive(Clone, Debug, Default)]
pub(super) struct Relays {
    /// Said instead of the addresses that we listen on; loopback is not said then, for browsers would read it as the host that
    /// they asked, which may be a proxy's.
    advertised: Option<Protocol<'static>>,
    listening: Vec<Multiaddr>,
    connected: BTreeMap<PeerId, IpAddr>,
    others: BTreeMap<PeerId, Vec<String>>,
}

impl Relays {
    pub(super) fn new(advertised: Option<&str>) -> Self {
        let host = |host: &str| match host.parse() {
            Ok(IpAddr::V4(ip)) => Protocol::Ip4(ip),
            Ok(IpAddr::V6(ip)) => Protocol::Ip6(ip),
            Err(_) => Protocol::Dns(host.to_owned().into()),
        };
        Self { advertised: advertised.map(host), ..Self::default() }
    }

    /// This daemon's own, as browsers should have them.
    pub(super) fn own(&self) -> Vec<String> {
        let mut own: Vec<String> = Vec::new();
        for told in self.listening.iter().filter_map(|address| self.told(address)) {
            if own.len() < OWN && !own.contains(&told) {
                own.push(told);
            }
        }
        own
    }

    /// Those of other relays.
    pub(super) fn others(&self) -> Vec<String> {
        self.others.values().flatten().cloned().collect()
    }

    pub(super) fn note(&mut self, event: &Event) {
        match event {
            Event::Listening(at) => self.listens(&at.address),
            Event::ListenEnded(at) => self.listening.retain(|known| known.to_string() != at.address),
            Event::Connected(peer) if !peer.leaf && self.connected.len() < CONNECTED => {
                self.connected.extend(peer.ip.map(|ip| (peer.peer, ip)));
            }
            Event::Disconnected(gone) => {
                self.connected.remove(&gone.peer);
                self.others.remove(&gone.peer);
            }
            Event::Identified(said) => self.identified(said.peer, &said.addresses),
            _ => {}
        }
    }

    fn listens(&mut self, address: &str) {
        let Ok(address) = address.parse::<Multiaddr>() else { return };
        if can_dial(&address) && self.listening.len() < LISTENING && !self.listening.contains(&address) {
            self.listening.push(address);
        }
    }

    /// An address of ours as browsers should have it, if they should.
    fn told(&self, address: &Multiaddr) -> Option<String> {
        let local = ip(address).is_none_or(|ip| ip.is_loopback());
        match &self.advertised {
            Some(_) if local && self.listening.iter().filter_map(ip).any(|ip| !ip.is_loopback()) => None,
            Some(host) if !local => Some(address.replace(0, |_| Some(host.clone()))?.to_string()),
            _ => Some(address.to_string()),
        }
    }

    fn identified(&mut self, peer: PeerId, addresses: &[String]) {
        let Some(at) = self.connected.get(&peer).copied() else { return };
        let parsed = addresses.iter().filter_map(|address| address.parse::<Multiaddr>().ok());
        let here = parsed.filter(|address| can_dial(address) && ip(address) == Some(at));
        let named =
            here.filter_map(|address| with_peer(address, peer)).filter(|address| address.len() <= PeerStore::ADDRESS);
        let named = named.take(EACH).collect::<Vec<_>>();
        self.others.remove(&peer);
        if !named.is_empty() && self.others.len() < PEERS && !self.has_one_near(at) {
            self.others.insert(peer, named);
        }
    }

    /// Whether a relay of this public network_of is told of already.
    fn has_one_near(&self, ip: IpAddr) -> bool {
        let known = self.others.keys().filter_map(|peer| self.connected.get(peer));
        is_public(ip) && known.into_iter().any(|other| is_public(*other) && network_of(*other) == network_of(ip))
    }
}

/// Whether a browser can dial any of these.
pub fn listens(addresses: &[Multiaddr]) -> bool {
    addresses.iter().any(can_dial)
}

/// Whether a browser has a transport for the address: `tcp/PORT` with WebSocket, or `udp/PORT/quic-v1/webtransport`.
fn can_dial(address: &Multiaddr) -> bool {
    let mut parts = address.iter().skip(1);
    matches!(
        (parts.next(), parts.next(), parts.next()),
        (Some(Protocol::Tcp(_)), Some(Protocol::Ws(_) | Protocol::Wss(_)), _)
            | (Some(Protocol::Tcp(_)), Some(Protocol::Tls), Some(Protocol::Ws(_)))
            | (Some(Protocol::Udp(_)), Some(Protocol::QuicV1), Some(Protocol::WebTransport))
    )
}

fn ip(address: &Multiaddr) -> Option<IpAddr> {
    match address.iter().next()? {
        Protocol::Ip4(ip) => Some(ip.into()),
        Protocol::Ip6(ip) => Some(ip.into()),
        _ => None,
    }
}

/// With this peer's id at its end; `None` when it names another.
fn with_peer(address: Multiaddr, peer: PeerId) -> Option<String> {
    let id = libp2p::PeerId::from_bytes(peer.as_bytes()).ok()?;
    address.with_p2p(id).ok().map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use petrel_core::event::{Connected, Direction, Disconnected, Identified, Listening};

    use super::*;

    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

    fn listening(address: &str) -> Event {
        Event::Listening(Listening { address: address.to_owned() })
    }

    fn connected(ip: &str) -> Event {
        Event::Connected(Connected {
            peer: PEER.parse().unwrap(),
            address: format!("/ip4/{ip}/tcp/1"),
            transport: "tcp",
            direction: Direction::Outbound,
            leaf: false,
            ip: ip.parse().ok(),
            tried: Vec::new(),
        })
    }

    fn identified(addresses: &[&str]) -> Event {
        let addresses = addresses.iter().map(|&address| address.to_owned()).collect();
        Event::Identified(Identified { peer: PEER.parse().unwrap(), agent: String::new(), addresses })
    }

    #[test]
    fn what_browsers_can_dial_is_told_until_it_ends() {
        let mut relays = Relays::new(None);
        relays.note(&listening("/ip4/10.0.0.1/tcp/9222"));
        relays.note(&listening("/ip4/10.0.0.1/tcp/9223/ws"));
        relays.note(&listening("/ip4/10.0.0.1/udp/9224/quic-v1/webtransport"));
        assert_eq!(relays.own().len(), 2);
        relays.note(&Event::ListenEnded(Listening { address: "/ip4/10.0.0.1/tcp/9223/ws".to_owned() }));
        assert_eq!(relays.own(), ["/ip4/10.0.0.1/udp/9224/quic-v1/webtransport"]);
    }

    #[test]
    fn the_advertised_host_is_told_instead_of_a_private_one() {
        for (host, told) in [("192.0.2.1", "/ip4/192.0.2.1"), ("relay.example", "/dns/relay.example")] {
            let mut relays = Relays::new(Some(host));
            relays.note(&listening("/ip4/10.0.0.1/tcp/9223/ws"));
            relays.note(&listening("/ip4/127.0.0.1/tcp/9223/ws"));
            assert_eq!(relays.own(), [format!("{told}/tcp/9223/ws")]);
        }
    }

    #[test]
    fn what_is_advertised_stays_until_the_last_interface_is_gone() {
        let mut relays = Relays::new(Some("192.0.2.1"));
        let at = |ip: &str| format!("/ip4/{ip}/tcp/9223/ws");
        relays.note(&listening(&at("10.0.0.1")));
        relays.note(&listening(&at("172.17.0.1")));
        for (ip, left) in [("172.17.0.1", 1), ("10.0.0.1", 0)] {
            relays.note(&Event::ListenEnded(Listening { address: at(ip) }));
            assert_eq!(relays.own().len(), left);
        }
    }

    #[test]
    fn of_others_only_what_is_where_they_are_is_told_on() {
        let mut relays = Relays::new(None);
        let other = "/ip4/192.0.2.7/tcp/9223/ws";
        relays.note(&identified(&[other]));
        assert!(relays.others().is_empty(), "it is not connected");
        let long = format!("/ip4/192.0.2.7/tcp/1/x-parity-ws/{}", "%2f".repeat(200));
        relays.note(&connected("192.0.2.7"));
        relays.note(&identified(&["/ip4/192.0.2.8/tcp/443/ws", "/ip4/192.0.2.7/tcp/9222", &long, other, "nonsense"]));
        assert_eq!(relays.others(), [format!("{other}/p2p/{PEER}")]);
        relays.note(&Event::Disconnected(Disconnected { peer: PEER.parse().unwrap(), reason: String::new() }));
        assert!(relays.others().is_empty());
    }
}
