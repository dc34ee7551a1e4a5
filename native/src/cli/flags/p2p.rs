//! Flags of identity, static peers and gossip, as written.

use std::path::PathBuf;

use clap::Args;

use super::listen::ListenFlags;
use crate::secret::SecretText;

impl P2pFlags {
    /// The default encryption.
    pub const SECURITY: &str = "noise";
}

/// Identity, listening, static peers and gossip.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "P2P")]
pub struct P2pFlags {
    /// Directory of the node's own files; created when missing
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR")]
    pub datadir: PathBuf,
    /// Hex file with the node's secp256k1 key, created with mode 0600 when missing [default: DATADIR/p2p_priv.txt]
    #[arg(long = "p2p.priv.path", value_name = "FILE", env = "PETREL_P2P_PRIV_PATH")]
    pub priv_path: Option<PathBuf>,
    /// The node's secp256k1 key in hex; replaces the file. Give it as the variable PETREL_P2P_PRIV_RAW to hide it from other
    /// processes
    #[arg(long = "p2p.priv.raw", value_name = "HEX", env = "PETREL_P2P_PRIV_RAW", hide_env_values = true)]
    pub priv_raw: Option<SecretText>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the flattened flags have their own")]
    pub listen: ListenFlags,
    /// Static peers, which are kept connected: multiaddrs with /p2p/, comma separated
    #[arg(long = "p2p.static", value_name = "MULTIADDR", value_delimiter = ',', env = "PETREL_P2P_STATIC")]
    pub statics: Vec<String>,
    /// Encryption to offer, in order of preference: noise, tls
    #[arg(
        long = "p2p.security",
        value_name = "LIST",
        default_value = Self::SECURITY,
        value_delimiter = ',',
        env = "PETREL_P2P_SECURITY"
    )]
    pub security: Vec<String>,
    /// The agent version that peers see
    #[arg(long = "p2p.useragent", value_name = "TEXT", default_value = concat!("petrel/", env!("CARGO_PKG_VERSION")), env = "PETREL_P2P_AGENT")]
    pub useragent: String,
    /// Longest time of a dial or a handshake
    #[arg(long = "p2p.timeout.dial", value_name = "DURATION", default_value = "10s", env = "PETREL_P2P_TIMEOUT_DIAL")]
    pub timeout_dial: String,
    /// Greatest age of a block at its arrival, in whole seconds
    #[arg(
        long = "p2p.gossip.timestamp.threshold",
        value_name = "DURATION",
        default_value = "60s",
        env = "PETREL_P2P_GOSSIP_TIMESTAMP_THRESHOLD"
    )]
    pub timestamp_threshold: String,
    /// Target number of mesh peers of each topic (gossipsub D)
    #[arg(long = "p2p.gossip.mesh.d", value_name = "N", default_value = "8", env = "PETREL_P2P_GOSSIP_MESH_D")]
    pub mesh_d: String,
    /// Number of mesh peers below which peers are added (gossipsub D_lo)
    #[arg(long = "p2p.gossip.mesh.lo", value_name = "N", default_value = "6", env = "PETREL_P2P_GOSSIP_MESH_DLO")]
    pub mesh_lo: String,
    /// Number of mesh peers above which peers are removed (gossipsub D_hi)
    #[arg(long = "p2p.gossip.mesh.dhi", value_name = "N", default_value = "12", env = "PETREL_P2P_GOSSIP_MESH_DHI")]
    pub mesh_hi: String,
    /// Number of peers outside of the mesh to which messages are announced (gossipsub D_lazy)
    #[arg(long = "p2p.gossip.mesh.dlazy", value_name = "N", default_value = "6", env = "PETREL_P2P_GOSSIP_MESH_DLAZY")]
    pub mesh_lazy: String,
    /// Send blocks of this node to every peer of the topic
    #[arg(long = "p2p.gossip.mesh.floodpublish", env = "PETREL_P2P_GOSSIP_FLOOD_PUBLISH", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub flood_publish: bool,
}
