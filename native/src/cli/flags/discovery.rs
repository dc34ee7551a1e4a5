//! Flags of discovery and of the advertised address, as written.

use clap::Args;

/// Discovery and the advertised address.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Discovery")]
pub struct DiscoveryFlags {
    /// Disable P2P: the node does not listen and does not dial
    #[arg(long = "p2p.disable", env = "PETREL_P2P_DISABLE", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub disable: bool,
    /// Disable discovery: only static peers are dialled; other peers may connect
    #[arg(long = "p2p.no-discovery", env = "PETREL_P2P_NO_DISCOVERY", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub no_discovery: bool,
    /// Boot nodes, comma separated: enr:…, enode://KEY@HOST:PORT, /ip4/IP/udp/PORT/p2p/PEER_ID [default: the built-in list for --network]
    #[arg(long = "p2p.bootnodes", value_name = "LIST", value_delimiter = ',', env = "PETREL_P2P_BOOTNODES")]
    pub bootnodes: Vec<String>,
    /// UDP port of discovery; 0 takes the number of the TCP port
    #[arg(long = "p2p.listen.udp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_LISTEN_UDP_PORT")]
    pub listen_udp: String,
    /// Ask the router by UPnP to forward the TCP port and discovery's UDP port, and advertise the router's address
    #[arg(long = "p2p.nat", env = "PETREL_P2P_NAT", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub nat: bool,
    /// IP address or host name that is advertised [default: the listening address, or the one on which peers agree]
    #[arg(long = "p2p.advertise.ip", value_name = "HOST", env = "PETREL_P2P_ADVERTISE_IP")]
    pub advertise_ip: Option<String>,
    /// TCP port that is advertised; 0 is the listening port
    #[arg(long = "p2p.advertise.tcp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_ADVERTISE_TCP")]
    pub advertise_tcp: String,
    /// UDP port that is advertised; 0 is the listening port
    #[arg(long = "p2p.advertise.udp", value_name = "PORT", default_value = "0", env = "PETREL_P2P_ADVERTISE_UDP")]
    pub advertise_udp: String,
}
