//! # petrel-wasm: the node in a browser
//!
//! The same [`Driver`](petrel_core::net::Driver) as the daemon's, on the interfaces of a browser:
//!
//! ```text
//!   worker (JavaScript)                     this crate                                   petrel-core
//!   new Client(json, on_event) ──► settings: checked ──► client: one task ──► net::Driver ──► Event
//!   on_event(json)             ◄──────────────────────── one call an event                   │
//!                                    host: both clocks, setTimeout, validation     ◄─────────┤
//!                                    transport: WebTransport, WebSocket             ◄────────┘
//! ```
//!
//! It is made for a dedicated worker, where the validation of a 10 MiB block does not block the page, and runs wherever there
//! are `performance`, `Date`, `setTimeout`, `crypto` and `WebSocket` (windows, workers, Node 22). There is one thread: values
//! that libp2p requires to be `Send` are wrapped, and never leave it. JavaScript gets JSON text, which needs no second
//! serialiser in the `.wasm`; `samples` is how its types are checked.
//!
//! In reading order: `error`, `locality` (where a host is) and `reachable` are basic types; `settings` checks what JavaScript
//! gives; `host` and `transport` use the browser's interfaces; `contents` keeps verified blocks and proves what servers say about
//! them; `client` runs the node, with `restored`, `evidence` and `panic`; `relay_record` verifies the records of relays,
//! `l1` what an L1 node says about the signer.

#[cfg(test)]
#[macro_use]
extern crate test_anywhere;

#[cfg(feature = "bench")]
mod bench;
mod client;
mod contents;
mod error;
mod evidence;
mod host;
mod l1;
mod locality;
mod panic;
mod reachable;
mod relay_record;
mod restored;
#[cfg(test)]
mod samples;
mod settings;
mod transport;

#[cfg(feature = "bench")]
pub use bench::validate_message;
pub use client::{Client, hash_of};
pub use l1::{l1_header, l1_signer, l1_word};
pub use relay_record::read_record;
