//! Tests of the daemon's library; tests of whole daemons are in `petrel-tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod block_builder;
mod dialback;
mod discovery;
mod env;
mod events;
mod fault_disk;
mod hung_disk;
mod identity;
mod metrics;
mod nat;
mod op_node;
mod parse;
mod peer_log;
mod power_cut;
mod power_cut_disk;
mod rejection_log;
mod settings;
mod store;
mod store_close;
mod store_faults;
mod store_size;
mod webtransport;
