//! Where others reach this node. This machine alone decides which address identify sends to peers, what the node record (ENR)
//! says, and which addresses browsers find in the signed relay record.
//!
//! Sources, the first that is present wins:
//!
//! 1. the operator: `--p2p.advertise.ip`;
//! 2. the router: ports that it forwards ([`PortMapping`]);
//! 3. the peers: an address on which enough of them agree (identify's observed address).
//!
//! Without any of them it is the listening address, when discovery listens on one that is not a wildcard; it is advertised in
//! any case.
//!
//! For discovery's UDP port discv5's nodes vote, as peers do by identify; the result is reported to [`OurAddresses::voted`]. When the
//! operator has given an address, nobody votes.
//!
//! Inputs are the methods; each returns the [`AddressAction`]s that the caller must apply in order. No I/O. Bounds:
//! [`LISTENING`] listening addresses, [`OBSERVED`] observed ones.

use std::net::{IpAddr, SocketAddr};

use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::{address::tcp, event::SeenAt, relay_record::RelayRecord};

use super::{
    browser_address::{ip_of, is_browser_address},
    nat::PortMapping,
};

/// Listening addresses at most: every interface's, on every transport, with its certificates before and after a rotation.
const LISTENING: usize = 256;
/// Observed addresses at most; the core agrees on a few.
const OBSERVED: usize = 64;
/// Addresses that a relay record has room for.
const BROWSER_ADDRESSES: usize = RelayRecord::ADDRESSES;
/// Why the record changes after [`OurAddresses::observed`].
const OBSERVED_REASON: &str = "the node record has the address that peers observe";

/// Something that the caller must do because our addresses have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressAction {
    /// Advertise this address to peers.
    Advertise(Multiaddr),
    /// No longer advertise this address.
    Withdraw(Multiaddr),
    /// Write these sockets into the node record.
    UpdateRecord(RecordUpdate),
}

/// A change of the node record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordUpdate {
    /// IP and TCP port, if they change.
    pub tcp: Option<SocketAddr>,
    /// IP and UDP port, if they change.
    pub udp: Option<SocketAddr>,
    /// Whether the record has no other address: that of the other IP version is removed.
    pub is_only: bool,
    /// Why, for the log.
    pub reason: &'static str,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct OurAddresses {
    /// The operator's host, as the first part of an address for browsers.
    advertised_host: Option<Protocol<'static>>,
    /// The operator or the router has given an address: what peers observe no longer counts.
    is_given: bool,
    /// The node record has the operator's host: nothing else changes it.
    is_record_fixed: bool,
    /// The TCP port on which the node listens for nodes.
    tcp_port: Option<u16>,
    /// Listening addresses that browsers can dial.
    listening: Vec<Multiaddr>,
    /// What discovery advertises: the operator's address, or the one listening address.
    external: Option<Multiaddr>,
    /// What the router forwards, as advertised.
    mapped: Option<Multiaddr>,
    /// Addresses on which peers agree at present.
    observed: Vec<Multiaddr>,
}

impl OurAddresses {
    /// `advertised` is the operator's IP address or host name.
    pub fn new(advertised: Option<&str>) -> Self {
        let host = |host: &str| match host.parse() {
            Ok(IpAddr::V4(ip)) => Protocol::Ip4(ip),
            Ok(IpAddr::V6(ip)) => Protocol::Ip6(ip),
            Err(_) => Protocol::Dns(host.to_owned().into()),
        };
        Self { advertised_host: advertised.map(host), is_given: advertised.is_some(), ..Self::default() }
    }

    /// A listener has this address.
    pub fn listening(&mut self, address: &str) {
        if let Some(at) = tcp_socket(address) {
            self.tcp_port = Some(at.port());
        }
        let Ok(address) = address.parse::<Multiaddr>() else { return };
        let is_new = !self.listening.contains(&address);
        if is_browser_address(&address) && self.listening.len() < LISTENING && is_new {
            self.listening.push(address);
        }
    }

    /// A listener no longer has this address.
    pub fn listen_ended(&mut self, address: &str) {
        self.listening.retain(|known| known.to_string() != address);
    }

    /// Peers agree on an address, or no longer do.
    pub fn observed(&mut self, seen: &SeenAt) -> Vec<AddressAction> {
        let Ok(address) = seen.address.parse::<Multiaddr>() else { return Vec::new() };
        let Some(socket) = tcp_socket(&seen.address) else { return Vec::new() };
        self.observed.retain(|known| *known != address);
        if seen.agreed && self.observed.len() < OBSERVED {
            self.observed.push(address.clone());
        }
        if self.is_given {
            return Vec::new();
        }
        if seen.agreed {
            let update = self.record_update(Some(socket), None, OBSERVED_REASON);
            return [Some(AddressAction::Advertise(address)), update].into_iter().flatten().collect();
        }
        // The listening address stays advertised, whatever peers observe.
        let is_external = self.external.as_ref() == Some(&address);
        if is_external { Vec::new() } else { vec![AddressAction::Withdraw(address)] }
    }

    /// The router forwards ports to this node. Its address replaces what peers observed and what it forwarded before; an address
    /// from the operator stays.
    pub fn mapped(&mut self, mapping: &PortMapping) -> Vec<AddressAction> {
        self.is_given = true;
        if self.is_record_fixed {
            return Vec::new();
        }
        let address = Multiaddr::from(mapping.ip).with(Protocol::Tcp(mapping.tcp));
        let previous = self.observed.iter().cloned().chain(self.mapped.replace(address.clone()));
        let mut actions: Vec<AddressAction> =
            previous.filter(|previous| *previous != address).map(AddressAction::Withdraw).collect();
        actions.push(AddressAction::Advertise(address));
        let (tcp, udp) = ((mapping.ip, mapping.tcp).into(), mapping.udp.map(|udp| (mapping.ip, udp).into()));
        actions.extend(self.record_update(Some(tcp), udp, "the node record has the router's address"));
        actions
    }

    /// Discovery has started. `external` is the address in its node record, if that has one; `is_fixed` says that it is the
    /// operator's.
    pub fn discovery_started(&mut self, external: Option<Multiaddr>, is_fixed: bool) -> Vec<AddressAction> {
        self.is_record_fixed = is_fixed;
        let mut actions = Vec::new();
        if !self.is_given {
            let sockets = self.observed.iter().filter_map(|address| tcp_socket(&address.to_string()));
            actions.extend(sockets.filter_map(|socket| self.record_update(Some(socket), None, OBSERVED_REASON)));
        }
        actions.extend(external.clone().map(AddressAction::Advertise));
        self.external = external;
        actions
    }

    /// Nodes of enough networks agree on our UDP socket. It changes nothing when the operator or the router has given an address.
    pub fn voted(&mut self, socket: SocketAddr) -> Option<AddressAction> {
        if self.is_given {
            return None;
        }
        self.record_update(None, Some(socket), "the node record has the UDP address that discovery's nodes observe")
    }

    /// The operator's host name has another address than before, or resolves for the first time: `ip` with the advertised ports.
    pub fn resolved(&mut self, ip: IpAddr, tcp: u16, udp: u16) -> Vec<AddressAction> {
        let address = Multiaddr::from(ip).with(Protocol::Tcp(tcp));
        let previous = self.external.replace(address.clone());
        let mut actions: Vec<AddressAction> =
            previous.filter(|previous| *previous != address).map(AddressAction::Withdraw).into_iter().collect();
        actions.push(AddressAction::Advertise(address));
        let (tcp, udp) = (Some((ip, tcp).into()), Some((ip, udp).into()));
        let reason = "the node record has the address of the name in --p2p.advertise.ip";
        actions.push(AddressAction::UpdateRecord(RecordUpdate { tcp, udp, is_only: true, reason }));
        actions
    }

    fn record_update(
        &self,
        tcp: Option<SocketAddr>,
        udp: Option<SocketAddr>,
        reason: &'static str,
    ) -> Option<AddressAction> {
        let update = RecordUpdate { tcp, udp, is_only: false, reason };
        (!self.is_record_fixed).then_some(AddressAction::UpdateRecord(update))
    }

    /// The TCP port on which the node listens for nodes, once it does.
    pub fn tcp_port(&self) -> Option<u16> {
        self.tcp_port
    }

    /// Addresses at which browsers can dial this node, as the relay record has them.
    pub fn for_browsers(&self) -> Vec<String> {
        let mut addresses: Vec<String> = Vec::new();
        for address in self.listening.iter().filter_map(|address| self.for_browser(address)) {
            if addresses.len() < BROWSER_ADDRESSES && !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        addresses
    }

    /// A listening address with the operator's host in the place of the IP. With such a host, loopback addresses are left out when
    /// there are others: a browser takes loopback for the host of the page, which may be a proxy's.
    fn for_browser(&self, address: &Multiaddr) -> Option<String> {
        let is_local = ip_of(address).is_none_or(|ip| ip.is_loopback());
        match &self.advertised_host {
            Some(_) if is_local && self.listening.iter().filter_map(ip_of).any(|ip| !ip.is_loopback()) => None,
            Some(host) if !is_local => Some(address.replace(0, |_| Some(host.clone()))?.to_string()),
            _ => Some(address.to_string()),
        }
    }
}

/// IP and TCP port of a multiaddr that has nothing else.
fn tcp_socket(address: &str) -> Option<SocketAddr> {
    tcp(address).map(SocketAddr::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBSERVED_AT: &str = "/ip4/8.8.8.8/tcp/9222";
    const MAPPING: PortMapping =
        PortMapping { ip: IpAddr::V4(std::net::Ipv4Addr::new(8, 8, 4, 4)), tcp: 30_001, udp: Some(30_002) };

    fn seen(address: &str, agreed: bool) -> SeenAt {
        SeenAt { address: address.to_owned(), agreed }
    }

    fn multiaddr(address: &str) -> Multiaddr {
        address.parse().unwrap()
    }

    fn advertise(address: &str) -> AddressAction {
        AddressAction::Advertise(multiaddr(address))
    }

    fn withdraw(address: &str) -> AddressAction {
        AddressAction::Withdraw(multiaddr(address))
    }

    /// The sockets of all updates of the record.
    fn records(actions: &[AddressAction]) -> Vec<(Option<SocketAddr>, Option<SocketAddr>)> {
        let update = |action: &AddressAction| match action {
            AddressAction::UpdateRecord(update) => Some((update.tcp, update.udp)),
            _ => None,
        };
        actions.iter().filter_map(update).collect()
    }

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_observed_address_is_advertised_and_withdrawn() {
        let mut addresses = OurAddresses::new(None);
        let actions = addresses.observed(&seen(OBSERVED_AT, true));
        assert_eq!(actions[0], advertise(OBSERVED_AT));
        assert_eq!(records(&actions), [(Some(socket("8.8.8.8:9222")), None)]);
        assert_eq!(addresses.observed(&seen(OBSERVED_AT, false)), [withdraw(OBSERVED_AT)]);
    }

    #[test]
    fn an_operators_address_outranks_observation() {
        let mut addresses = OurAddresses::new(Some("192.0.2.1"));
        assert_eq!(addresses.observed(&seen(OBSERVED_AT, true)), []);
        let external = multiaddr("/ip4/192.0.2.1/tcp/9222");
        assert_eq!(addresses.discovery_started(Some(external.clone()), true), [AddressAction::Advertise(external)]);
        assert_eq!(addresses.mapped(&MAPPING), []);
    }

    /// An hour of wrong votes, one a second, of every kind.
    #[test]
    fn what_the_operator_has_given_is_changed_by_no_vote() {
        let mut addresses = OurAddresses::new(Some("192.0.2.1"));
        addresses.discovery_started(Some(multiaddr("/ip4/192.0.2.1/tcp/9222")), true);
        for second in 0..3600_u32 {
            let wrong = IpAddr::from([203, 0, 113, (second % 250) as u8]);
            assert_eq!(addresses.voted((wrong, 9222).into()), None);
            assert_eq!(addresses.observed(&seen(&format!("/ip4/{wrong}/tcp/9222"), second % 2 == 0)), []);
        }
        // The same holds of a name that does not resolve yet.
        let mut addresses = OurAddresses::new(Some("relay.example"));
        assert_eq!(addresses.discovery_started(None, true), []);
        assert_eq!(addresses.voted(socket("203.0.113.1:9222")), None);
    }

    #[test]
    fn votes_change_the_udp_port_of_a_record_that_nobody_has_given() {
        let mut addresses = OurAddresses::new(None);
        addresses.discovery_started(None, false);
        let actions: Vec<AddressAction> = addresses.voted(socket("8.8.8.8:9223")).into_iter().collect();
        assert_eq!(records(&actions), [(None, Some(socket("8.8.8.8:9223")))]);
        addresses.mapped(&MAPPING);
        assert_eq!(addresses.voted(socket("9.9.9.9:1")), None, "the router has given one");
    }

    #[test]
    fn a_name_that_has_another_address_is_advertised_there() {
        let mut addresses = OurAddresses::new(Some("relay.example"));
        addresses.discovery_started(None, true);
        let first = addresses.resolved([192, 0, 2, 1].into(), 9222, 9223);
        assert_eq!(first[0], advertise("/ip4/192.0.2.1/tcp/9222"));
        assert_eq!(records(&first), [(Some(socket("192.0.2.1:9222")), Some(socket("192.0.2.1:9223")))]);
        let moved = addresses.resolved([192, 0, 2, 2].into(), 9222, 9223);
        assert_eq!(moved[..2], [withdraw("/ip4/192.0.2.1/tcp/9222"), advertise("/ip4/192.0.2.2/tcp/9222")]);
        assert_eq!(records(&moved), [(Some(socket("192.0.2.2:9222")), Some(socket("192.0.2.2:9223")))]);
    }

    #[test]
    fn a_mapping_replaces_what_peers_observed_and_what_was_mapped_before() {
        let mut addresses = OurAddresses::new(None);
        addresses.observed(&seen(OBSERVED_AT, true));
        let actions = addresses.mapped(&MAPPING);
        assert_eq!(actions[..2], [withdraw(OBSERVED_AT), advertise("/ip4/8.8.4.4/tcp/30001")]);
        assert_eq!(records(&actions), [(Some(socket("8.8.4.4:30001")), Some(socket("8.8.4.4:30002")))]);
        assert_eq!(addresses.observed(&seen("/ip4/9.9.9.9/tcp/1", true)), []);
        let actions = addresses.mapped(&PortMapping { tcp: 30_003, ..MAPPING });
        assert!(actions.contains(&withdraw("/ip4/8.8.4.4/tcp/30001")));
        assert!(actions.contains(&advertise("/ip4/8.8.4.4/tcp/30003")));
        let again = addresses.mapped(&PortMapping { tcp: 30_003, ..MAPPING });
        assert!(!again.contains(&withdraw("/ip4/8.8.4.4/tcp/30003")));
    }

    #[test]
    fn a_mapping_is_advertised_when_discovery_does_not_resolve_the_operators_host() {
        let mut addresses = OurAddresses::new(Some("relay.example"));
        assert_eq!(addresses.mapped(&MAPPING)[0], advertise("/ip4/8.8.4.4/tcp/30001"));
    }

    #[test]
    fn what_was_observed_before_discovery_is_in_its_first_record() {
        let mut addresses = OurAddresses::new(None);
        addresses.observed(&seen(OBSERVED_AT, true));
        assert_eq!(records(&addresses.discovery_started(None, false)), [(Some(socket("8.8.8.8:9222")), None)]);
    }

    #[test]
    fn a_listening_address_stays_when_peers_no_longer_observe_it() {
        let mut addresses = OurAddresses::new(None);
        addresses.discovery_started(Some(multiaddr(OBSERVED_AT)), false);
        addresses.observed(&seen(OBSERVED_AT, true));
        assert_eq!(addresses.observed(&seen(OBSERVED_AT, false)), []);
    }

    #[test]
    fn browsers_get_the_addresses_that_they_can_dial_until_the_listener_ends() {
        let mut addresses = OurAddresses::new(None);
        addresses.listening("/ip4/10.0.0.1/tcp/9222");
        addresses.listening("/ip4/10.0.0.1/tcp/9223/ws");
        addresses.listening("/ip4/10.0.0.1/udp/9224/quic-v1/webtransport");
        assert_eq!((addresses.tcp_port(), addresses.for_browsers().len()), (Some(9222), 2));
        addresses.listen_ended("/ip4/10.0.0.1/tcp/9223/ws");
        assert_eq!(addresses.for_browsers(), ["/ip4/10.0.0.1/udp/9224/quic-v1/webtransport"]);
    }

    #[test]
    fn browsers_get_the_advertised_host_instead_of_a_private_one() {
        for (host, expected) in [("192.0.2.1", "/ip4/192.0.2.1"), ("relay.example", "/dns/relay.example")] {
            let mut addresses = OurAddresses::new(Some(host));
            addresses.listening("/ip4/10.0.0.1/tcp/9223/ws");
            addresses.listening("/ip4/127.0.0.1/tcp/9223/ws");
            assert_eq!(addresses.for_browsers(), [format!("{expected}/tcp/9223/ws")]);
        }
    }

    #[test]
    fn the_advertised_host_stays_until_the_last_interface_is_gone() {
        let mut addresses = OurAddresses::new(Some("192.0.2.1"));
        let at = |ip: &str| format!("/ip4/{ip}/tcp/9223/ws");
        addresses.listening(&at("10.0.0.1"));
        addresses.listening(&at("172.17.0.1"));
        for (ip, left) in [("172.17.0.1", 1), ("10.0.0.1", 0)] {
            addresses.listen_ended(&at(ip));
            assert_eq!(addresses.for_browsers().len(), left);
        }
    }
}
