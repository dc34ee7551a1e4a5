//! What the transports are built from: where to listen, how to encrypt, and how long a dial may take.

use std::{path::PathBuf, sync::Arc, time::Duration};

use ipnet::IpNet;
use libp2p::Multiaddr;
use tokio::sync::Notify;

use super::transport::webtransport::certificate::PERIOD;

/// Listening and dialling.
#[derive(Clone, Debug)]
pub struct NetworkConfig {
    /// Addresses to listen on.
    pub listen: Vec<Multiaddr>,
    /// Encryption in order of preference.
    pub security: Vec<SecurityProtocol>,
    /// How long a dial or a handshake may take.
    pub timeout: Duration,
    /// The agent version that identify sends.
    pub agent: String,
    /// How long a WebTransport certificate is served.
    pub period: Duration,
    /// The certificate of secure WebSocket; present when a secure WebSocket address is listened on.
    pub certificate: Option<PemFiles>,
    /// Networks of the reverse proxies in front of WebSocket: a connection from one has the address of its client.
    pub trusted_proxies: Vec<IpNet>,
    /// Makes the transport read the certificate's files at once.
    pub reread: Arc<Notify>,
}

impl NetworkConfig {
    /// Listens on these addresses, with Noise and the flags' default values.
    pub fn new(listen: Vec<Multiaddr>, agent: &str) -> Self {
        let (security, timeout) = (vec![SecurityProtocol::Noise], Duration::from_secs(10));
        let (agent, trusted_proxies, reread) = (agent.to_owned(), Vec::new(), Arc::default());
        Self { listen, security, timeout, agent, period: PERIOD, certificate: None, trusted_proxies, reread }
    }
}

/// A certificate and its key, in PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PemFiles {
    /// The certificate, followed by its intermediate certificates.
    pub chain: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An encryption protocol that can be offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityProtocol {
    /// libp2p noise.
    Noise,
    /// libp2p TLS 1.3.
    Tls,
}
