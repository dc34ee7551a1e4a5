//! The ordered trie, compared with a simple reference implementation.

use petrel_core::{block::ordered_root, hash::keccak_many};

use crate::naive_trie::{self as naive, EMPTY};

fn agrees(items: &[Vec<u8>]) {
    assert_eq!(ordered_root(items.iter().map(Vec::as_slice), keccak_many), naive::root(items), "{} items", items.len());
}

#[test]
fn the_trie_equals_the_reference_for_every_shape_of_list() {
    let small = [0, 1, 2, 3, 15, 16, 17, 126, 127, 128, 129, 130, 143, 144, 255, 256, 257, 258, 300, 1000];
    let large = [4095, 4096, 4097, 4098, 8191, 8192, 8193, 8194, 12_287, 12_288, 12_289];
    let huge = [65_535, 65_536, 65_537, 65_538, 70_000];
    for count in small.into_iter().chain(large).chain(huge) {
        agrees(&(0..count).map(|index: usize| vec![index as u8; 1 + index % 90]).collect::<Vec<_>>());
    }
    assert_eq!(ordered_root(std::iter::empty::<&[u8]>(), keccak_many), EMPTY);
}

#[test]
fn short_items_are_inlined_as_in_the_reference() {
    for len in [1, 2, 20, 27, 28, 29, 30, 31, 32, 33, 54, 55, 56, 57, 255, 256, 65_536] {
        for count in [1, 2, 17, 130] {
            agrees(&vec![vec![0x7f; len]; count]);
            agrees(&vec![vec![0x80; len]; count]);
        }
    }
}

#[test]
fn an_empty_item_adds_no_leaf_and_moves_no_other() {
    let items = |empty: &[usize]| -> Vec<Vec<u8>> {
        (0..140).map(|index| if empty.contains(&index) { Vec::new() } else { vec![index as u8; 50] }).collect()
    };
    agrees(&items(&[0]));
    agrees(&items(&[5, 127, 128]));
    agrees(&items(&(0..139).collect::<Vec<_>>()));
    agrees(&vec![Vec::new(); 3]);
}

/// Pseudo-random numbers from 0 to 2^31.
fn numbers(mut state: u64) -> impl FnMut() -> usize {
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 33) as usize
    }
}

#[test]
fn short_and_long_items_are_mixed_in_long_lists() {
    let mut number = numbers(1);
    for count in [200, 4097, 8193, 20_000, 66_000] {
        for most in [2, 30, 40, 300] {
            agrees(&(0..count).map(|_| vec![number() as u8; 1 + number() % most]).collect::<Vec<_>>());
        }
    }
}

#[test]
fn empty_items_may_be_anywhere() {
    let mut number = numbers(2);
    for count in [20, 127, 129, 300, 4095, 4097, 8193, 20_000, 66_000, 90_000] {
        // One item is not empty.
        for rarity in [2, 5, 100, 3_000, 30_000] {
            let mut item =
                || if number().is_multiple_of(rarity) { vec![number() as u8; 1 + number() % 60] } else { Vec::new() };
            agrees(&(0..count).map(|_| item()).collect::<Vec<_>>());
        }
        // One item is empty.
        for rarity in [5, 1000] {
            let mut item =
                || if number().is_multiple_of(rarity) { Vec::new() } else { vec![number() as u8; 1 + number() % 60] };
            agrees(&(0..count).map(|_| item()).collect::<Vec<_>>());
        }
    }
}

/// A long list with few items left has paths that no full list has.
#[test]
fn a_long_list_with_few_items_left_has_the_reference_root() {
    let left: [&[usize]; 20] = [
        &[0],
        &[1],
        &[128],
        &[256],
        &[4096],
        &[69_999],
        &[0, 69_999],
        &[127, 0],
        &[0, 128],
        &[128, 255],
        &[255, 256],
        &[4095, 4096],
        &[5000, 5001],
        &[5000, 9000],
        &[5000, 5001, 66_000, 66_001],
        &[65_535, 65_536],
        &[65_536, 65_537],
        &[65_536, 69_632],
        &[65_536, 65_600, 69_632, 69_999],
        &[1, 300, 66_000],
    ];
    for left in left {
        for len in [1, 26, 60] {
            let mut items = vec![Vec::new(); 70_000];
            for index in left {
                items[*index] = vec![0x99; len];
            }
            agrees(&items);
        }
    }
    // Runs that end inside, at and after the ends of groups.
    for run in [4000..4200, 4096..8192, 4095..8193, 8192..8193, 61_440..65_536, 61_441..65_537, 65_536..69_632] {
        let mut items = vec![Vec::new(); 70_000];
        items[run].fill(vec![0x77; 3]);
        agrees(&items);
    }
}
