//! Keccak-256 of many inputs, several at a time: 8 in AVX-512 registers, 4 in AVX2's, else one after the other. Which is
//! decided when the program runs; a debug build takes one after the other.
//!
//! A permutation of all lanes costs about half more than one alone (measured: 407 ns for 8, 394 ns for 4, 272 ns for 1), so
//! lanes pay as soon as two of them are busy, and there is enough to do. One input alone is always hashed by itself.

use alloy_primitives::B256;
use petrel_core::{
    hash,
    hash::{KeccakMany, Parts},
};

mod lanes;
#[cfg(target_arch = "x86_64")]
mod x86;

/// [`KeccakMany`] by the widest way that this processor has.
pub fn keccak_many(inputs: &[Parts<'_>]) -> Vec<B256> {
    match inputs {
        [only] => vec![hash::keccak(only)],
        inputs => widest()(inputs),
    }
}

/// Every way that this processor has, the widest first; one after the other is always there. For proofs that all agree.
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

/// Without optimisation every instruction of a vector is a call, and lanes are slower than one input after the other.
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
