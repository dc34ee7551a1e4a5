//! From a QUIC connection to an authenticated libp2p connection, on both sides.
//!
//! Over HTTP/3 the dialler asks for a session under [`PATH`] and opens a stream, on which both do a plain Noise handshake
//! (without multistream-select) and which both then leave. The listener puts the hashes of its certificates into it;
//! a dialler goes no further unless all hashes of the address that it dialled are among them, so that whoever swaps the
//! certificate does not get away with swapping the address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

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
    Error,
    address::Target,
    muxer::{self, Muxer, Stream},
};

/// What a session is asked for with, exactly (libp2p's specification).
const PATH: &str = "/.well-known/libp2p-webtransport?type=noise";
/// go-libp2p takes no session without this header, of the draft that browsers speak. HTTP/3 allows no capital letter in a
/// header's name, and go-libp2p resets a request that has one (RFC 9114, 4.2).
const DRAFT: (&str, &str) = ("sec-webtransport-http3-draft02", "1");
/// Noise's name; it is not negotiated here.
const NOISE: &str = "/noise";

fn failed(error: impl std::fmt::Display) -> Error {
    Error::Session(error.to_string())
}

/// The listener's side.
pub(super) async fn accept(incoming: IncomingSession, noise: noise::Config) -> Result<(PeerId, Muxer), Error> {
    let request = incoming.await.map_err(failed)?;
    if request.path() != PATH {
        let path: String = request.path().chars().take(80).collect();
        request.not_found().await;
        return Err(Error::Path(path));
    }
    let connection = request.accept().await.map_err(failed)?;
    let stream = Stream::new(connection.accept_bi().await.map_err(failed)?);
    let (peer, secured) = noise.upgrade_inbound(stream, NOISE).await?;
    Ok((peer, Muxer::new(connection, secured)))
}

/// The dialler's side; each dial has a socket of its own.
pub(super) async fn dial(target: Target, noise: noise::Config) -> Result<(PeerId, Muxer), Error> {
    let noise = noise.with_webtransport_certhashes(target.hashes.iter().copied().collect());
    let endpoint = Endpoint::client(client(&target, muxer::bounds()))?;
    let url = format!("https://{}{PATH}", target.socket);
    let options = ConnectOptions::builder(url).add_header(DRAFT.0, DRAFT.1).build();
    let connection = endpoint.connect(options).await.map_err(failed)?;
    let opening = connection.open_bi().await.map_err(failed)?;
    let stream = Stream::new(opening.await.map_err(failed)?);
    let (peer, secured) = noise.upgrade_outbound(stream, NOISE).await?;
    Ok((peer, Muxer::new(connection, secured)))
}

/// Believes the target's certificates and no authority.
fn client(target: &Target, bounds: QuicTransportConfig) -> ClientConfig {
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
