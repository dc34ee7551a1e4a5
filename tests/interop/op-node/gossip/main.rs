//! op-node v1.19.0's own gossip on the other side: blocks both ways on every topic, then one spoilt message after the
//! other with what op-node and Petrel made of it; discovery both ways; and what op-node does with whom it takes for a liar.
//! `cargo xtask interop op-node` builds both sides and runs this.
//!
//! Who is there: the *peer*, op-node's p2p package (tests/interop/op-node); the *daemon*, `petrel node`, which keeps the peer
//! connected; and a *sequencer*, a Driver of ours that knows the daemon alone, so that what it publishes reaches op-node
//! through a relay.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod banned;
mod discovery;
mod exchange;
mod session;
mod spoilt;

use std::process::ExitCode;

fn main() -> ExitCode {
    let exchanged = exchange::run();
    let judged = spoilt::run();
    let found = discovery::run();
    let refused = banned::run();
    if exchanged && judged && found && refused {
        println!("\nop-node and Petrel agree");
        ExitCode::SUCCESS
    } else {
        println!("\nop-node and Petrel DISAGREE, see above");
        ExitCode::FAILURE
    }
}
