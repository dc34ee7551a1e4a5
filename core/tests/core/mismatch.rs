//! Mismatch detection: wrong signer or clock of this node.

use std::net::{IpAddr, Ipv4Addr};

use alloy_primitives::Address;
use petrel_core::{
    peer::PeerId,
    validation::{Mismatch, MismatchDetector, Place},
};

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn place(network: u8) -> Place {
    Place::Network(IpAddr::V4(Ipv4Addr::new(20, network, 0, 0)))
}

const OTHER_SIGNER: Address = Address::repeat_byte(9);

#[test]
fn witnesses_at_three_places_make_a_signer_mismatch() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=9 {
        let told = detector.unknown_signer(OTHER_SIGNER, peer(seed), Some(place(seed % 2)));
        assert_eq!(told, None, "two places may be one attacker");
    }
    assert!(!detector.exempts(OTHER_SIGNER));
    assert_eq!(
        detector.unknown_signer(OTHER_SIGNER, peer(10), Some(place(2))),
        Some(Mismatch::Signer { found: OTHER_SIGNER, peers: 10 })
    );
    assert!(detector.exempts(OTHER_SIGNER));
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(11), Some(place(3))), None, "it is reported once");
}

#[test]
fn peers_that_are_no_witnesses_neither_make_a_mismatch_nor_silence_one() {
    let mut detector = MismatchDetector::default();
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(1), Some(place(1))), None);
    assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(2), Some(place(2))), None);
    for seed in 10..=200 {
        assert_eq!(detector.unknown_signer(OTHER_SIGNER, peer(seed), None), None);
        assert_eq!(detector.unknown_signer(Address::repeat_byte(seed), peer(seed), None), None);
    }
    assert!(detector.unknown_signer(OTHER_SIGNER, peer(3), Some(place(3))).is_some());
    // Who invents signers is known.
    for seed in 10..=20 {
        detector.unknown_signer(Address::repeat_byte(seed), peer(4), None);
    }
    assert!(detector.unknown_signers_of(peer(4)) > 2);
}

#[test]
fn different_unknown_signers_make_no_mismatch() {
    let mut detector = MismatchDetector::default();
    for seed in 0..100 {
        let place = Some(place(seed));
        assert_eq!(detector.unknown_signer(Address::repeat_byte(seed), peer(seed), place), None);
    }
}

#[test]
fn a_valid_block_resets_the_detector() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=3 {
        detector.unknown_signer(OTHER_SIGNER, peer(seed), Some(place(seed)));
    }
    assert!(detector.exempts(OTHER_SIGNER));
    detector.reset();
    assert!(!detector.exempts(OTHER_SIGNER));
}

#[test]
fn most_places_off_in_one_direction_make_a_clock_skew() {
    let mut detector = MismatchDetector::default();
    assert_eq!(detector.out_of_time(90, peer(1), place(1), 4), None);
    assert_eq!(detector.out_of_time(91, peer(2), place(2), 4), None);
    assert_eq!(detector.out_of_time(92, peer(3), place(3), 4), Some(Mismatch::Clock { offset: 92, peers: 3 }));
    assert!(detector.clock());
}

#[test]
fn many_places_do_not_make_a_clock_skew_impossible() {
    let mut detector = MismatchDetector::default();
    let told = (1..=40).filter_map(|seed| detector.out_of_time(90, peer(seed), place(seed), 300)).count();
    assert_eq!(told, 1);
}

#[test]
fn a_few_replaying_peers_of_many_make_no_clock_skew() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=5 {
        assert_eq!(detector.out_of_time(90, peer(seed), place(seed), 10), None);
        // Many at one place are one.
        assert_eq!(detector.out_of_time(90, peer(seed + 100), place(1), 10), None);
    }
}

#[test]
fn one_that_says_the_opposite_silences_nobody() {
    let mut detector = MismatchDetector::default();
    for seed in 1..=3 {
        assert_eq!(detector.out_of_time(-90, peer(9), place(9), 6), None);
        assert_eq!(detector.out_of_time(90, peer(seed), place(seed), 6), None);
    }
    assert!(detector.out_of_time(90, peer(4), place(4), 6).is_some());
}

#[test]
fn peers_that_differ_in_direction_make_no_clock_skew() {
    let mut detector = MismatchDetector::default();
    for seed in 0..20 {
        let offset = if seed % 2 == 0 { 90 } else { -90 };
        assert_eq!(detector.out_of_time(offset, peer(seed), place(seed), 20), None);
    }
}
