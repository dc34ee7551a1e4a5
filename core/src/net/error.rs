//! Errors of creating a node and of listening.

use libp2p::Multiaddr;

/// Why a node cannot be created, or cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// gossipsub refuses its configuration.
    #[error("gossipsub: {0}")]
    Gossip(String),
    /// These addresses of static peers are not multiaddrs.
    #[error("not a multiaddr: {}", .0.join(", "))]
    Addresses(Vec<String>),
    /// The transport cannot listen on this address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// The transport's error.
        error: String,
    },
}
