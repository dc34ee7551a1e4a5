//! Probes over HTTP, on the listener of the metrics: `/livez`, `/readyz` and `/healthz`, as JSON.
//!
//! - `/livez`: the event loop runs. When it does not, a restart is the remedy; no other fault makes it red.
//! - `/readyz`: the node follows the chain, see [`checks`](super::checks).
//! - `/healthz`: it is ready, and everything else is well too.
//!
//! Status 200, or 503 with the reasons. An answer reads what the event loop published last, and waits for nothing.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use super::checks::Health;

/// The event loop publishes every five seconds. After so much silence it counts as stuck.
const STUCK: Duration = Duration::from_secs(30);

/// What the event loop published last. Cheap to clone.
#[derive(Clone, Debug)]
pub struct SharedHealth(Arc<Mutex<Published>>);

#[derive(Debug)]
struct Published {
    at: Instant,
    /// `None` before the first check.
    health: Option<Health>,
}

impl Default for SharedHealth {
    fn default() -> Self {
        Self(Arc::new(Mutex::new(Published { at: Instant::now(), health: None })))
    }
}

impl SharedHealth {
    /// Replaces what was published before.
    pub fn publish(&self, health: Health) {
        let published = Published { at: Instant::now(), health: Some(health) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = published;
    }

    /// Why the process should be restarted, if it should.
    pub fn stuck_reason(&self) -> Option<String> {
        let silence = self.0.lock().unwrap_or_else(PoisonError::into_inner).at.elapsed();
        (silence > STUCK).then(|| format!("the event loop has not run for {} s", silence.as_secs()))
    }

    /// The answer of `/readyz` or `/healthz`.
    fn answer(&self, only_ready: bool) -> Value {
        if let Some(reason) = self.stuck_reason() {
            return failing(&reason);
        }
        let published = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        published.health.as_ref().map_or_else(|| failing("the node is starting"), |health| health.to_json(only_ready))
    }
}

fn failing(reason: &str) -> Value {
    json!({ "status": "failing", "reasons": [reason] })
}

/// The routes.
pub(crate) fn routes(health: SharedHealth) -> Router {
    Router::new()
        .route("/livez", get(livez))
        .route("/readyz", get(async |State(health): State<SharedHealth>| respond(health.answer(true))))
        .route("/healthz", get(async |State(health): State<SharedHealth>| respond(health.answer(false))))
        .with_state(health)
}

async fn livez(State(health): State<SharedHealth>) -> Response {
    respond(health.stuck_reason().map_or_else(|| json!({ "status": "ok", "reasons": [] }), |reason| failing(&reason)))
}

fn respond(answer: Value) -> Response {
    let is_ok = answer.get("status").is_some_and(|status| status == "ok");
    let status = if is_ok { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(answer)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if nothing had been published for this time.
    fn silent(secs: u64) -> SharedHealth {
        let health = SharedHealth::default();
        health.publish(Health::default());
        health.0.lock().unwrap().at = Instant::now().checked_sub(Duration::from_secs(secs)).unwrap();
        health
    }

    #[test]
    fn a_stuck_event_loop_is_red_everywhere_and_a_node_that_starts_is_alive_and_not_ready() {
        let stuck = silent(31);
        assert_eq!(stuck.stuck_reason().unwrap(), "the event loop has not run for 31 s");
        for only_ready in [true, false] {
            assert_eq!(stuck.answer(only_ready)["status"], "failing");
            assert_eq!(silent(29).answer(only_ready)["status"], "ok");
            let starting = SharedHealth::default();
            assert_eq!(starting.answer(only_ready)["reasons"][0], "the node is starting");
            assert_eq!(starting.stuck_reason(), None);
        }
    }
}
