//! Simulated networks of Nodes: no socket, no clock, all chance from one seed.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod gossip;
mod intervals;
mod liars;
mod node_fuzz;
mod own_faults;
mod range_sync;
mod reorgs;
mod replay;
