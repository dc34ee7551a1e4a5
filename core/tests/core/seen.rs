//! The blocks of one height.

use alloy_primitives::B256;
use petrel_core::{fault::BlockFault, fork::Version, validation::Seen};

fn hash(seed: u64) -> B256 {
    B256::left_padding_from(&seed.to_be_bytes())
}

#[test]
fn six_blocks_of_a_height_are_accepted_and_the_seventh_is_not() {
    let mut seen = Seen::default();
    for block in 1..=6 {
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Ok(()));
    }
    assert_eq!(seen.accept(Version::V4, 9, hash(7)), Err(BlockFault::TooManyAtHeight { number: 9 }));
    assert_eq!(seen.accept(Version::V4, 10, hash(7)), Ok(()));
}

#[test]
fn a_repeat_is_ignored_until_the_height_is_full() {
    let mut seen = Seen::default();
    for block in 1..=5 {
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Ok(()));
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Err(BlockFault::Seen));
    }
    assert_eq!(seen.accept(Version::V4, 9, hash(6)), Ok(()));
    assert_eq!(seen.accept(Version::V4, 9, hash(1)), Err(BlockFault::TooManyAtHeight { number: 9 }));
}

#[test]
fn each_topic_has_its_own_entries() {
    let mut seen = Seen::default();
    for version in Version::ALL {
        assert_eq!(seen.accept(version, 9, hash(1)), Ok(()));
    }
}

#[test]
fn the_least_recently_used_height_is_removed_first() {
    let mut seen = Seen::default();
    for number in 0..1000 {
        seen.accept(Version::V4, number, hash(number)).unwrap();
    }
    // Access to the first one makes the second the least recently used.
    assert_eq!(seen.accept(Version::V4, 0, hash(0)), Err(BlockFault::Seen));
    seen.accept(Version::V4, 1000, hash(1000)).unwrap();
    assert_eq!(seen.accept(Version::V4, 0, hash(0)), Err(BlockFault::Seen));
    assert_eq!(seen.accept(Version::V4, 1, hash(1)), Ok(()));
}

#[test]
fn descending_heights_do_not_evict_themselves() {
    let mut seen = Seen::default();
    for number in (1..2000).rev() {
        assert_eq!(seen.accept(Version::V4, number, hash(number)), Ok(()));
        assert_eq!(seen.accept(Version::V4, number, hash(number)), Err(BlockFault::Seen));
    }
}
