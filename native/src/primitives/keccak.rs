//! Keccak-256 of many inputs, several in parallel: 8 in AVX-512 registers, 4 in AVX2's, else one after the other. The choice is
//! made at run time; a debug build hashes one after the other.
//!
//! A permutation of all lanes costs about half more than one of a single lane (measured: 407 ns for 8, 394 ns for 4, 272 ns for
//! 1), so lanes are faster as soon as two of them are busy and there is enough data. A single input is always hashed by itself.

use alloy_primitives::B256;
use petrel_core::{
    hash,
    hash::{KeccakMany, Parts},
};

mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

/// [`KeccakMany`] with the widest implementation for this processor.
pub fn keccak_many(inputs: &[Parts<'_>]) -> Vec<B256> {
    match inputs {
        [only] => vec![hash::keccak(only)],
        inputs => widest()(inputs),
    }
}

/// Every implementation for this processor, the widest first; the last one has a single lane. For tests that compare them.
pub fn widths() -> Vec<(&'static str, KeccakMany)> {
    let mut widths: Vec<(&'static str, KeccakMany)> = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        if x86::has_avx512() {
            widths.push(("8 lanes, AVX-512", x86::keccak_8));
        }
        if x86::has_avx2() {
            widths.push(("4 lanes, AVX2", x86::keccak_4));
        }
    }
    widths.push(("1 lane", hash::keccak_many));
    widths
}

/// In a debug build every vector instruction is a call, and lanes are slower than a single one.
#[cfg(target_arch = "x86_64")]
fn widest() -> KeccakMany {
    if cfg!(debug_assertions) {
        hash::keccak_many
    } else if x86::has_avx512() {
        x86::keccak_8
    } else if x86::has_avx2() {
        x86::keccak_4
    } else {
        hash::keccak_many
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn widest() -> KeccakMany {
    hash::keccak_many
}
