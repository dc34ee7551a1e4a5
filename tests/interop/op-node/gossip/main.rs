//! Petrel against op-node v1.19.0's own gossip: blocks both ways on every topic; invalid messages with the verdicts of op-node and
//! Petrel; discovery both ways; and how each side treats the sender of invalid blocks. `cargo xtask interop op-node` builds both
//! sides and runs this.
//!
//! There are the *peer*, op-node's p2p package (tests/interop/op-node/peer); the *daemon*, `petrel node`, with the peer as static
//! peer; and a *sequencer*, a Driver that is connected to the daemon only, so that its blocks reach op-node through a relay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod banned;
mod discovery;
mod exchange;
mod invalid_messages;
mod session;

use std::process::ExitCode;

fn main() -> ExitCode {
    let exchanged = exchange::run();
    let validated = invalid_messages::run();
    let found = discovery::run();
    let refused = banned::run();
    if exchanged && validated && found && refused {
        println!("\nop-node and Petrel agree");
        ExitCode::SUCCESS
    } else {
        println!("\nop-node and Petrel DISAGREE, see above");
        ExitCode::FAILURE
    }
}
