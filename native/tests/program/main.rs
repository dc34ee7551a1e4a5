//! The program `petrel` as its users run it: processes on loopback, their events, their exit status.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod process;
mod sequencer;

mod l1;

mod ban;
mod catch_up;
mod chains;
mod check;
mod control;
mod devnet;
mod discovery;
mod key;
mod metrics;
mod node;
mod page;
mod prometheus;
mod proxy;
mod refusals;
mod signer;
mod tide;
