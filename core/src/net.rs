//! libp2p: one behaviour and one event loop for the daemon and the browser.
//!
//! The daemon and the browser differ only in their transport and their [`Host`] (clock, sleep, threads, storage).
//!
//! What happens to a byte and a peer, by module:
//!
//! * `metering` counts the bytes of each stream by transport and protocol, and the bytes written to each leaf.
//! * `ingest` turns gossip bytes into messages with ids: read-ahead of large ones, duplicate cache, gossipsub's
//!   transform.
//! * `admission` decides who may connect: connection gater (bans, allowed networks) and limits by IP prefix.
//! * `leaves` keeps the bytes queued for browsers within a budget, and selects those that do not get a message.
//! * `gossip` is gossipsub for the chain's topics, and reports peers that subscribe to those of another chain.
//! * `protocols` has the protocols beside gossip: blocks by number (`range`), `ping`, and AutoNAT (`dial_back`, feature
//!   `autonat`).
//! * `driver` runs the swarm and the [`Node`](crate::Node): swarm events become inputs, outputs become calls of libp2p
//!   and the host.
//! * `behaviour` composes the libp2p behaviours; `params` has every value that is given to libp2p, with its source.
//! * `convert`, `connection_errors` and `error` map between the types and errors of libp2p and those of core.

mod admission;
mod behaviour;
mod connection_errors;
mod convert;
mod driver;
mod error;
mod gossip;
mod host;
mod ingest;
mod leaves;
mod metering;
mod params;
mod protocols;

pub use driver::{Driver, DriverParts, EndedRequest, ProtectedPeer, RequestSide};
pub use error::NetError;
pub use host::{Done, Heavy, Host, Panicked, Work};
pub use ingest::{Job, Offload};
pub use metering::{Bandwidth, ObservedMuxer, ObservedStream, StreamObserver};
pub use params::{IDLE_TIMEOUT, MAX_COMPRESSED};
