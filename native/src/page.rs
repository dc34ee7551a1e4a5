//! The HTTP side: the light-client page, embedded in the program, and what the page needs to know.
//!
//! `/relay.json` names the chain, its signer and the addresses that a browser can dial; `/healthz` answers `ok`. Everything
//! else is looked up in the embedded files by its whole path, so no path leads out of them. At most [`CONNECTIONS`]
//! connections are served at once, none that is silent for [`SILENCE`]; request bodies are not read.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use alloy_primitives::Address;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
    serve::Listener,
};
use libp2p::{Multiaddr, multiaddr::Protocol};
use petrel_core::config::Settled;
use rust_embed::{EmbeddedFile, RustEmbed};
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep},
};
use tokio_io_timeout::TimeoutStream;

/// Connections served at once; the next ones wait.
const CONNECTIONS: usize = 256;
/// How long a connection may neither ask nor take anything.
const SILENCE: Duration = Duration::from_secs(30);
/// How long a page that asks while the daemon starts waits for the first relay, and how often that is looked for.
const START: Duration = Duration::from_secs(3);
const LOOK: Duration = Duration::from_millis(20);
/// Relay addresses told to the page: more than any machine has.
const RELAYS: usize = 32;

/// The page may run its own wasm and its worker, and dial relays anywhere; nothing else.
const POLICY: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; \
                      img-src 'self' data:; connect-src 'self' ws: wss:; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'";

#[derive(RustEmbed)]
#[folder = "../www/dist/page"]
#[allow_missing = true]
struct Files;

/// What the page is told.
#[derive(Clone, Debug)]
pub struct Page {
    chain: Value,
    /// Who is believed to sign.
    pub signer: Option<Address>,
    relays: Vec<String>,
    /// The daemon will listen for browsers.
    listens: bool,
    /// Where the page is, once it is served.
    pub url: String,
}

impl Page {
    /// For a chain, without relays yet; `listens` says whether there will be any.
    pub fn new(config: &Settled, listens: bool) -> Self {
        let chain = config.chain.slug().map_or_else(|| config.chain.to_rollup_json(), Value::from);
        Self { chain, signer: config.signer, relays: Vec::new(), listens, url: String::new() }
    }

    /// An address that a browser can dial.
    pub fn add_relay(&mut self, relay: String) {
        if self.relays.len() < RELAYS && !self.relays.contains(&relay) {
            self.relays.push(relay);
        }
    }
}

/// Whether a browser has a transport for the address.
pub fn browser_can_dial(address: &str) -> bool {
    let Ok(address) = address.parse::<Multiaddr>() else { return false };
    address.iter().any(|part| matches!(part, Protocol::Ws(_) | Protocol::Wss(_)))
}

/// Whether a browser can dial any of these.
pub fn listens(addresses: &[Multiaddr]) -> bool {
    addresses.iter().any(|address| browser_can_dial(&address.to_string()))
}

/// Serves in the background until the runtime ends; the page's address as a browser takes it.
///
/// # Errors
/// The address cannot be listened on.
pub async fn serve(at: SocketAddr, page: Arc<Mutex<Page>>) -> io::Result<String> {
    let listener = Bounded::bind(at, CONNECTIONS).await?;
    let at = listener.local_addr()?;
    let routes = Router::new()
        .route("/relay.json", get(relay))
        .route("/healthz", get(async || "ok\n"))
        .fallback(get(file))
        .with_state(page);
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
    let now = || page.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let end = Instant::now() + START;
    let mut page = now();
    while page.listens && page.relays.is_empty() && Instant::now() < end {
        sleep(LOOK).await;
        page = now();
    }
    let body = json!({ "chain": page.chain, "signer": page.signer, "relays": page.relays });
    ([(header::CACHE_CONTROL, "no-store")], Json(body)).into_response()
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
    (headers, file.data.into_owned()).into_response()
}

fn not_built() -> Response {
    let text = "This petrel was built without its page: run `cargo xtask www`, then build petrel again.\n";
    (StatusCode::NOT_FOUND, text).into_response()
}

/// A listener that accepts only while fewer than so many connections are open.
pub(crate) struct Bounded {
    listener: TcpListener,
    free: Arc<Semaphore>,
}

impl Bounded {
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) async fn bind(at: SocketAddr, connections: usize) -> io::Result<Self> {
        Ok(Self { listener: TcpListener::bind(at).await?, free: Arc::new(Semaphore::new(connections)) })
    }
}

impl Listener for Bounded {
    type Io = Counted;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Counted, SocketAddr) {
        let permit = self.free.clone().acquire_owned().await.ok();
        let (stream, from) = Listener::accept(&mut self.listener).await;
        let mut stream = TimeoutStream::new(stream);
        stream.set_read_timeout(Some(SILENCE));
        stream.set_write_timeout(Some(SILENCE));
        (Counted { stream: Box::pin(stream), _permit: permit }, from)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// A connection that ends when it is silent, and then gives its place back.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    _permit: Option<OwnedSemaphorePermit>,
}

mod io_of_counted {
    //! Reading and writing go straight to the stream.

    use std::{
        io,
        pin::Pin,
        task::{Context, Poll},
    };

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::Counted;

    impl AsyncRead for Counted {
        fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_read(cx, buf)
        }
    }

    impl AsyncWrite for Counted {
        fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
            self.stream.as_mut().poll_write(cx, buf)
        }

        fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_flush(cx)
        }

        fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            self.stream.as_mut().poll_shutdown(cx)
        }
    }
}
