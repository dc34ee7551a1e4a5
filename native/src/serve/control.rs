//! Questions to the running node and requests to change it: the service inside of the event loop, the socket in the data
//! directory, and its client.

mod client;
pub mod service;
mod socket;

pub use client::{AskError, ask};
pub use socket::{CONNECTIONS, FILE, PATIENCE, REQUEST, Request, Socket, open};
