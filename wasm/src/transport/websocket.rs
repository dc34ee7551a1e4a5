//! libp2p over the browser's `WebSocket`; dials only.
//!
//! Our own because a block may be 10 MiB: the read side buffers that much (bounded), the write side has backpressure, the end of
//! a connection wakes its reader, and no timer runs unless a write waits.

mod address;
mod connection;
mod error;

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
use connection::{Connection, WebSocketDial};
use error::WebSocketError;

use super::environment;

/// The transport. Without state: each dial is its own `WebSocket`.
#[derive(Debug)]
pub(crate) struct WebSockets;

impl Transport for WebSockets {
    type Output = Connection;
    type Error = WebSocketError;
    type ListenerUpgrade = core::future::Pending<Result<Connection, WebSocketError>>;
    type Dial = Pin<Box<dyn Future<Output = Result<Connection, WebSocketError>> + Send>>;

    fn listen_on(&mut self, _: ListenerId, address: Multiaddr) -> Result<(), TransportError<WebSocketError>> {
        Err(TransportError::MultiaddrNotSupported(address))
    }

    fn remove_listener(&mut self, _: ListenerId) -> bool {
        false
    }

    /// The `WebSocket` is made when the dial is first polled: a dial that is never polled costs nothing.
    fn dial(&mut self, address: Multiaddr, _: DialOpts) -> Result<Self::Dial, TransportError<WebSocketError>> {
        let Some(url) = url(&address) else { return Err(TransportError::MultiaddrNotSupported(address)) };
        let hint = environment::hint(&address);
        Ok(Box::pin(async move { open(url, hint)?.await }))
    }

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<TransportEvent<Self::ListenerUpgrade, WebSocketError>> {
        Poll::Pending
    }
}

fn open(url: String, hint: &'static str) -> Result<WebSocketDial, WebSocketError> {
    if !environment::has("WebSocket") {
        return Err(WebSocketError::Missing);
    }
    match web_sys::WebSocket::new(&url) {
        Ok(socket) => Ok(WebSocketDial::new(socket, url, hint)),
        Err(error) => {
            let why = error.dyn_ref::<js_sys::Error>().map(|error| String::from(error.message()));
            Err(WebSocketError::Forbidden { url, why: why.unwrap_or_else(|| "no reason given".to_owned()) })
        }
    }
}
