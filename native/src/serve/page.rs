//! The HTTP server of the light-client page, whose files are embedded in the program.
//!
//! `/relay.json` has the chain, its signer and the addresses that a browser can dial, for the page itself;
//! `/.well-known/petrel.json` is the relay's signed record, which pages of other origins may read if it is meant for the public
//! (`serve::host_check`); `/healthz` answers `ok` while the event loop runs: readiness and health are on the listener of the
//! metrics, where the connections of browsers take no place.
//! Every other path is looked up in the embedded files as a whole, so no path leads out of them. A new endpoint gets a route here.
//! Bounds: [`CONNECTIONS`] connections at once, with the limits of `serve::http`; request bodies are not read.

use std::{borrow::Cow, io, net::SocketAddr, sync::Arc, time::Duration};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, Uri, header},
    middleware::from_fn_with_state,
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener as _,
};
use libp2p::identity::Keypair;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    health::SharedHealth,
    host_check::{HostCheck, check_host},
    http::{BoundedListener, url_host},
    http1,
    relay_info::{RelayInfo, SharedRelayInfo},
    relay_record::RecordSigner,
};

/// Connections served at once; the next ones wait.
const CONNECTIONS: usize = 256;
/// How long a request during the daemon's start waits for the first address, and how often that is checked.
const START_TIMEOUT: Duration = Duration::from_secs(3);
const START_CHECK: Duration = Duration::from_millis(20);

/// The page may run its own wasm and worker, send its form to itself, and dial relays anywhere; nothing else.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The page's files: in a release build the real page, embedded; in a debug build the page of the tests, read from the disk.
#[derive(RustEmbed)]
#[cfg_attr(debug_assertions, folder = "../www/page/dist-test")]
#[cfg_attr(not(debug_assertions), folder = "../www/page/dist")]
#[allow_missing = true]
struct PageFiles;

/// Serves in the background until the runtime ends; returns the page's URL. `identity` signs the record; `hosts` are the names and
/// addresses at which others reach it, for `serve::host_check`; `health` is for the liveness, which is constant without it.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(
    at: SocketAddr,
    info: SharedRelayInfo,
    identity: Keypair,
    hosts: &[String],
    health: Option<SharedHealth>,
) -> io::Result<String> {
    let listener = BoundedListener::bind(at, CONNECTIONS).await?;
    let at = listener.local_addr()?;
    let check = HostCheck::new(at.ip(), hosts);
    let routes = Router::new()
        .route("/relay.json", get(relay))
        .with_state(info.clone())
        .route("/.well-known/petrel.json", get(record))
        .with_state(RecordState { signer: Arc::new(RecordSigner::new(info, identity)), check: check.clone() })
        .route("/healthz", get(liveness))
        .with_state(health)
        .fallback(get(file))
        .layer(from_fn_with_state(check, check_host));
    tokio::spawn(http1::serve(listener, routes));
    let host = if at.ip().is_unspecified() { "localhost".to_owned() } else { url_host(at) };
    let url = format!("http://{host}:{}/", at.port());
    tracing::info!(%url, "page");
    Ok(url)
}

async fn liveness(State(health): State<Option<SharedHealth>>) -> Response {
    match health.and_then(|health| health.stuck_reason()) {
        Some(reason) => (StatusCode::SERVICE_UNAVAILABLE, format!("{reason}\n")).into_response(),
        None => "ok\n".into_response(),
    }
}

async fn relay(State(info): State<SharedRelayInfo>) -> Response {
    let info = started(&info).await;
    let body = json!({ "chain": info.chain, "signer": info.signer, "relays": info.own_addresses, "record": true });
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

#[derive(Clone)]
struct RecordState {
    signer: Arc<RecordSigner>,
    check: HostCheck,
}

/// The relay record. It has no secrets, and pages of any origin may read it if it is meant for the public.
async fn record(State(RecordState { signer, check }): State<RecordState>, request: HeaderMap) -> Response {
    started(signer.info()).await;
    let headers =
        [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store"), (header::VARY, "origin")];
    let origin = check.allowed_origin(request.get(header::ORIGIN));
    let origin = origin.map(|origin| [(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)]);
    match signer.document() {
        Some(document) => (headers, origin.map_or_else(HeaderMap::new, HeaderMap::from_iter), document).into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "the node's key cannot sign records\n").into_response(),
    }
}

/// The information, once the node has its first address for browsers, if it listens for them.
async fn started(shared: &SharedRelayInfo) -> RelayInfo {
    let end = Instant::now() + START_TIMEOUT;
    let mut info = shared.get();
    while info.listens_for_browsers && info.own_addresses.is_empty() && Instant::now() < end {
        sleep(START_CHECK).await;
        info = shared.get();
    }
    info
}

async fn file(uri: Uri) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    match PageFiles::get(path) {
        Some(file) => file_response(path, file),
        None if path == "index.html" => not_built(),
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn file_response(path: &str, file: EmbeddedFile) -> Response {
    // Files under assets/ have their content's hash in their name.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind =
        HeaderValue::from_str(file.metadata.mimetype()).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_SECURITY_POLICY)),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    let body = match file.data {
        Cow::Borrowed(data) => Bytes::from_static(data),
        Cow::Owned(data) => data.into(),
    };
    (headers, body).into_response()
}

fn not_built() -> Response {
    let text = if cfg!(debug_assertions) {
        "This is a debug build of petrel, and its page is not built: run `cargo xtask test page`.\n"
    } else {
        "This petrel was built without its page: run `cargo xtask www`, then build petrel again.\n"
    };
    (StatusCode::NOT_FOUND, text).into_response()
}
