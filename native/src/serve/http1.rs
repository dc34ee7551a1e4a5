//! HTTP/1 on a [`BoundedListener`], without HTTP/2. The limits of the listener count connections; HTTP/2 (`h2c`, which a client
//! may begin without an upgrade) would allow two hundred requests at once on each. The listener also limits the time of a header.

use axum::{Router, serve::Listener};
use hyper::server::conn::http1;
use hyper_util::{rt::TokioIo, service::TowerToHyperService};

use super::http::BoundedListener;

/// Bytes of a request's head at most, and of what is read ahead of it.
const MAX_HEADER: usize = 32 << 10;

/// Serves until it is dropped; each connection has a task of its own.
pub(super) async fn serve(mut listener: BoundedListener, routes: Router) {
    let mut http = http1::Builder::new();
    http.max_buf_size(MAX_HEADER);
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
