//! Flags of scores, bans and the number of connections, as written.

use clap::Args;

/// Scores, bans and the number of connections.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Peers")]
pub struct PeerPolicyFlags {
    /// Peer scoring: light or none; with none no peer is banned
    #[arg(
        long = "p2p.scoring",
        alias = "p2p.scoring.peers",
        value_name = "HOW",
        default_value = "light",
        env = "PETREL_P2P_PEER_SCORING"
    )]
    pub scoring: String,
    /// Ban peers whose score is too low: their connections are closed, and none is accepted or dialled
    #[arg(long = "p2p.ban.peers", env = "PETREL_P2P_PEER_BANNING", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true")]
    pub bans: bool,
    /// Score below which a peer is banned
    #[arg(
        long = "p2p.ban.threshold",
        value_name = "SCORE",
        default_value = "-100",
        allow_negative_numbers = true,
        env = "PETREL_P2P_PEER_BANNING_THRESHOLD"
    )]
    pub ban_threshold: String,
    /// Length of a ban
    #[arg(
        long = "p2p.ban.duration",
        value_name = "DURATION",
        default_value = "1h",
        env = "PETREL_P2P_PEER_BANNING_DURATION"
    )]
    pub ban_duration: String,
    /// Score below which a disconnected peer may not connect again; an unknown peer has 0 [default: --p2p.ban.threshold]
    #[arg(
        long = "p2p.gate.min-score",
        value_name = "SCORE",
        allow_negative_numbers = true,
        env = "PETREL_P2P_GATE_MIN_SCORE"
    )]
    pub min_score: Option<String>,
    /// Number of peers that are kept when there are too many, without browsers (low watermark)
    #[arg(long = "p2p.peers.lo", value_name = "N", default_value = "20", env = "PETREL_P2P_PEERS_LO")]
    pub peers_lo: String,
    /// Number of peers above which the least useful are disconnected (high watermark); at twice this number no peer is accepted
    #[arg(long = "p2p.peers.hi", value_name = "N", default_value = "30", env = "PETREL_P2P_PEERS_HI")]
    pub peers_hi: String,
    /// Time for which a new connection is not disconnected because of --p2p.peers.hi
    #[arg(long = "p2p.peers.grace", value_name = "DURATION", default_value = "30s", env = "PETREL_P2P_PEERS_GRACE")]
    pub peers_grace: String,
    /// Greatest number of connected browsers, in addition to the peers
    #[arg(long = "p2p.leaves.max", value_name = "N", default_value = "500", env = "PETREL_P2P_LEAVES_MAX")]
    pub leaves_max: String,
    /// Greatest number of bytes of gossip that wait for all browsers together; above it some browsers must fetch a block instead
    #[arg(long = "p2p.leaves.bytes", value_name = "BYTES", default_value = "512MiB", env = "PETREL_P2P_LEAVES_BYTES")]
    pub leaves_bytes: String,
    /// Allowed networks of peers, as CIDR, comma separated [default: any]
    #[arg(long = "p2p.netrestrict", value_name = "CIDR", value_delimiter = ',', env = "PETREL_P2P_NETRESTRICT")]
    pub restrict: Vec<String>,
}
