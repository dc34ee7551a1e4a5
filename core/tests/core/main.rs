//! Tests of the core without libp2p, on the host and on wasm32. One module for each module of the core.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

#[macro_use]
extern crate test_anywhere;

mod driven;
mod forge;
mod naive_trie;
mod vectors;

mod acceptance;
mod ban_list;
mod base_fee;
mod cadence;
mod chain;
mod connection_manager;
mod decode;
mod evidence;
mod gossip_watchdog;
mod hash;
mod header;
mod l1;
mod l1_fee;
mod leaf_places;
mod message;
mod mismatch;
mod node;
mod observed;
mod operator;
mod peer_dialer;
mod peer_store;
mod peers;
mod proof;
mod range_sync;
mod receipt;
mod reputation;
mod response;
mod samples;
mod schedule;
mod seen;
mod serving;
mod sign;
mod signers;
mod state_proof;
mod static_peers;
mod trie;
mod unsafe_head;
mod validation_queue;
mod validation_task;
mod witnesses;
