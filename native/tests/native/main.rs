//! The daemon's parts by themselves; whole daemons are in `petrel-tests`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod block_builder;
mod dialback;
mod discovery;
mod env;
mod events;
mod identity;
mod metrics;
mod nat;
mod parse;
mod rejection_log;
mod settings;
mod store;
mod webtransport;
