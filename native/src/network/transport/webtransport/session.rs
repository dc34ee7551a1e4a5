//! From a QUIC connection to an authenticated libp2p connection, on both sides.
//!
//! Over HTTP/3 the dialler asks for a session under [`PATH`] and opens a stream, on which both perform a Noise handshake
//! without multistream-select; afterwards the stream is closed. The listener sends the hashes of its certificates in the
//! handshake. The dialler fails unless every hash of the dialled address is among them, so an attacker that replaces both the
//! certificate and the address is detected.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use futures::{FutureExt, future::BoxFuture};
use libp2p::{
    PeerId,
    core::upgrade::{InboundConnectionUpgrade, OutboundConnectionUpgrade},
    noise,
};
use wtransport::{
    ClientConfig, Endpoint,
    config::QuicTransportConfig,
    endpoint::{ConnectOptions, IncomingSession},
    tls::{Sha256Digest, client::ServerHashVerification, client::build_default_tls_config},
};

use super::{
    address::DialTarget,
    error::WebTransportError,
    handshake::HANDSHAKE_TIMEOUT,
    muxer::{self, SessionMuxer, SessionStream},
};

/// The exact path of a session request (libp2p's specification).
const PATH: &str = "/.well-known/libp2p-webtransport?type=noise";
/// go-libp2p accepts a session only with this header, of the draft that browsers use. HTTP/3 allows no capital letter in a
/// header's name, and go-libp2p resets a request that has one (RFC 9114, 4.2).
const DRAFT: (&str, &str) = ("sec-webtransport-http3-draft02", "1");
/// Noise's name; it is not negotiated here.
const NOISE: &str = "/noise";

fn session_error(error: impl std::fmt::Display) -> WebTransportError {
    WebTransportError::Session(error.to_string())
}

/// Accepts a session, on the listener's side.
pub(super) async fn accept(
    incoming: IncomingSession,
    noise: noise::Config,
) -> Result<(PeerId, SessionMuxer), WebTransportError> {
    let request = incoming.await.map_err(session_error)?;
    if request.path() != PATH {
        let path: String = request.path().chars().take(80).collect();
        request.not_found().await;
        return Err(WebTransportError::Path(path));
    }
    let connection = request.accept().await.map_err(session_error)?;
    let stream = SessionStream::new(connection.accept_bi().await.map_err(session_error)?);
    let (peer, secured) = noise.upgrade_inbound(stream, NOISE).await?;
    Ok((peer, SessionMuxer::new(connection, secured)))
}

/// Dials a session; each dial has its own socket.
pub(super) async fn dial(
    target: DialTarget,
    noise: noise::Config,
) -> Result<(PeerId, SessionMuxer), WebTransportError> {
    let noise = noise.with_webtransport_certhashes(target.hashes.iter().copied().collect());
    let endpoint = Endpoint::client(client_config(&target, muxer::bounds()))?;
    let url = format!("https://{}{PATH}", target.socket);
    let options = ConnectOptions::builder(url).add_header(DRAFT.0, DRAFT.1).build();
    let connection = endpoint.connect(options).await.map_err(session_error)?;
    let opening = connection.open_bi().await.map_err(session_error)?;
    let stream = SessionStream::new(opening.await.map_err(session_error)?);
    let (peer, secured) = noise.upgrade_outbound(stream, NOISE).await?;
    Ok((peer, SessionMuxer::new(connection, secured)))
}

/// A client configuration that trusts the target's certificates and no certificate authority.
fn client_config(target: &DialTarget, bounds: QuicTransportConfig) -> ClientConfig {
    let digests = target.hashes.iter().filter_map(|hash| hash.digest().try_into().ok()).map(Sha256Digest::new);
    let verifier = ServerHashVerification::new(digests);
    let tls = build_default_tls_config(rustls::RootCertStore::empty().into(), Some(std::sync::Arc::new(verifier)));
    let any = match target.socket.ip() {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let builder = ClientConfig::builder().with_bind_address(SocketAddr::new(any, 0));
    builder.with_custom_tls_and_transport(tls, bounds).build()
}

/// A session whose handshake is under way.
pub(super) type PendingSession = BoxFuture<'static, Result<(PeerId, SessionMuxer), WebTransportError>>;

/// Ends the handshake with an error after [`HANDSHAKE_TIMEOUT`].
pub(super) fn with_timeout(
    handshake: impl Future<Output = Result<(PeerId, SessionMuxer), WebTransportError>> + Send + 'static,
) -> PendingSession {
    let timed = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake);
    async move { timed.await.unwrap_or(Err(WebTransportError::Timeout)) }.boxed()
}
