//! The core's proofs, without libp2p, on the host and on wasm32 alike. One module for each module of the core.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[macro_use]
extern crate test_anywhere;

mod driven;
mod forge;
mod vectors;

mod blame;
mod book;
mod cadence;
mod chain;
mod decode;
mod dial;
mod doubt;
mod gate;
mod hash;
mod head;
mod message;
mod node;
mod observed;
mod operator;
mod reading;
mod repute;
mod rules;
mod samples;
mod schedule;
mod seek;
mod seen;
mod serve;
mod sign;
mod signers;
mod tide;
mod trie;
mod waiting;
