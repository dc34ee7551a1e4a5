//! The seam to libp2p: one behaviour and one event loop for both bodies.
//!
//! Only the transport's construction and the [`Host`] (clock, sleep, where checks run) differ between a daemon and a
//! browser tab. Everything that this program decides about gossipsub is in three files: [`params`] (values and their
//! sources), [`transform`] (bytes on the wire to a message; big ones [`ahead`] of it), [`driver`] (events to facts, wishes to calls); [`codec`] reads and writes
//! requests, [`pong`] answers pings; [`record`] is what a relay tells browsers of itself. A daemon has `dialback` beside it
//! (feature `autonat`).

mod admission;
mod behaviour;
mod connection_errors;
mod convert;
mod driver;
mod error;
mod host;
mod ingest;
mod leaves;
mod metering;
mod params;
mod protocols;

pub use driver::{Driver, DriverParts, EndedRequest, RequestSide, Spared};
pub use error::NetError;
pub use host::{Done, Heavy, Host, Panicked, Work};
pub use ingest::{Aside, Job};
pub use metering::{Bandwidth, Tap, Tapped, TappedMuxer};
pub use params::{IDLE_TIMEOUT, MAX_COMPRESSED};
