//! How peers are found, as written.

use clap::Args;

/// How peers are found.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Discovery")]
pub struct DiscoveryFlags {
    /// No peers at all: nothing listens and nobody is dialled
    #[arg(long = "p2p.disable", env = "PETREL_P2P_DISABLE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub disable: bool,
    /// Do not look for peers: only static ones are dialled, and whoever comes is let in
    #[arg(long = "p2p.no-discovery", env = "PETREL_P2P_NO_DISCOVERY", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub no_discovery: bool,
    /// Whom to ask first, comma separated: enr:…, enode://KEY@HOST:PORT, /ip4/IP/udp/PORT/p2p/PEER_ID [default: the built-in list of a --network]
    #[arg(long = "p2p.bootnodes", value_name = "LIST", value_delimiter = ',', env = "PETREL_P2P_BOOTNODES")]
    pub bootnodes: Vec<String>,
    /// UDP port; 0 takes the number of the TCP port
    #[arg(long = "p2p.listen.udp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_LISTEN_UDP_PORT")]
    pub listen_udp: String,
    /// Ask the router, by UPnP, to forward the TCP port and discovery's UDP port; its address is advertised then
    #[arg(long = "p2p.nat", env = "PETREL_P2P_NAT", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub nat: bool,
    /// The IP or host name at which others find this node; without it where it listens, or what peers agree on
    #[arg(long = "p2p.advertise.ip", value_name = "HOST", env = "PETREL_P2P_ADVERTISE_IP")]
    pub advertise_ip: Option<String>,
    /// The TCP port at which others find it; 0 is the one on which it listens
    #[arg(long = "p2p.advertise.tcp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_ADVERTISE_TCP")]
    pub advertise_tcp: String,
    /// The UDP port at which others find it; 0 is the one on which it listens
    #[arg(long = "p2p.advertise.udp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_ADVERTISE_UDP")]
    pub advertise_udp: String,
}
