//! Mismatch detection: wrong signer or clock of this node.

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

const OTHER_SIGNER: Address = Address::repeat_byte(9);

#[test]
fn three_peers_at_two_addresses_make_a_signer_mismatch() {
    let mut detector = MismatchDetector::default();
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(1), ip(1)), None);
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(2), ip(1)), None);
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(3), ip(1)), None, "one address may be one attacker");
    assert!(!detector.exempts(OTHER_SIGNER));
    assert_eq!(
        detector.unknown_signer(OTHER_SIGNER, peer(4), ip(2)),
        Some(Mismatch::Signer { found: OTHER_SIGNER, peers: 4 })
    );
    assert!(detector.exempts(OTHER_SIGNER));
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(5), ip(3)), None, "it is reported once");
}

#[test]
fn different_unknown_signers_make_no_mismatch() {
    let mut detector = MismatchDetector::default();
    for seed in 0..100 {
        assert_eq!(detector.unknown_signer(Address::repeat_byte(seed), peer(seed), ip(seed)), None);
    }
}

#[test]
fn a_valid_block_resets_the_detector() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=3 {
        detector.unknown_signer(OTHER_SIGNER, peer(seed), ip(seed));
    }
    assert!(detector.exempts(OTHER_SIGNER));
    detector.reset();
    assert!(!detector.exempts(OTHER_SIGNER));
}

#[test]
fn most_peers_off_in_one_direction_make_a_clock_skew() {
    let mut detector = MismatchDetector::default();
    assert_eq!(detector.out_of_time(90, peer(1), ip(1), 4), None);
    assert_eq!(detector.out_of_time(91, peer(2), ip(2), 4), None);
    assert_eq!(detector.out_of_time(92, peer(3), ip(3), 4), Some(Mismatch::Clock { offset: 92, peers: 3 }));
    assert!(detector.clock());
}

#[test]
fn a_few_replaying_peers_of_many_make_no_clock_skew() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=5 {
        assert_eq!(detector.out_of_time(90, peer(seed), ip(seed), 10), None);
    }
}

#[test]
fn peers_that_differ_in_direction_make_no_clock_skew() {
    let mut detector = MismatchDetector::default();
    for seed in 0..20 {
        let offset = if seed % 2 == 0 { 90 } else { -90 };
        assert_eq!(detector.out_of_time(offset, peer(seed), ip(seed), 3), None);
    }
}
