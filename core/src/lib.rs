//! # petrel-core: the OP Stack's peer-to-peer protocol, without I/O
//!
//! An OP Stack chain has one sequencer. It signs each new block and gossips it over libp2p minutes before L1 confirms it:
//! an *unsafe* block. A peer follows that gossip, checks every block itself, and knows the chain's newest head without
//! trusting whoever relayed it.
//!
//! ```text
//!   bytes of a peer                       Node (no clock, no randomness, no I/O, no tasks)
//!        │                       ┌──────────────────────────────────────────────────────────────┐
//!        ▼                       │  gossip::Waiting ──► Check ──► gossip::Seen ──► Head           │
//!   net::Transform ── Gossiped ─►│        fair by peer  (a value)  by height      first block wins│──► Event
//!   (snappy once,                │                                         missing │ ▲ proven     │──► Keep
//!    message id)    ◄── Judge ───│                                                 ▼ │            │
//!                                │                                             sync::Sync         │
//!   a peer's answer ── Fetched ─►│                          whom to ask; quarantine by number     │
//!   (by number)     ◄── Fetch ───│                                                                │
//!   a peer's question ─ Asked ──►│  request::Server            peers::{Peers, Book, Gate, Tide}   │
//!                   ◄── Answer ──│  limits, fair turns         gossip::{Signers, Doubts}          │
//!                                └──────────────────────────────────────────────────────────────┘
//! ```
//!
//! The loop of every host, in five lines:
//!
//! ```text
//! loop {
//!     node.handle(now, next_input());                       // or node.handle_timeout(now)
//!     while let Some(wish) = node.poll_output() { do(wish) }
//!     sleep_until(node.poll_timeout(now));
//! }
//! ```
//!
//! In reading order: [`time`], [`peer`], [`fork`], [`chain`], [`config`] are the vocabulary; [`block`] turns bytes into
//! payloads and hashes ([`hash`]); [`sign`] says who signed; [`primitives`] is the seam for a body's own curve and hash;
//! [`gossip`] holds the rules; [`head`] what leads, and [`pace`] how fast that goes; [`request`] asks for blocks by number and answers, [`sync`] closes gaps
//! with it; [`peers`] who is there, what they have earned and who may come, and [`limit`] how fast they may be; [`node`] puts them together; [`event`] is what the
//! outside hears. `net` (feature `net`, on by default) is the seam to libp2p that both bodies share; everything else builds
//! and tests without it.

#![deny(clippy::iter_over_hash_type)]

// Its only unit tests are those of the seam to libp2p; the others are in `tests`.
#[cfg(all(test, feature = "net"))]
#[macro_use]
extern crate test_anywhere;

pub mod address;
pub mod ban;
pub mod block;
pub mod chain;
pub mod config;
pub mod context;
pub mod dialing;
pub mod event;
pub mod fault;
pub mod fork;
pub mod hash;
pub mod message;
#[cfg(feature = "net")]
pub mod net;
pub mod node;
pub mod payload_by_number;
pub mod peer;
pub mod peer_store;
pub mod peers;
pub mod persistence;
pub mod primitives;
mod random;
pub mod range_sync;
pub mod rate_limit;
#[cfg(feature = "net")]
pub mod relay_record;
pub mod reputation;
pub mod schedule;
pub mod score;
pub mod serving;
pub mod sign;
pub mod time;
pub mod unsafe_chain;
pub mod validation;

pub use event::Event;
pub use node::{Input, Node, Output};
