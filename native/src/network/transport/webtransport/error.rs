//! Why a WebTransport connection failed.

use std::io;

use libp2p::noise;

use super::handshake::HANDSHAKE_TIMEOUT;

/// See the module.
#[derive(Debug, thiserror::Error)]
pub enum WebTransportError {
    /// The system gives no socket, or the certificate cannot be made.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// An address that ends in `/webtransport` without `/certhash`: no certificate can be verified.
    #[error("a /webtransport address is dialled by its /certhash parts, and this one has none of SHA-256")]
    NoCertificateHash,
    /// The QUIC connection or the session ended.
    #[error("the session failed: {0}")]
    Session(String),
    /// The peer asked for a session under another path than libp2p's.
    #[error("the session asks for {0:?}, which is not libp2p's path")]
    Path(String),
    /// The peer has another identity, or its certificates are not those of the address.
    #[error("the handshake failed: {0}")]
    Noise(#[from] noise::Error),
    /// The listener's UDP socket failed for good.
    #[error("the UDP socket is lost")]
    Lost,
    /// The handshake exceeded its time limit.
    #[error("the handshake took longer than {} s", HANDSHAKE_TIMEOUT.as_secs())]
    Timeout,
}
