//! # petrel-wasm: the node in a browser
//!
//! The same [`Driver`](petrel_core::net::Driver) as the daemon's, with what a browser has in place of an operating system:
//!
//! ```text
//!   worker (JavaScript)                     this crate                                   petrel-core
//!   new Client(json, on_event) ──► settings: checked ──► client: one task ──► net::Driver ──► Event
//!   on_event(json)             ◄──────────────────────── one call an event                   │
//!                                    host: both clocks, setTimeout, checks run here ◄────────┤
//!                                    transport: WebTransport, WebSocket             ◄────────┘
//! ```
//!
//! It is made for a dedicated worker, where a check of a 10 MiB block stalls nobody's screen, and runs wherever there
//! are `performance`, `Date`, `setTimeout`, `crypto` and `WebSocket` (windows, workers, Node 22). One thread: what libp2p
//! wants `Send` is wrapped, and never leaves that thread. What crosses to JavaScript is JSON text: small, typed on the
//! other side, and without a second serialiser in the `.wasm`.

#[cfg(test)]
#[macro_use]
extern crate test_anywhere;

#[cfg(feature = "bench")]
mod bench;
mod client;
mod error;
mod host;
mod locality;
mod panic;
mod reachable;
mod record;
mod restored;
#[cfg(test)]
mod samples;
mod settings;
mod transport;

#[cfg(feature = "bench")]
pub use bench::judge_message;
pub use client::Client;
pub use record::read_record;
