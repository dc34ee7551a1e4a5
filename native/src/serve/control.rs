//! Control of the running node. [`ControlService`] is the event loop's side: it answers requests between events.
//! [`ControlHandle`] sends requests to it from other tasks: the metrics endpoint and the socket in the data directory. [`request`]
//! is the client of that socket, for the other subcommands.

mod ban_arguments;
mod client;
mod protocol;
mod service;
mod socket;
mod socket_path;

pub use ban_arguments::BanArgumentError;
pub(crate) use ban_arguments::{check_length, check_reason, parse_subject};
pub use client::{ControlClientError, request};
pub use protocol::{FILE, MAX_REQUEST, SocketRequest, TIMEOUT};
pub use service::{BanChangeError, ControlHandle, ControlRequest, ControlService, NodeSnapshot, respond};
pub use socket::{CONNECTIONS, ControlSocket};
