//! How the node reaches its peers and is reached: transports, discovery, and port mapping by the router.

pub mod discovery;
pub mod nat;
pub mod transport;
