//! What keeps a node from being made.

use libp2p::Multiaddr;

/// Why a node cannot be made, or cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum NetError {
    /// gossipsub refuses its configuration.
    #[error("gossipsub: {0}")]
    Gossip(String),
    /// Addresses of static peers are no multiaddrs.
    #[error("not a multiaddr: {}", .0.join(", "))]
    Addresses(Vec<String>),
    /// The transport cannot listen on this address.
    #[error("cannot listen on {address}: {error}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the transport said.
        error: String,
    },
}
