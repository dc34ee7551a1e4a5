//! Real Drivers (libp2p's swarm, gossipsub and a Node) in one process, over memory or loopback. `two_drivers` runs on wasm32 too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[cfg(not(target_arch = "wasm32"))]
mod certificate_rotation;
#[cfg(not(target_arch = "wasm32"))]
mod gossip_peer;
#[cfg(not(target_arch = "wasm32"))]
mod mesh_model;
#[cfg(not(target_arch = "wasm32"))]
mod ping;
#[cfg(not(target_arch = "wasm32"))]
mod rewritten_blocks;
#[cfg(not(target_arch = "wasm32"))]
mod second_connection;
#[cfg(not(target_arch = "wasm32"))]
mod slow_invalid_blocks;
#[cfg(not(target_arch = "wasm32"))]
mod stalled_leaves;
mod two_drivers;
#[cfg(not(target_arch = "wasm32"))]
mod unread_streams;
