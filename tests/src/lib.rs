//! The harness that the tests, benches and examples share. The map of all tests is `tests/README.md`.
//!
//! - Data: [`forge`] (valid blocks, and blocks with exactly one error), [`random`].
//! - A simulated network of Nodes, without libp2p: [`world`], [`simulation`]; one Node with random inputs: [`node_fuzz`]; its
//!   inputs and outputs, to be replayed: [`recording`].
//! - Drivers (libp2p and a Node) over memory: [`memory_driver`], [`cut_transport`].
//! - Drivers over loopback in the test's process: [`sequencer`], [`local_network`], [`plain_gossipsub`].
//! - Attackers against a daemon in a network namespace: [`attackers`], [`attacked_node`]; [`muxed_connection`], [`raw_peer`].
//! - Child processes of a test: [`process`], [`petrel`], [`ports`], [`resources`].

#[cfg(not(target_arch = "wasm32"))]
pub mod attacked_node;
#[cfg(not(target_arch = "wasm32"))]
pub mod attackers;
pub mod cut_transport;
pub mod forge;
#[cfg(not(target_arch = "wasm32"))]
pub mod local_network;
pub mod memory_driver;
#[cfg(not(target_arch = "wasm32"))]
pub mod muxed_connection;
pub mod node_fuzz;
#[cfg(not(target_arch = "wasm32"))]
pub mod petrel;
#[cfg(not(target_arch = "wasm32"))]
pub mod plain_gossipsub;
#[cfg(not(target_arch = "wasm32"))]
pub mod ports;
#[cfg(not(target_arch = "wasm32"))]
pub mod process;
pub mod random;
#[cfg(not(target_arch = "wasm32"))]
pub mod raw_peer;
pub mod recording;
#[cfg(not(target_arch = "wasm32"))]
pub mod resources;
#[cfg(not(target_arch = "wasm32"))]
pub mod sequencer;
pub mod simulation;
pub mod world;
