//! `GET /metrics` over HTTP, bounded as the page is: [`CONNECTIONS`] at once, none that is silent for half a minute, and
//! [`PATIENCE`] for the node to say how it is. Request bodies are not read.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use prometheus::TEXT_FORMAT;
use tokio::time::timeout;

use super::Metrics;
use crate::{serve::control::service::Door, serve::http::Bounded, serve::page::host_of};

/// Connections served at once; the next ones wait.
pub const CONNECTIONS: usize = 16;
/// How long the loop may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Clone)]
struct Served {
    metrics: Arc<Metrics>,
    door: Door,
}

/// Serves in the background until the runtime ends; the address of the metrics.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(at: SocketAddr, metrics: Arc<Metrics>, door: Door) -> io::Result<String> {
    let listener = Bounded::bind(at, CONNECTIONS).await?;
    let at = listener.local_addr()?;
    let routes = Router::new().route("/metrics", get(scrape)).with_state(Served { metrics, door });
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "metrics are no longer served");
        }
    });
    Ok(format!("http://{}:{}/metrics", host_of(at), at.port()))
}

async fn scrape(State(Served { metrics, door }): State<Served>) -> Response {
    let Ok(Some(now)) = timeout(PATIENCE, door.snapshot()).await else {
        return (StatusCode::SERVICE_UNAVAILABLE, "the node does not answer in time\n").into_response();
    };
    match metrics.text(&now) {
        Ok(text) => ([(header::CONTENT_TYPE, TEXT_FORMAT)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}
