//! Hashing many inputs in lanes gives the same results as hashing each one, in every width that this processor supports.

use alloy_primitives::{B256, keccak256};
use petrel_core::hash::{KeccakMany, Parts};
use petrel_node::primitives::{keccak_many, widths};
use petrel_tests::random::SplitMix64;

fn random_bytes(random: &mut SplitMix64, len: usize) -> Vec<u8> {
    (0..len).map(|_| random.below(256) as u8).collect()
}

/// The hash of each input, computed one by one.
fn expected(inputs: &[Parts<'_>]) -> Vec<B256> {
    inputs.iter().map(|input| keccak256([input.head, input.body].concat())).collect()
}

/// Checks inputs of these lengths, each split at a random place, in every width.
fn assert_agreed(random: &mut SplitMix64, lengths: &[usize]) {
    let inputs: Vec<(Vec<u8>, usize)> =
        lengths.iter().map(|len| (random_bytes(random, *len), random.below(*len as u64 + 1) as usize)).collect();
    let parts: Vec<Parts<'_>> =
        inputs.iter().map(|(bytes, at)| Parts { head: &bytes[..*at], body: &bytes[*at..] }).collect();
    let expected = expected(&parts);
    for (name, keccak_many) in every() {
        assert_eq!(keccak_many(&parts), expected, "{name}: {lengths:?}");
    }
}

fn every() -> Vec<(&'static str, KeccakMany)> {
    let mut all = widths();
    all.push(("the chosen one", keccak_many));
    all
}

#[test]
fn the_supported_widths_are_printed() {
    let names: Vec<&str> = widths().iter().map(|(name, _)| *name).collect();
    println!("proven here: {}", names.join("; "));
    assert_eq!(names.last(), Some(&"1 lane"));
}

#[test]
fn every_length_around_the_block_size() {
    let mut random = SplitMix64(1);
    assert_agreed(&mut random, &[]);
    for len in 0..=140 {
        assert_agreed(&mut random, &[len]);
        assert_agreed(&mut random, &[len; 150]);
    }
    assert_agreed(&mut random, &(0..=700).collect::<Vec<_>>());
    assert_agreed(&mut random, &(0..=700).rev().collect::<Vec<_>>());
}

#[test]
fn lanes_are_refilled_many_times() {
    let mut random = SplitMix64(2);
    for _ in 0..200 {
        let count = random.below(60) as usize;
        let lengths: Vec<usize> = (0..count)
            .map(|_| match random.below(10) {
                0 => random.below(40_000) as usize,
                1..4 => random.below(3_000) as usize,
                _ => random.below(300) as usize,
            })
            .collect();
        assert_agreed(&mut random, &lengths);
    }
}

#[test]
fn one_long_input_among_short_ones() {
    let mut random = SplitMix64(3);
    assert_agreed(&mut random, &[900_000]);
    assert_agreed(&mut random, &[5, 900_000, 7]);
    assert_agreed(&mut random, &[&[300_000, 200_000][..], &[64; 500]].concat());
}
