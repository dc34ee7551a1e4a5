//! Other relays, for browsers that look for more than one: those that this node is connected to, and then those that discovery has found
//! and whose records are verified (`network::relay_finder`).
//!
//! Of a connected relay only addresses at the IP of its connection are passed on, and of one public network only one relay: so nobody
//! can direct our browsers to a third party, or to itself only. Bounds: [`RELAYS`] relays with [`ADDRESSES_EACH`] addresses each,
//! none longer than [`PeerStore::ADDRESS`].

use std::{collections::BTreeMap, net::IpAddr};

use libp2p::Multiaddr;
use petrel_core::{
    Event,
    address::{is_public, network_of},
    peer::PeerId,
    peer_store::PeerStore,
    relay_record::RelayRecord,
};

use crate::network::{
    browser_address::{ip_of, is_browser_address},
    relay_finder::FoundRelay,
};

const RELAYS: usize = 16;
const ADDRESSES_EACH: usize = RelayRecord::OTHERS / RELAYS;
/// Connected nodes whose IP is known: more than the connection manager's high watermark allows.
const CONNECTED: usize = 1024;

/// See the module.
#[derive(Clone, Debug, Default)]
pub(super) struct OtherRelays {
    connected: BTreeMap<PeerId, IpAddr>,
    relays: BTreeMap<PeerId, Vec<String>>,
    /// All that are found: a bounded number.
    found: Vec<FoundRelay>,
}

impl OtherRelays {
    /// The addresses of all relays.
    pub(super) fn addresses(&self) -> Vec<String> {
        let mut addresses: Vec<String> = self.relays.values().flatten().cloned().collect();
        let mut networks: Vec<IpAddr> =
            self.relays.keys().filter_map(|peer| self.connected.get(peer)).copied().collect();
        let mut left = RELAYS.saturating_sub(self.relays.len());
        for found in self.found.iter().filter(|found| !self.relays.contains_key(&found.peer)) {
            if left == 0 {
                break;
            }
            if !networks.iter().any(|ip| is_same_public_network(*ip, found.ip)) {
                addresses.extend(found.addresses.iter().take(ADDRESSES_EACH).cloned());
                networks.push(found.ip);
                left -= 1;
            }
        }
        addresses
    }

    /// Sets the relays that are found.
    pub(super) fn set_found(&mut self, found: Vec<FoundRelay>) {
        self.found = found;
    }

    pub(super) fn on_event(&mut self, event: &Event) {
        match event {
            Event::Connected(peer) if !peer.leaf && self.connected.len() < CONNECTED => {
                self.connected.extend(peer.ip.map(|ip| (peer.peer, ip)));
            }
            Event::Disconnected(disconnected) => {
                self.connected.remove(&disconnected.peer);
                self.relays.remove(&disconnected.peer);
            }
            Event::Identified(identified) => self.identified(identified.peer, &identified.addresses),
            _ => {}
        }
    }

    fn identified(&mut self, peer: PeerId, addresses: &[String]) {
        let Some(connected_at) = self.connected.get(&peer).copied() else { return };
        let parsed = addresses.iter().filter_map(|address| address.parse::<Multiaddr>().ok());
        let usable = parsed.filter(|address| is_browser_address(address) && ip_of(address) == Some(connected_at));
        let with_peer = usable.filter_map(|address| with_peer_id(address, peer));
        let bounded = with_peer.filter(|address| address.len() <= PeerStore::ADDRESS);
        let addresses = bounded.take(ADDRESSES_EACH).collect::<Vec<_>>();
        self.relays.remove(&peer);
        if !addresses.is_empty() && self.relays.len() < RELAYS && !self.has_relay_in_network_of(connected_at) {
            self.relays.insert(peer, addresses);
        }
    }

    /// Whether a relay of the same public network is known already.
    fn has_relay_in_network_of(&self, ip: IpAddr) -> bool {
        let mut known = self.relays.keys().filter_map(|peer| self.connected.get(peer));
        known.any(|other| is_same_public_network(*other, ip))
    }
}

fn is_same_public_network(one: IpAddr, other: IpAddr) -> bool {
    is_public(one) && is_public(other) && network_of(one) == network_of(other)
}

/// The address with this peer id at its end; `None` if it has another one.
fn with_peer_id(address: Multiaddr, peer: PeerId) -> Option<String> {
    let id = libp2p::PeerId::from_bytes(peer.as_bytes()).ok()?;
    address.with_p2p(id).ok().map(|address| address.to_string())
}

#[cfg(test)]
mod tests {
    use petrel_core::event::{Connected, Direction, Disconnected, Identified};

    use super::*;

    const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";

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
    fn of_another_relay_only_addresses_at_its_ip_are_passed_on() {
        let mut relays = OtherRelays::default();
        let other = "/ip4/192.0.2.7/tcp/9223/ws";
        relays.on_event(&identified(&[other]));
        assert!(relays.addresses().is_empty(), "it is not connected");
        let long = format!("/ip4/192.0.2.7/tcp/1/x-parity-ws/{}", "%2f".repeat(200));
        relays.on_event(&connected("192.0.2.7"));
        relays.on_event(&identified(&[
            "/ip4/192.0.2.8/tcp/443/ws",
            "/ip4/192.0.2.7/tcp/9222",
            &long,
            other,
            "nonsense",
        ]));
        assert_eq!(relays.addresses(), [format!("{other}/p2p/{PEER}")]);
        relays.on_event(&Event::Disconnected(Disconnected { peer: PEER.parse().unwrap(), reason: String::new() }));
        assert!(relays.addresses().is_empty());
    }

    #[test]
    fn found_relays_follow_the_connected_ones_once_each_and_one_of_a_network() {
        let mut relays = OtherRelays::default();
        relays.on_event(&connected("8.8.4.4"));
        relays.on_event(&identified(&["/ip4/8.8.4.4/tcp/1/ws"]));
        let found = |seed: u8, ip: &str| {
            let key = libp2p::identity::secp256k1::SecretKey::try_from_bytes([seed; 32]).unwrap();
            let key: libp2p::identity::Keypair = libp2p::identity::secp256k1::Keypair::from(key).into();
            let peer = PeerId::from_bytes(&key.public().to_peer_id().to_bytes()).unwrap();
            FoundRelay { peer, ip: ip.parse().unwrap(), addresses: vec![format!("/ip4/{ip}/tcp/1/ws/p2p/{peer}")] }
        };
        let same = FoundRelay { peer: PEER.parse().unwrap(), ..found(1, "9.9.9.9") };
        let near = found(2, "8.8.4.5");
        let far: Vec<FoundRelay> = (3..40).map(|seed| found(seed, &format!("11.{seed}.0.1"))).collect();
        relays.set_found([vec![same, near], far.clone()].concat());
        let expected: Vec<String> = far.iter().take(RELAYS - 1).flat_map(|relay| relay.addresses.clone()).collect();
        assert_eq!(relays.addresses()[0], format!("/ip4/8.8.4.4/tcp/1/ws/p2p/{PEER}"));
        assert_eq!(relays.addresses()[1..], expected);
    }
}
