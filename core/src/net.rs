//! The seam to libp2p: one behaviour and one event loop for both bodies.
//!
//! Only the transport's construction and the [`Host`] (clock, sleep, where checks run) differ between a daemon and a
//! browser tab. Everything that this program decides about gossipsub is in three files: [`params`] (values and their
//! sources), [`transform`] (bytes on the wire to a message; big ones [`ahead`] of it), [`driver`] (events to facts, wishes to calls); [`codec`] reads and writes
//! requests, [`pong`] answers pings; [`record`] is what a relay tells browsers of itself. A daemon has `dialback` beside it
//! (feature `autonat`).

mod ahead;
mod behaviour;
mod codec;
mod convert;
mod crowd;
#[cfg(feature = "autonat")]
mod dialback;
mod driver;
mod error;
mod flow;
mod gate;
mod host;
mod leaves;
mod link;
mod meter;
mod params;
mod pong;
mod protocols;
mod published;
mod recent;
mod record;
mod tap;
mod topics;
mod transform;

pub use ahead::{Aside, Job};
pub use driver::{Driver, Ended, Parts, Role, Spared};
pub use error::NetError;
pub use flow::Flow;
pub use host::{Done, Heavy, Host, Panicked, Work};
pub use params::{IDLE_TIMEOUT, MAX_COMPRESSED};
pub use record::{Record, RecordError};
pub use tap::{Tap, Tapped, TappedMuxer};
