//! Who may say that this node's own signer or clock is wrong.

use petrel_core::{
    Input,
    event::{Connected, Direction},
    fork::Version,
};

use crate::{
    driven::{TestNode, event_names, peer},
    forge::{Forge, NOW, forge},
};

fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

/// A peer at this multiaddr; `direction` and `leaf` as in [`Connected`].
fn peer_at(seed: u8, address: &str, direction: Direction, leaf: bool) -> Input {
    let ip = address.split('/').nth(2).and_then(|host| host.parse().ok());
    let (address, transport, tried) = (address.to_owned(), "tcp", Vec::new());
    Input::Connected(Connected { peer: peer(seed), address, transport, direction, leaf, ip, tried })
}

/// What this peer's block of an unknown signer makes the node emit.
fn stranger(test: &mut TestNode, seed: u8) -> Vec<String> {
    event_names(&test.validate(seed, block(u64::from(seed)).signed_by(2).message()))
}

/// What this peer's block of our signer makes it emit that is five minutes old.
fn late(test: &mut TestNode, seed: u8) -> Vec<String> {
    let late = block(u64::from(seed)).with(|payload| payload.timestamp = NOW - 300);
    event_names(&test.validate(seed, late.message()))
}

#[test]
fn relays_that_are_named_by_dns_can_say_that_signer_or_clock_is_wrong() {
    for (report, event) in [(stranger as fn(&mut TestNode, u8) -> Vec<String>, "signer_mismatch"), (late, "clock_skew")]
    {
        let mut test = TestNode::new();
        for (seed, name) in (1..=4).zip(["a.example.org", "B.Example.org", "relay.example.net", "relay.example.com"]) {
            test.input(peer_at(seed, &format!("/dns4/{name}/tcp/443/wss"), Direction::Outbound, false));
        }
        for (seed, expected) in (1..=4).zip([false, false, false, true]) {
            assert_eq!(report(&mut test, seed).contains(&event.to_owned()), expected, "{event} after {seed}");
        }
    }
}

#[test]
fn leaves_and_peers_of_one_network_say_nothing_about_our_signer_or_clock() {
    for report in [stranger as fn(&mut TestNode, u8) -> Vec<String>, late] {
        let mut test = TestNode::new();
        for seed in 1..=20 {
            // Leaves everywhere, and nodes in one /16, which are one place.
            let (address, leaf) = match seed % 2 {
                0 => (format!("/ip4/20.{seed}.0.1/tcp/1/ws"), true),
                _ => (format!("/ip4/20.1.{seed}.1/tcp/1"), false),
            };
            test.input(peer_at(seed, &address, Direction::Inbound, leaf));
        }
        for seed in 1..=20 {
            let told = report(&mut test, seed);
            assert!(!told.iter().any(|name| name == "signer_mismatch" || name == "clock_skew"), "{seed}: {told:?}");
        }
    }
}

#[test]
fn who_has_connected_to_us_is_no_witness_while_chosen_peers_are() {
    for report in [stranger as fn(&mut TestNode, u8) -> Vec<String>, late] {
        let mut test = TestNode::new();
        let is_told = |told: &[String]| told.iter().any(|name| name == "signer_mismatch" || name == "clock_skew");
        for seed in 1..=3 {
            test.input(peer_at(seed, &format!("/ip4/20.{seed}.0.1/tcp/1"), Direction::Outbound, false));
        }
        for seed in 11..=30 {
            test.input(peer_at(seed, &format!("/ip4/20.{seed}.0.1/tcp/1"), Direction::Inbound, false));
            assert!(!is_told(&report(&mut test, seed)), "{seed}");
        }
        assert!(!is_told(&report(&mut test, 1)) && !is_told(&report(&mut test, 2)));
        assert!(is_told(&report(&mut test, 3)), "the three that we dialled agree");
    }
}

#[test]
fn many_leaves_do_not_make_a_clock_skew_impossible() {
    let mut test = TestNode::new();
    for seed in 1..=3 {
        test.input(peer_at(seed, &format!("/ip4/20.{seed}.0.1/tcp/1"), Direction::Inbound, false));
    }
    for seed in 10..=110 {
        test.input(peer_at(seed, &format!("/ip4/21.{seed}.0.1/tcp/1/ws"), Direction::Inbound, true));
    }
    let told: Vec<_> = (1..=3).flat_map(|seed| late(&mut test, seed)).collect();
    assert!(told.contains(&"clock_skew".to_owned()), "{told:?}");
}

#[test]
fn no_number_of_peers_outvotes_a_signer_who_is_heard() {
    let mut test = TestNode::new();
    for seed in 1..=9 {
        test.input(peer_at(seed, &format!("/ip4/20.{seed}.0.1/tcp/1"), Direction::Outbound, false));
    }
    test.validate(1, block(1).message());
    let told: Vec<_> = (2..=9).flat_map(|seed| stranger(&mut test, seed)).collect();
    assert!(!told.contains(&"signer_mismatch".to_owned()), "{told:?}");
    assert_eq!(test.node.status(test.now).validation.signer_mismatch, None);
}
