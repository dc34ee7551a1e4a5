//! libp2p over the browser's `WebSocket`; dials only.
//!
//! Our own because a block may be 10 MiB: the read side takes that (bounded), the write side waits for the line, the end of
//! a connection reaches whoever waits, and nothing polls while nothing is stuck.

mod address;
mod connection;

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use libp2p::{
    Multiaddr,
    core::transport::{DialOpts, ListenerId, Transport, TransportError, TransportEvent},
};
use wasm_bindgen::JsCast as _;

pub(crate) use address::url;
use connection::{Connection, Opening};

use super::place;

/// Why a WebSocket did not open.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DialError {
    /// There is no global `WebSocket`.
    #[error("this environment has no WebSocket (Node has it from version 22 on)")]
    Missing,
    /// Mixed content, or a forbidden port.
    #[error("the browser does not allow {url} here: {why} (a page from https:// can open wss:// alone)")]
    Forbidden {
        /// What was to be opened.
        url: String,
        /// What the browser said.
        why: String,
    },
    /// Closed before it opened. Browsers keep the reason from scripts.
    #[error(
        "{url} did not open (code {code}): nothing listens there, it is no WebSocket, or the browser blocks it{hint}"
    )]
    Refused {
        /// What was to be opened.
        url: String,
        /// The close code.
        code: u16,
        /// What else may be the reason.
        hint: &'static str,
    },
}

/// The transport. Without state: each dial is its own `WebSocket`.
#[derive(Debug)]
pub(crate) struct WebSockets;

impl Transport for WebSockets {
    type Output = Connection;
    type Error = DialError;
    type ListenerUpgrade = core::future::Pending<Result<Connection, DialError>>;
    type Dial = Pin<Box<dyn Future<Output = Result<Connection, DialError>> + Send>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<DialError>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    /// The `WebSocket` is made when the dial is first polled: a dial that is never polled costs nothing.
    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<DialError>> {
        let Some(url) = url(&address) else { return Err(TransportError::MultiaddrNotSupported(address)) };
        let hint = place::hint(&address);
        Ok(Box::pin(async move { open(url, hint)?.await }))
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, DialError>> {
        Poll::Pending
    }
}

fn open(url: String, hint: &'static str) -> Result<Opening, DialError> {
    if !place::has("WebSocket") {
        return Err(DialError::Missing);
    }
    match web_sys::WebSocket::new(&url) {
        Ok(socket) => Ok(Opening::new(socket, url, hint)),
        Err(error) => {
            let why = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            Err(DialError::Forbidden { url, why: why.unwrap_or_else(|| "no reason given".to_owned()) })
        }
    }
}
