//! Settings from command-line flags: all mistakes are reported at once, and valid values are used.

mod chain;
mod devnet;
mod harness;
mod p2p;
mod policy;
