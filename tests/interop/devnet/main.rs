//! A real OP Stack network on loopback, and Petrel in it: anvil as L1, op-node and op-geth as sequencer and as follower,
//! a spammer, through every fork that op-node v1.19.0 knows. `cargo xtask interop devnet` builds all of it and runs this in
//! a network namespace of its own.
//!
//! While blocks come, the sequencer is killed, the signer is rotated on L1, Petrel is killed, and L1 falls silent. Beside it all
//! the time run two Petrels whose schedule lacks the last fork, and the last two. In the end every block that a Petrel or the
//! tab showed is compared with op-geth's, and every message that was gossiped is judged by `petrel check`.
//!
//! Reading order: `genesis` (the chain), `parts` (who runs), `rpc` and `spam`, `stale` (the two others), `scenario` (what
//! happens), `report`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod genesis;
mod parts;
mod report;
mod rpc;
mod scenario;
mod spam;
mod stale;

use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = scenario::run();
    if outcome.print() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
