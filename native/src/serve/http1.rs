//! HTTP/1 on a [`BoundedListener`], without HTTP/2. The limits of the listener count connections; HTTP/2 (`h2c`, which a client
//! may begin without an upgrade) would allow two hundred requests at once on each.

use std::time::Duration;

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};

use super::http::BoundedListener;

/// How long the head of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a request's head at most, and of what is read ahead of it.
const MAX_HEADER: usize = 32 << 10;

/// Serves until it is dropped; each connection has a task of its own.
pub(super) async fn serve(mut listener: BoundedListener, routes: Router) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT).max_buf_size(MAX_HEADER);
    loop {
        let (stream, from) = listener.accept().await;
        let connection = http.serve_connection(TokioIo::new(stream), TowerToHyperService::new(routes.clone()));
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%from, %error, "http");
            }
        });
    }
}
