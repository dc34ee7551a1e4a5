//! The listener below both HTTP servers (page and metrics).
//!
//! It limits the number of connections, and shares it out by network ([`places`]): when all places are taken, one is freed for a
//! newcomer. It also limits a connection's silence and lifetime, and the time that a request's header may take ([`connection`]).

use std::{io, net::SocketAddr, time::Duration};

use axum::serve::Listener;
use tokio::net::TcpListener;

mod connection;
mod header;
mod places;

pub(crate) use connection::BoundedConnection;
use places::Places;

/// How long a newcomer waits for a place before another one is freed for it.
const FREE_AGAIN: Duration = Duration::from_millis(100);

/// See the module.
pub(crate) struct BoundedListener {
    listener: TcpListener,
    places: Places,
}

impl BoundedListener {
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn bind(at: SocketAddr, connections: usize) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(at).await?, places: Places::new(connections) })
    }
}

impl Listener for BoundedListener {
    type Io = BoundedConnection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (BoundedConnection, SocketAddr) {
        loop {
            let (stream, from) = Listener::accept(&mut self.listener).await;
            // A connection beyond its network's share is closed at once.
            if let Some(place) = self.places.take(from.ip(), FREE_AGAIN).await {
                return (BoundedConnection::new(stream, place), from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// The host of a socket in the form of a URL.
pub(crate) fn url_host(at: SocketAddr) -> String {
    match at {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    }
}
