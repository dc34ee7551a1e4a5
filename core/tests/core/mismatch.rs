//! When the fault may be ours.

use std::net::{IpAddr, Ipv4Addr};

use alloy_primitives::Address;
use petrel_core::{
    peer::PeerId,
    validation::{Mismatch, MismatchDetector},
};

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn ip(last: u8) -> Option<IpAddr> {
    Some(Ipv4Addr::new(10, 0, 0, last).into())
}

const STRANGER: Address = Address::repeat_byte(9);

#[test]
fn three_peers_at_two_addresses_make_a_stranger_a_doubt() {
    let mut doubts = MismatchDetector::default();
    assert_eq!(doubts.unknown_signer(STRANGER, peer(1), ip(1)), None);
    assert_eq!(doubts.unknown_signer(STRANGER, peer(2), ip(1)), None);
    assert_eq!(doubts.unknown_signer(STRANGER, peer(3), ip(1)), None, "one address may be one attacker");
    assert!(!doubts.exempts(STRANGER));
    assert_eq!(doubts.unknown_signer(STRANGER, peer(4), ip(2)), Some(Mismatch::Signer { found: STRANGER, peers: 4 }));
    assert!(doubts.exempts(STRANGER));
    assert_eq!(doubts.unknown_signer(STRANGER, peer(5), ip(3)), None, "it is told once");
}

#[test]
fn different_strangers_make_no_doubt() {
    let mut doubts = MismatchDetector::default();
    for seed in 0..100 {
        assert_eq!(doubts.unknown_signer(Address::repeat_byte(seed), peer(seed), ip(seed)), None);
    }
}

#[test]
fn a_block_in_time_by_our_signer_settles_everything() {
    let mut doubts = MismatchDetector::default();
    for seed in 1..=3 {
        doubts.unknown_signer(STRANGER, peer(seed), ip(seed));
    }
    assert!(doubts.exempts(STRANGER));
    doubts.reset();
    assert!(!doubts.exempts(STRANGER));
}

#[test]
fn most_peers_late_in_one_direction_make_the_clock_a_doubt() {
    let mut doubts = MismatchDetector::default();
    assert_eq!(doubts.out_of_time(90, peer(1), ip(1), 4), None);
    assert_eq!(doubts.out_of_time(91, peer(2), ip(2), 4), None);
    assert_eq!(doubts.out_of_time(92, peer(3), ip(3), 4), Some(Mismatch::Clock { offset: 92, peers: 3 }));
    assert!(doubts.clock());
}

#[test]
fn a_few_replaying_peers_of_many_make_no_doubt() {
    let mut doubts = MismatchDetector::default();
    for seed in 1..=5 {
        assert_eq!(doubts.out_of_time(90, peer(seed), ip(seed), 10), None);
    }
}

#[test]
fn peers_that_differ_in_direction_make_no_doubt() {
    let mut doubts = MismatchDetector::default();
    for seed in 0..20 {
        let offset = if seed % 2 == 0 { 90 } else { -90 };
        assert_eq!(doubts.out_of_time(offset, peer(seed), ip(seed), 3), None);
    }
}
