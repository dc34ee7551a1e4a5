//! Range sync in a simulated network: gaps, and the peers that the missing blocks are requested from.

mod gaps;
mod harness;
mod peers;
