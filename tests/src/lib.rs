//! Proofs across crates: the harness that they share.

pub mod cable;
#[cfg(not(target_arch = "wasm32"))]
pub mod child;
pub mod forge;
#[cfg(not(target_arch = "wasm32"))]
pub mod live;
pub mod memory;
#[cfg(not(target_arch = "wasm32"))]
pub mod plain;
#[cfg(not(target_arch = "wasm32"))]
pub mod process;
#[cfg(not(target_arch = "wasm32"))]
pub mod sequencer;
pub mod sim;
pub mod world;
