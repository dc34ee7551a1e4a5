//! Simulated networks of Nodes: no socket, no clock, all random numbers from one seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod gossip;
mod intervals;
mod malicious_peers;
mod node_fuzz;
mod own_faults;
mod range_sync;
mod reorgs;
mod replay;
