//! `GET /metrics` over HTTP, and the probes of [`health`](crate::serve::health). Bounds: [`CONNECTIONS`] connections at once, with the limits of `serve::http`, and [`STATUS_TIMEOUT`]
//! for the event loop's status. Request bodies are not read.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use prometheus::TEXT_FORMAT;
use tokio::time::timeout;

use super::Metrics;
use crate::serve::{
    control::ControlHandle,
    health::{SharedHealth, probes},
    host_check::{HostCheck, check_host},
    http::{BoundedListener, url_host},
    http1,
};

/// Connections served at once; further ones wait.
pub const CONNECTIONS: usize = 16;
/// How long the event loop may take to give its status.
const STATUS_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct ScrapeState {
    metrics: Arc<Metrics>,
    handle: ControlHandle,
}

/// Serves in the background until the runtime ends; returns the URL of the metrics. `hosts` are for `serve::host_check`.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(
    at: SocketAddr,
    metrics: Arc<Metrics>,
    handle: ControlHandle,
    hosts: &[String],
    health: SharedHealth,
) -> io::Result<String> {
    let listener = BoundedListener::bind(at, CONNECTIONS).await?;
    let at = listener.local_addr()?;
    let routes = Router::new().route("/metrics", get(scrape)).with_state(ScrapeState { metrics, handle });
    let routes = routes.merge(probes::routes(health));
    let routes = routes.layer(from_fn_with_state(HostCheck::new(at.ip(), hosts), check_host));
    tokio::spawn(http1::serve(listener, routes));
    Ok(format!("http://{}:{}/metrics", url_host(at), at.port()))
}

async fn scrape(State(ScrapeState { metrics, handle }): State<ScrapeState>) -> Response {
    let Ok(Some(now)) = timeout(STATUS_TIMEOUT, handle.snapshot()).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the event loop does not answer in time\n").into_response();
    };
    match metrics.text(&now) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
