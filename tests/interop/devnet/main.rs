//! A real OP Stack network on loopback, and Petrel in it: anvil as L1, op-node and op-geth as sequencer and as follower,
//! a spammer, through every fork of op-node v1.19.0. `cargo xtask interop devnet` builds all of it and runs this in its own network
//! namespace.
//!
//! A tab, and the npm package in Node, which reads its signer from L1, are connected to Petrel. While blocks are produced, the sequencer
//! is killed, the signer is rotated on L1, Petrel is killed, and L1 is stopped for a while.
//! All the time two more Petrel nodes run whose schedules lack the last fork, and the last two. At the end every block that a Petrel
//! node or the tab emitted is compared with op-geth's, and `petrel check` validates every gossiped message.
//!
//! Reading order: `genesis` (the chain), `parts` (the processes), `rpc` and `spam`, `outdated` (the two other nodes), `scenario` (the
//! steps of the test), `report`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod genesis;
mod outdated;
mod parts;
mod report;
mod rpc;
mod scenario;
mod spam;

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = scenario::run();
    if outcome.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
