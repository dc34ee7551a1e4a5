//! Where we are, by what peers see.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};

use petrel_core::{
    Event, Input, Output,
    config::{AddressScope, Config},
    dialing::{AddressChange, ObservedAddresses},
};

use crate::{
    driven::{Test, connected_at, peer},
    forge::config,
};

const HOME: &str = "198.51.7.7:9222";
const NEW_HOME: &str = "198.51.8.8:9222";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// Peer N lives in a /16 of its own.
fn far(seed: u8) -> IpAddr {
    Ipv4Addr::new(80, seed, 1, 1).into()
}

fn hears(observed: &mut ObservedAddresses, seed: u8, seen: &str) -> Option<AddressChange> {
    observed.heard(AddressScope::Public, peer(seed), far(seed), at(seen))
}

fn all(observed: &ObservedAddresses) -> Vec<SocketAddr> {
    observed.agreed().collect()
}

/// Three peers have agreed that we are at [`HOME`].
fn at_home() -> ObservedAddresses {
    let mut observed = ObservedAddresses::default();
    assert_eq!(hears(&mut observed, 1, HOME), None);
    assert_eq!(hears(&mut observed, 2, HOME), None);
    assert_eq!(hears(&mut observed, 3, HOME), Some(AddressChange { from: None, to: Some(at(HOME)) }));
    observed
}

#[test]
fn peers_of_three_networks_agree_and_it_is_told_once() {
    let mut observed = at_home();
    assert_eq!(hears(&mut observed, 4, HOME), None);
    assert_eq!(hears(&mut observed, 1, HOME), None);
    assert_eq!(all(&observed), [at(HOME)]);
}

#[test]
fn one_network_is_one_voice_however_many_peers_it_has() {
    let mut observed = ObservedAddresses::default();
    for seed in 1..=200 {
        // One /16, two hundred /24.
        let at_home = Ipv4Addr::new(80, 1, seed, 1).into();
        assert_eq!(observed.heard(AddressScope::Public, peer(seed), at_home, at(HOME)), None);
    }
    for seed in 1..=20 {
        let at_home = format!("2001:db8:{seed}::1").parse().unwrap();
        assert_eq!(observed.heard(AddressScope::Public, peer(seed), at_home, at(HOME)), None);
    }
    assert!(all(&observed).is_empty());
}

#[test]
fn liars_who_all_tell_something_else_agree_on_nothing_and_move_nobody() {
    let mut observed = ObservedAddresses::default();
    for seed in 1..=100 {
        assert_eq!(hears(&mut observed, seed, &format!("203.0.{seed}.1:9222")), None);
    }
    // The honest agree beside them, and what they agree on stays.
    for seed in 101..=103 {
        hears(&mut observed, seed, HOME);
    }
    assert_eq!(all(&observed), [at(HOME)]);
    for seed in 1..=100 {
        assert_eq!(hears(&mut observed, seed, &format!("203.0.{seed}.2:9222")), None);
    }
    assert_eq!(all(&observed), [at(HOME)]);
    // As many as the honest are too few.
    for seed in 1..=3 {
        assert_eq!(hears(&mut observed, seed, NEW_HOME), None);
    }
}

#[test]
fn after_a_change_of_address_the_old_one_drops_out() {
    let mut observed = at_home();
    // Its connections break, and nobody says anything for a while: it stays.
    for seed in 1..=3 {
        assert_eq!(observed.left(peer(seed)), None);
    }
    assert_eq!(all(&observed), [at(HOME)]);
    hears(&mut observed, 4, NEW_HOME);
    hears(&mut observed, 5, NEW_HOME);
    let moved = AddressChange { from: Some(at(HOME)), to: Some(at(NEW_HOME)) };
    assert_eq!(hears(&mut observed, 1, NEW_HOME), Some(moved));
    assert_eq!(all(&observed), [at(NEW_HOME)]);
}

#[test]
fn a_nat_with_a_port_for_each_peer_takes_the_address_away() {
    let mut observed = at_home();
    assert_eq!(hears(&mut observed, 1, "198.51.7.7:1001"), None);
    assert_eq!(hears(&mut observed, 2, "198.51.7.7:1002"), None);
    assert_eq!(hears(&mut observed, 3, "198.51.7.7:1003"), Some(AddressChange { from: Some(at(HOME)), to: None }));
    assert!(all(&observed).is_empty());
}

#[test]
fn both_kinds_of_address_are_agreed_on_apart() {
    let mut observed = at_home();
    for seed in 4..=6 {
        hears(&mut observed, seed, "[2a01::7]:9222");
    }
    assert_eq!(all(&observed), [at(HOME), at("[2a01::7]:9222")]);
}

#[test]
fn private_addresses_count_only_where_they_belong_to_the_network() {
    for (reach, agreed) in [(AddressScope::Public, 0), (AddressScope::Any, 1)] {
        let mut observed = ObservedAddresses::default();
        for seed in 1..=3 {
            // Neighbours: each is one network.
            observed.heard(reach, peer(seed), Ipv4Addr::new(10, 0, 0, seed).into(), at("10.0.0.9:9222"));
        }
        assert_eq!(observed.agreed().count(), agreed, "{reach:?}");
        let mut observed = ObservedAddresses::default();
        for seed in 1..=3 {
            // From outside, of what is inside.
            observed.heard(reach, peer(seed), far(seed), at("10.0.0.9:9222"));
        }
        assert_eq!(observed.agreed().count(), agreed, "{reach:?}");
    }
}

#[test]
fn no_more_than_so_many_are_heard() {
    let mut observed = ObservedAddresses::default();
    for number in 0..2_000_u16 {
        let [high, low] = number.to_be_bytes();
        let peer = petrel_core::peer::PeerId::from_bytes(&[high, low, 1]).unwrap();
        let from = Ipv4Addr::new(80 + high, low, 1, 1).into();
        let seen = SocketAddr::new(Ipv4Addr::new(203, high, low, 1).into(), 1);
        observed.heard(AddressScope::Public, peer, from, seen);
    }
    // Their voices are taken: nobody else can make an address agreed.
    for seed in 1..=3 {
        assert_eq!(hears(&mut observed, seed, HOME), None);
    }
}

/// What a node tells when a peer identifies itself and says where it sees us.
fn tells(test: &mut Test, seed: u8, seen: &str) -> Vec<(String, bool)> {
    let identified = Input::Identified {
        peer: peer(seed),
        agent: "a".to_owned(),
        addresses: Vec::new(),
        seen: Some(seen.to_owned()),
    };
    let outputs = test.give(identified);
    let observed = outputs.into_iter().filter_map(|output| match output {
        Output::Emit(Event::Observed(seen)) => Some((seen.address, seen.agreed)),
        _ => None,
    });
    observed.collect()
}

#[test]
fn a_node_tells_where_it_is_and_where_it_no_longer_is() {
    let mut test = Test::of(Config { observe_scope: Some(AddressScope::Public), ..config() });
    for seed in 1..=6 {
        test.give(connected_at(seed, far(seed)));
    }
    let (old, new) = ("/ip4/198.51.7.7/tcp/9222".to_owned(), "/ip4/198.51.8.8/tcp/9222".to_owned());
    // Of another transport, or a name: it is nothing.
    assert!(tells(&mut test, 1, "/ip4/198.51.7.7/tcp/9223/ws").is_empty());
    assert!(tells(&mut test, 1, "/dns4/a.example/tcp/9222").is_empty());
    assert!(tells(&mut test, 1, &old).is_empty() && tells(&mut test, 2, &old).is_empty());
    assert_eq!(tells(&mut test, 3, &old), [(old.clone(), true)]);
    assert_eq!(test.node.status(test.now).peering.observed.as_slice(), std::slice::from_ref(&old));
    for seed in 1..=3 {
        test.give(Input::Disconnected { peer: peer(seed), reason: "gone".to_owned() });
    }
    assert!(tells(&mut test, 4, &new).is_empty() && tells(&mut test, 5, &new).is_empty());
    assert_eq!(tells(&mut test, 6, &new), [(old, false), (new, true)]);
}

#[test]
fn a_tab_is_nowhere() {
    let mut test = Test::new();
    for seed in 1..=6 {
        test.give(connected_at(seed, far(seed)));
        assert!(tells(&mut test, seed, "/ip4/198.51.7.7/tcp/9222").is_empty());
    }
    assert!(test.node.status(test.now).peering.observed.is_empty());
}
