//! Observed addresses: the addresses at which peers see this node.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use petrel_core::{
    Event, Input, Output,
    config::{AddressScope, Config},
    dialing::{AddressChange, ObservedAddresses},
};

use crate::{
    driven::{TestNode, connected_at, peer},
    forge::config,
};

const ADDRESS: &str = "198.51.7.7:9222";
const NEW_ADDRESS: &str = "198.51.8.8:9222";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// The IP of peer `seed`: each peer has its own /16.
fn remote_ip(seed: u8) -> IpAddr {
    Ipv4Addr::new(80, seed, 1, 1).into()
}

fn report(observed: &mut ObservedAddresses, seed: u8, seen: &str) -> Option<AddressChange> {
    observed.reported(AddressScope::Public, peer(seed), remote_ip(seed), at(seen))
}

fn all(observed: &ObservedAddresses) -> Vec<SocketAddr> {
    observed.agreed().collect()
}

/// Three peers have reported [`ADDRESS`].
fn agreed() -> ObservedAddresses {
    let mut observed = ObservedAddresses::default();
    assert_eq!(report(&mut observed, 1, ADDRESS), None);
    assert_eq!(report(&mut observed, 2, ADDRESS), None);
    assert_eq!(report(&mut observed, 3, ADDRESS), Some(AddressChange { from: None, to: Some(at(ADDRESS)) }));
    observed
}

#[test]
fn an_address_that_peers_of_three_networks_report_is_agreed_and_reported_once() {
    let mut observed = agreed();
    assert_eq!(report(&mut observed, 4, ADDRESS), None);
    assert_eq!(report(&mut observed, 1, ADDRESS), None);
    assert_eq!(all(&observed), [at(ADDRESS)]);
}

#[test]
fn one_network_has_one_vote_for_any_number_of_peers() {
    let mut observed = ObservedAddresses::default();
    for seed in 1..=200 {
        // One /16, two hundred /24.
        let at_home = Ipv4Addr::new(80, 1, seed, 1).into();
        assert_eq!(observed.reported(AddressScope::Public, peer(seed), at_home, at(ADDRESS)), None);
    }
    for seed in 1..=20 {
        let at_home = format!("2001:db8:{seed}::1").parse().unwrap();
        assert_eq!(observed.reported(AddressScope::Public, peer(seed), at_home, at(ADDRESS)), None);
    }
    assert!(all(&observed).is_empty());
}

#[test]
fn peers_that_report_different_addresses_change_nothing() {
    let mut observed = ObservedAddresses::default();
    for seed in 1..=100 {
        assert_eq!(report(&mut observed, seed, &format!("203.0.{seed}.1:9222")), None);
    }
    // Honest peers agree at the same time, and their address stays.
    for seed in 101..=103 {
        report(&mut observed, seed, ADDRESS);
    }
    assert_eq!(all(&observed), [at(ADDRESS)]);
    for seed in 1..=100 {
        assert_eq!(report(&mut observed, seed, &format!("203.0.{seed}.2:9222")), None);
    }
    assert_eq!(all(&observed), [at(ADDRESS)]);
    // As many malicious as honest peers are not enough.
    for seed in 1..=3 {
        assert_eq!(report(&mut observed, seed, NEW_ADDRESS), None);
    }
}

#[test]
fn after_a_change_of_address_the_old_one_is_removed() {
    let mut observed = agreed();
    // The reporting peers disconnect: the address stays.
    for seed in 1..=3 {
        assert_eq!(observed.left(peer(seed)), None);
    }
    assert_eq!(all(&observed), [at(ADDRESS)]);
    report(&mut observed, 4, NEW_ADDRESS);
    report(&mut observed, 5, NEW_ADDRESS);
    let moved = AddressChange { from: Some(at(ADDRESS)), to: Some(at(NEW_ADDRESS)) };
    assert_eq!(report(&mut observed, 1, NEW_ADDRESS), Some(moved));
    assert_eq!(all(&observed), [at(NEW_ADDRESS)]);
}

#[test]
fn a_nat_with_a_port_for_each_peer_removes_the_address() {
    let mut observed = agreed();
    assert_eq!(report(&mut observed, 1, "198.51.7.7:1001"), None);
    assert_eq!(report(&mut observed, 2, "198.51.7.7:1002"), None);
    assert_eq!(report(&mut observed, 3, "198.51.7.7:1003"), Some(AddressChange { from: Some(at(ADDRESS)), to: None }));
    assert!(all(&observed).is_empty());
}

#[test]
fn ipv4_and_ipv6_addresses_are_agreed_on_separately() {
    let mut observed = agreed();
    for seed in 4..=6 {
        report(&mut observed, seed, "[2a01::7]:9222");
    }
    assert_eq!(all(&observed), [at(ADDRESS), at("[2a01::7]:9222")]);
}

#[test]
fn a_mapped_ipv4_address_is_the_ipv4_address() {
    let mut observed = ObservedAddresses::default();
    report(&mut observed, 1, "[::ffff:198.51.7.7]:9222");
    report(&mut observed, 2, ADDRESS);
    let change = report(&mut observed, 3, "[::ffff:198.51.7.7]:9222");
    assert_eq!(change, Some(AddressChange { from: None, to: Some(at(ADDRESS)) }));
    assert_eq!(all(&observed), [at(ADDRESS)]);
}

#[test]
fn private_addresses_count_only_in_a_private_network() {
    for (reach, agreed) in [(AddressScope::Public, 0), (AddressScope::Any, 1)] {
        let mut observed = ObservedAddresses::default();
        for seed in 1..=3 {
            // Peers on the private network: each address is one network.
            observed.reported(reach, peer(seed), Ipv4Addr::new(10, 0, 0, seed).into(), at("10.0.0.9:9222"));
        }
        assert_eq!(observed.agreed().count(), agreed, "{reach:?}");
        let mut observed = ObservedAddresses::default();
        for seed in 1..=3 {
            // Public peers that report a private address.
            observed.reported(reach, peer(seed), remote_ip(seed), at("10.0.0.9:9222"));
        }
        assert_eq!(observed.agreed().count(), agreed, "{reach:?}");
    }
}

#[test]
fn the_number_of_reports_is_bounded() {
    let mut observed = ObservedAddresses::default();
    for number in 0..2_000_u16 {
        let [high, low] = number.to_be_bytes();
        let peer = petrel_core::peer::PeerId::from_bytes(&[high, low, 1]).unwrap();
        let from = Ipv4Addr::new(80 + high, low, 1, 1).into();
        let seen = SocketAddr::new(Ipv4Addr::new(203, high, low, 1).into(), 1);
        observed.reported(AddressScope::Public, peer, from, seen);
    }
    // The table is full: further reports are ignored.
    for seed in 1..=3 {
        assert_eq!(report(&mut observed, seed, ADDRESS), None);
    }
}

/// The `observed` events after a peer has sent its identify message.
fn observed_events(test: &mut TestNode, seed: u8, seen: &str) -> Vec<(String, bool)> {
    let identified = Input::Identified {
        peer: peer(seed),
        agent: "a".to_owned(),
        addresses: Vec::new(),
        seen: Some(seen.to_owned()),
    };
    let outputs = test.input(identified);
    let observed = outputs.into_iter().filter_map(|output| match output {
        Output::Emit(Event::Observed(seen)) => Some((seen.address, seen.agreed)),
        _ => None,
    });
    observed.collect()
}

#[test]
fn a_node_reports_new_and_old_addresses() {
    let mut test = TestNode::with_config(Config { observe_scope: Some(AddressScope::Public), ..config() });
    for seed in 1..=6 {
        test.input(connected_at(seed, remote_ip(seed)));
    }
    let (old, new) = ("/ip4/198.51.7.7/tcp/9222".to_owned(), "/ip4/198.51.8.8/tcp/9222".to_owned());
    // Addresses of other transports and DNS names are ignored.
    assert!(observed_events(&mut test, 1, "/ip4/198.51.7.7/tcp/9223/ws").is_empty());
    assert!(observed_events(&mut test, 1, "/dns4/a.example/tcp/9222").is_empty());
    assert!(observed_events(&mut test, 1, &old).is_empty() && observed_events(&mut test, 2, &old).is_empty());
    assert_eq!(observed_events(&mut test, 3, &old), [(old.clone(), true)]);
    assert_eq!(test.node.status(test.now).peering.observed.as_slice(), std::slice::from_ref(&old));
    for seed in 1..=3 {
        test.input(Input::Disconnected { peer: peer(seed), reason: "gone".to_owned() });
    }
    assert!(observed_events(&mut test, 4, &new).is_empty() && observed_events(&mut test, 5, &new).is_empty());
    assert_eq!(observed_events(&mut test, 6, &new), [(old, false), (new, true)]);
}

#[test]
fn a_browser_reports_no_address() {
    let mut test = TestNode::new();
    for seed in 1..=6 {
        test.input(connected_at(seed, remote_ip(seed)));
        assert!(observed_events(&mut test, seed, "/ip4/198.51.7.7/tcp/9222").is_empty());
    }
    assert!(test.node.status(test.now).peering.observed.is_empty());
}
