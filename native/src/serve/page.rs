//! The HTTP side: the light-client page, embedded in the program, and what the page needs to know.
//!
//! `/relay.json` names the chain, its signer and the addresses that a browser can dial, for the page itself;
//! `/.well-known/petrel.json` is the relay's signed record, which pages of other origins may read; `/healthz` answers `ok`.
//! Everything else is looked up in the embedded files by its whole path, so no path leads out of them. At most
//! [`CONNECTIONS`] connections are served at once, none that is silent for long or stays for ever, and of one public address no
//! more than a share; request bodies are not read.

use std::{
    borrow::Cow,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener as _,
};
use libp2p::identity::Keypair;
use petrel_core::{Event, config::Settled};
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

pub use super::relays::listens;
use super::{http::Bounded, relay_record::Signed, relays::Relays};

/// Connections served at once; the next ones wait.
const CONNECTIONS: usize = 256;
/// How long a page that asks while the daemon starts waits for the first relay, and how often that is looked for.
const START: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);

/// The page may run its own wasm and its worker, send its form to itself, and dial relays anywhere; nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self' http: https: ws: wss:; base-uri 'none'; form-action 'self'; \
                      frame-ancestors 'none'";

/// The page's files: in a release build the real page, embedded; in a debug build the page of the tests, read from the disk.
#[derive(RustEmbed)]
#[cfg_attr(debug_assertions, folder = "../www/page/dist-test")]
#[cfg_attr(not(debug_assertions), folder = "../www/page/dist")]
#[allow_missing = true]
struct Files;

/// What browsers are told.
#[derive(Clone, Debug)]
pub struct Page {
    /// The chain's id.
    pub(super) id: u64,
    chain: Value,
    /// Who is believed to sign.
    signer: Option<Address>,
    pub(super) relays: Relays,
    /// The daemon will listen for browsers.
    listens: bool,
    /// Where the page is, once it is served.
    pub url: String,
}

impl Page {
    /// For a chain, without relays yet; `listens` says whether there will be any, `advertised` where browsers find us when
    /// that is not where we listen: an IP address or a name.
    pub fn new(config: &Settled, listens: bool, advertised: Option<&str>) -> Self {
        let chain = config.chain.to_rollup_json();
        let relays = Relays::new(advertised);
        Self { id: config.chain.id, chain, signer: config.signer, relays, listens, url: String::new() }
    }

    /// Takes what changes for browsers: where they can dial us and others, another signer.
    pub fn note(&mut self, event: &Event) {
        match event {
            Event::SignerChanged(change) => self.signer = change.current,
            other => self.relays.note(other),
        }
    }
}

/// Serves in the background until the runtime ends; the page's address as a browser takes it. `identity` signs the record.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(at: SocketAddr, page: Arc<Mutex<Page>>, identity: Keypair) -> io::Result<String> {
    let listener = Bounded::bind(at, CONNECTIONS).await?;
    let at = listener.local_addr()?;
    let routes = Router::new()
        .route("/relay.json", get(relay))
        .with_state(page.clone())
        .route("/.well-known/petrel.json", get(record))
        .with_state(Arc::new(Signed::new(page, identity)))
        .route("/healthz", get(async || "ok\n"))
        .fallback(get(file));
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, routes).await {
            tracing::error!(%error, "the page is no longer served");
        }
    });
    let host = if at.ip().is_unspecified() { "localhost".to_owned() } else { host_of(at) };
    Ok(format!("http://{host}:{}/", at.port()))
}

pub(crate) fn host_of(at: SocketAddr) -> String {
    match at {
        SocketAddr::V4(at) => at.ip().to_string(),
        SocketAddr::V6(at) => format!("[{}]", at.ip()),
    }
}

async fn relay(State(page): State<Arc<Mutex<Page>>>) -> Response {
    let page = settled(&page).await;
    let body = json!({ "chain": page.chain, "signer": page.signer, "relays": page.relays.own(), "record": true });
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
}

/// Any page may read it: it says nothing that is secret.
async fn record(State(signed): State<Arc<Signed>>) -> Response {
    settled(signed.page()).await;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (header::CACHE_CONTROL, "no-store"),
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    match signed.document() {
        Some(document) => (headers, document).into_response(),
        None => (StatusCode::INTERNAL_SERVER_ERROR, "the node's key signs no records\n").into_response(),
    }
}

/// The page, once there is a relay where there will be one.
async fn settled(page: &Mutex<Page>) -> Page {
    let now = || page.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let end = Instant::now() + START;
    let mut page = now();
    while page.listens && page.relays.own().is_empty() && Instant::now() < end {
        sleep(LOOK).await;
        page = now();
    }
    page
}

async fn file(uri: Uri) -> Response {
    let path = match uri.path().trim_start_matches('/') {
        "" => "index.html",
        path => path,
    };
    match Files::get(path) {
        Some(file) => found(path, file),
        None if path == "index.html" => not_built(),
        None => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn found(path: &str, file: EmbeddedFile) -> Response {
    // Files under assets/ carry their content's hash in their name.
    let caching = if path.starts_with("assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let kind =
        HeaderValue::from_str(file.metadata.mimetype()).unwrap_or(HeaderValue::from_static("application/octet-stream"));
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, HeaderValue::from_static(caching)),
        (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
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
