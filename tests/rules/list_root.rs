//! Roots of lists compared with alloy-trie, in every width of the processor's lanes; and the memory for computing a root.

use std::{env, process::Command};

use alloy_trie::root::ordered_trie_root_with_encoder;
use peak_alloc::PeakAlloc;
use petrel_core::{block::ordered_root, hash::KeccakMany};
use petrel_node::primitives::{keccak_many, widths};
use petrel_tests::random::SplitMix64;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Maximum memory for the root of a list of any length, bytes.
const BOUND: usize = 3 << 20;

/// Runs the test of this name in another process, because memory is counted for all threads of a process.
fn in_own_process(name: &str, test: impl FnOnce()) {
    const ALONE: &str = "PETREL_TEST_ALONE";
    if env::var_os(ALONE).is_some() {
        return test();
    }
    let mut again = Command::new(env::current_exe().unwrap());
    let output =
        again.args(["--exact", &format!("list_root::{name}"), "--nocapture"]).env(ALONE, "1").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Maximum memory for a root without the items, bytes.
fn peak(items: &[&[u8]], keccak_many: KeccakMany) -> usize {
    let before = ALLOCATOR.current_usage();
    ALLOCATOR.reset_peak_usage();
    let _root = ordered_root(items.iter().copied(), keccak_many);
    ALLOCATOR.peak_usage() - before
}

fn assert_agreed(items: &[Vec<u8>]) {
    let expected = ordered_trie_root_with_encoder(items, |item, out| out.extend_from_slice(item));
    let root = ordered_root(items.iter().map(Vec::as_slice), keccak_many);
    assert_eq!(root, expected, "{} items", items.len());
}

#[test]
fn alloy_has_the_same_root_of_every_length_of_list() {
    let small = (0..4).chain(15..18).chain(127..131).chain(255..259);
    let large = (4095..4099).chain(8191..8195);
    let huge = (65_535..65_539).chain([70_000, 200_000]);
    for count in small.chain(large).chain(huge) {
        assert_agreed(&(0..count).map(|index: usize| vec![index as u8; 1 + index % 3]).collect::<Vec<_>>());
    }
}

#[test]
fn alloy_has_the_same_root_of_items_of_mixed_sizes() {
    let mut random = SplitMix64(1);
    for count in [1, 16, 17, 128, 300, 4097, 9000] {
        for most in [1, 30, 60, 600] {
            let mut item = || vec![random.below(256) as u8; 1 + random.below(most) as usize];
            assert_agreed(&(0..count).map(|_| item()).collect::<Vec<_>>());
        }
    }
}

#[test]
fn every_width_has_the_same_root() {
    let mut random = SplitMix64(2);
    let items: Vec<Vec<u8>> = (0..10_000).map(|_| vec![7; 1 + random.below(300) as usize]).collect();
    let expected = ordered_trie_root_with_encoder(&items, |item, out| out.extend_from_slice(item));
    for (name, keccak_many) in widths() {
        assert_eq!(ordered_root(items.iter().map(Vec::as_slice), keccak_many), expected, "{name}");
    }
}

/// A response of 5 MiB can have 2^20 transactions of one byte.
#[test]
fn a_million_items_take_no_more_memory_than_some_thousands() {
    in_own_process("a_million_items_take_no_more_memory_than_some_thousands", || {
        let items = vec![&[0x33][..]; 1 << 20];
        let peak = peak(&items, keccak_many);
        assert!(peak < BOUND, "{peak} bytes");
    });
}

/// Empty items use the most memory for one group: one item less than a full group, then a full group.
#[test]
fn no_list_takes_more_memory_in_any_width() {
    in_own_process("no_list_takes_more_memory_in_any_width", || {
        for (name, keccak_many) in widths() {
            let mut items = vec![&[0x33; 64][..]; 9000];
            let full = peak(&items, keccak_many);
            items[5] = &[];
            let one_empty = peak(&items, keccak_many);
            assert!(full.max(one_empty) < BOUND, "{name}: {full} and {one_empty} bytes");
        }
    });
}
