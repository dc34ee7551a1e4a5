//! Flags of the listening addresses, as written.

use std::path::PathBuf;

use clap::Args;

impl ListenFlags {
    /// The default: every IPv4 address.
    pub const IP: &str = "0.0.0.0";
}

/// Listening addresses: TCP always, every other transport if its port is given.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Listening")]
pub struct ListenFlags {
    /// IP addresses to listen on, IPv4 and IPv6, comma separated
    #[arg(
        long = "p2p.listen.ip",
        value_name = "IP",
        default_value = Self::IP,
        value_delimiter = ',',
        env = "PETREL_P2P_LISTEN_IP"
    )]
    pub ip: Vec<String>,
    /// TCP port: 1024 to 65535, or 0 for any free port
    #[arg(
        id = "listen_tcp",
        long = "p2p.listen.tcp",
        value_name = "PORT",
        default_value = "9222",
        env = "PETREL_P2P_LISTEN_TCP_PORT"
    )]
    pub tcp: String,
    /// QUIC port (UDP): 1 to 65535, or 0 for any free port; without it there is no QUIC listener
    #[arg(id = "listen_quic", long = "p2p.listen.quic", value_name = "PORT", env = "PETREL_P2P_LISTEN_QUIC_PORT")]
    pub quic: Option<String>,
    /// WebTransport port for browsers (UDP): 1 to 65535, or 0 for any free port; without it there is no WebTransport listener
    #[arg(
        id = "listen_webtransport",
        long = "p2p.listen.webtransport",
        value_name = "PORT",
        env = "PETREL_P2P_LISTEN_WEBTRANSPORT_PORT"
    )]
    pub webtransport: Option<String>,
    /// Time for which a WebTransport certificate is served, 1s to 264h
    #[arg(
        id = "webtransport_period",
        long = "p2p.webtransport.period",
        value_name = "DURATION",
        default_value = "264h",
        env = "PETREL_P2P_WEBTRANSPORT_PERIOD"
    )]
    pub period: String,
    /// WebSocket port for browsers: 1 to 65535, or 0 for any free port; without it there is no WebSocket listener
    #[arg(id = "listen_ws", long = "p2p.listen.ws", value_name = "PORT", env = "PETREL_P2P_LISTEN_WS_PORT")]
    pub ws: Option<String>,
    /// Addresses and networks of reverse proxies in front of --p2p.listen.ws and --p2p.listen.wss, comma separated: their
    /// connections have the address that the PROXY protocol or X-Forwarded-For names; the proxy must set one of them
    #[arg(
        id = "ws_trusted_proxies",
        long = "p2p.ws.trusted-proxies",
        value_name = "IP|CIDR",
        value_delimiter = ',',
        env = "PETREL_P2P_WS_TRUSTED_PROXIES"
    )]
    pub trusted_proxies: Vec<String>,
    /// Secure WebSocket port for browsers: 1 to 65535, or 0 for any free port; needs --p2p.wss.cert and --p2p.wss.key
    #[arg(id = "listen_wss", long = "p2p.listen.wss", value_name = "PORT", env = "PETREL_P2P_LISTEN_WSS_PORT")]
    pub wss: Option<String>,
    /// PEM file with the certificate of --p2p.listen.wss and its intermediate certificates; read again when it changes
    #[arg(id = "wss_cert", long = "p2p.wss.cert", value_name = "FILE", env = "PETREL_P2P_WSS_CERT")]
    pub cert: Option<PathBuf>,
    /// PEM file with that certificate's private key; read again when it changes
    #[arg(id = "wss_key", long = "p2p.wss.key", value_name = "FILE", env = "PETREL_P2P_WSS_KEY")]
    pub key: Option<PathBuf>,
}
