//! The command line as written: op-node's flag names and meanings for all that exists here, and our own.
//!
//! Nothing is resolved or judged here; [`crate::cli::settings`] does that and reports every mistake at once. Each flag can be
//! given as an environment variable: `PETREL_…`, or op-node's own `OP_NODE_…` where it has one (see [`crate::cli::env`]).

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod chains;
mod discovery;
mod listen;
mod metrics;
mod peer_list;

pub use chains::ChainsFlags;
pub use discovery::DiscoveryFlags;
pub use listen::ListenFlags;
pub use metrics::MetricsFlags;
pub use peer_list::ListFlags;

/// An OP Stack P2P node: follows a chain's unsafe blocks by gossip and verifies each one itself.
#[derive(Debug, Parser)]
#[command(name = "petrel", version, about, args_conflicts_with_subcommands = true, max_term_width = 120)]
pub struct Cli {
    /// What to do; `node` when nothing is said.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The flags of `node`.
    #[command(flatten)]
    pub node: NodeFlags,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Follow a chain (the default)
    Node(Box<NodeFlags>),
    /// Run a local chain: a sequencer, a follower that verifies it over TCP, and the light-client page
    Devnet(DevnetFlags),
    /// Judge captured messages offline: one JSON object each, exit status 1 if any is not accepted
    Check(CheckFlags),
    /// List the chains that are known by name: forks, cadence, signer, and how old that is
    Chains(ChainsFlags),
    /// Make or show a node's identity
    Key(KeyFlags),
    /// Show who is connected to a running node, and what each peer's score is made of
    Peers(ListFlags),
    /// Show or change who may not connect, whether the node runs or not: one JSON object a line
    Bans(BansFlags),
}

/// Which chain, and who signs its blocks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Chain")]
pub struct ChainFlags {
    /// A chain of the superchain registry, by name (op-mainnet, base-sepolia, …) or chain id, as `petrel chains` lists them; or
    /// a preset in a file that ends with .json
    #[arg(long, value_name = "NAME", env = "PETREL_NETWORK")]
    pub network: Option<String>,
    /// op-node's rollup.json, for any other chain
    #[arg(long = "rollup.config", value_name = "FILE", env = "PETREL_ROLLUP_CONFIG")]
    pub rollup_config: Option<PathBuf>,
    /// When blocks come at another interval than the chain's configuration says: UNIX=INTERVAL, from these Unix seconds on,
    /// comma separated, rising (1793901600=200ms)
    #[arg(long = "rollup.cadence", value_name = "UNIX=INTERVAL", value_delimiter = ',', env = "PETREL_ROLLUP_CADENCE")]
    pub cadence: Vec<String>,
    /// The address that signs unsafe blocks; replaces the preset's, which ages
    #[arg(
        long = "p2p.unsafe-block-signer",
        alias = "signer",
        value_name = "ADDRESS",
        env = "PETREL_P2P_UNSAFE_BLOCK_SIGNER"
    )]
    pub signer: Option<String>,
}

/// What is told, and how.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputFlags {
    /// Events on stdout: `json` is one object a line
    #[arg(long, value_enum, default_value_t = Events::None, env = "PETREL_EVENTS")]
    pub events: Events,
    /// Logs on stderr: error, warn, info, debug, trace, or by target (info,petrel_core=debug); without it info, and of a
    /// devnet, which prints its blocks, warn
    #[arg(long = "log.level", value_name = "LEVEL", env = "PETREL_LOG_LEVEL")]
    pub log_level: Option<String>,
}

/// The form of events on stdout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Events {
    /// None; a devnet prints its blocks as text.
    None,
    /// One JSON object a line.
    Json,
}

/// The flags of `node`.
#[derive(Clone, Debug, Args)]
pub struct NodeFlags {
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainFlags,
    /// Identity, listening, peers, gossip.
    #[command(flatten)]
    pub p2p: P2pFlags,
    /// How peers are found.
    #[command(flatten)]
    pub discovery: DiscoveryFlags,
    /// Who is believed, and who may connect.
    #[command(flatten)]
    pub peers: PeersFlags,
    /// Missed blocks, and what is kept.
    #[command(flatten)]
    pub sync: SyncFlags,
    /// Where the signer is read.
    #[command(flatten)]
    pub l1: L1Flags,
    /// The page.
    #[command(flatten)]
    pub http: HttpFlags,
    /// The metrics.
    #[command(flatten)]
    pub metrics: MetricsFlags,
    /// Events and logs.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// Where the signer is read.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "L1")]
pub struct L1Flags {
    /// JSON-RPC of an L1 node, from which the signer is read with proof; without it the preset's or the given one is believed
    #[arg(long = "l1", value_name = "URL", env = "PETREL_L1_ETH_RPC", hide_env_values = true)]
    pub url: Option<String>,
    /// Believe an L1 node that gives no proofs
    #[arg(long = "l1.trustrpc", env = "PETREL_L1_TRUST_RPC", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub trust: bool,
    /// How often the signer is read again; 0 reads it at start alone
    #[arg(
        long = "l1.runtime-config-reload-interval",
        value_name = "DURATION",
        default_value = "10m",
        env = "PETREL_L1_RUNTIME_CONFIG_RELOAD_INTERVAL"
    )]
    pub reload: String,
    /// L1 blocks behind the head at which the signer is read
    #[arg(long = "verifier.l1-confs", value_name = "N", default_value = "0", env = "PETREL_VERIFIER_L1_CONFS")]
    pub confs: String,
}

impl P2pFlags {
    /// What is offered unless it is said.
    pub const SECURITY: &str = "noise";
}

/// Identity, listening, peers, gossip.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "P2P")]
pub struct P2pFlags {
    /// Where the node's own files live; made when missing
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR")]
    pub datadir: PathBuf,
    /// Hex file with the node's secp256k1 key, made with mode 0600 when missing [default: DATADIR/p2p_priv.txt]
    #[arg(long = "p2p.priv.path", value_name = "FILE", env = "PETREL_P2P_PRIV_PATH")]
    pub priv_path: Option<PathBuf>,
    /// The node's secp256k1 key itself, in hex; wins over the file. Better given as PETREL_P2P_PRIV_RAW
    #[arg(long = "p2p.priv.raw", value_name = "HEX", env = "PETREL_P2P_PRIV_RAW", hide_env_values = true)]
    pub priv_raw: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs, reason = "the flattened flags carry their own")]
    pub listen: ListenFlags,
    /// Peers to keep connected, as multiaddrs with /p2p/, comma separated
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
    /// What the node calls itself
    #[arg(long = "p2p.useragent", value_name = "TEXT", default_value = concat!("petrel/", env!("CARGO_PKG_VERSION")), env = "PETREL_P2P_AGENT")]
    pub useragent: String,
    /// How long a dial or a handshake may take
    #[arg(long = "p2p.timeout.dial", value_name = "DURATION", default_value = "10s", env = "PETREL_P2P_TIMEOUT_DIAL")]
    pub timeout_dial: String,
    /// How old a block may be when it arrives; whole seconds count
    #[arg(
        long = "p2p.gossip.timestamp.threshold",
        value_name = "DURATION",
        default_value = "60s",
        env = "PETREL_P2P_GOSSIP_TIMESTAMP_THRESHOLD"
    )]
    pub timestamp_threshold: String,
    /// Mesh peers wanted for each topic
    #[arg(long = "p2p.gossip.mesh.d", value_name = "N", default_value = "8", env = "PETREL_P2P_GOSSIP_MESH_D")]
    pub mesh_d: String,
    /// With fewer mesh peers than this, more are taken
    #[arg(long = "p2p.gossip.mesh.lo", value_name = "N", default_value = "6", env = "PETREL_P2P_GOSSIP_MESH_DLO")]
    pub mesh_lo: String,
    /// With more mesh peers than this, some are let go
    #[arg(long = "p2p.gossip.mesh.dhi", value_name = "N", default_value = "12", env = "PETREL_P2P_GOSSIP_MESH_DHI")]
    pub mesh_hi: String,
    /// Peers that hear of messages by announcement
    #[arg(long = "p2p.gossip.mesh.dlazy", value_name = "N", default_value = "6", env = "PETREL_P2P_GOSSIP_MESH_DLAZY")]
    pub mesh_lazy: String,
    /// Send our own blocks to every peer of the topic
    #[arg(long = "p2p.gossip.mesh.floodpublish", env = "PETREL_P2P_GOSSIP_FLOOD_PUBLISH", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub flood_publish: bool,
}

/// Who is believed, and who may connect.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Peers")]
pub struct PeersFlags {
    /// How peers are scored: light, or none; then nobody is banned either
    #[arg(long = "p2p.scoring", value_name = "HOW", default_value = "light", env = "PETREL_P2P_PEER_SCORING")]
    pub scoring: String,
    /// Ban peers whose score is too low; their connections are closed and none is accepted or made
    #[arg(long = "p2p.ban.peers", env = "PETREL_P2P_PEER_BANNING", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true")]
    pub bans: bool,
    /// Below this score a peer is banned
    #[arg(
        long = "p2p.ban.threshold",
        value_name = "SCORE",
        default_value = "-100",
        allow_negative_numbers = true,
        env = "PETREL_P2P_PEER_BANNING_THRESHOLD"
    )]
    pub ban_threshold: String,
    /// How long a ban lasts
    #[arg(
        long = "p2p.ban.duration",
        value_name = "DURATION",
        default_value = "1h",
        env = "PETREL_P2P_PEER_BANNING_DURATION"
    )]
    pub ban_duration: String,
    /// Below this score a peer that is away may not come back; an unknown one has 0 [default: --p2p.ban.threshold]
    #[arg(
        long = "p2p.gate.min-score",
        value_name = "SCORE",
        allow_negative_numbers = true,
        env = "PETREL_P2P_GATE_MIN_SCORE"
    )]
    pub min_score: Option<String>,
    /// So many peers stay when there are too many; browsers are not counted
    #[arg(long = "p2p.peers.lo", value_name = "N", default_value = "20", env = "PETREL_P2P_PEERS_LO")]
    pub peers_lo: String,
    /// With more peers than this the least useful go; with twice as many nobody is let in
    #[arg(long = "p2p.peers.hi", value_name = "N", default_value = "30", env = "PETREL_P2P_PEERS_HI")]
    pub peers_hi: String,
    /// Who has been here for less than this stays
    #[arg(long = "p2p.peers.grace", value_name = "DURATION", default_value = "30s", env = "PETREL_P2P_PEERS_GRACE")]
    pub peers_grace: String,
    /// So many browsers may be connected, beside the peers
    #[arg(long = "p2p.leaves.max", value_name = "N", default_value = "500", env = "PETREL_P2P_LEAVES_MAX")]
    pub leaves_max: String,
    /// Bytes of gossip that may wait for all browsers together; beyond them some fetch a block instead
    #[arg(long = "p2p.leaves.bytes", value_name = "BYTES", default_value = "512MiB", env = "PETREL_P2P_LEAVES_BYTES")]
    pub leaves_bytes: String,
    /// Networks in which peers may be, as CIDR, comma separated; without it anywhere
    #[arg(long = "p2p.netrestrict", value_name = "CIDR", value_delimiter = ',', env = "PETREL_P2P_NETRESTRICT")]
    pub restrict: Vec<String>,
}

/// Missed blocks, and what is kept.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sync and store")]
pub struct SyncFlags {
    /// Fetch missed blocks from peers by number, and serve those that are kept
    #[arg(long = "p2p.sync.req-resp", env = "PETREL_P2P_SYNC_REQ_RESP", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true")]
    pub req_resp: bool,
    /// Fetch from static peers alone
    #[arg(long = "p2p.sync.onlyreqtostatic", env = "PETREL_P2P_SYNC_ONLYREQTOSTATIC", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub static_only: bool,
    /// A gap that is wider than so much time, or than 240,000 blocks, is skipped and not fetched; 0 fetches nothing
    #[arg(long = "p2p.sync.max-gap", value_name = "DURATION", default_value = "12h", env = "PETREL_P2P_SYNC_MAX_GAP")]
    pub max_gap: String,
    /// Requests a second that are answered, and at once: RATE/BURST; 0 is no limit [default: 20/40, and with more than a block a
    /// second so many times as fast]
    #[arg(long = "p2p.sync.limit", value_name = "RATE/BURST", env = "PETREL_P2P_SYNC_LIMIT")]
    pub limit: Option<String>,
    /// The same of one peer; no peer is asked faster either [default: 4/15, and with more than a block a second so many times as
    /// fast, from peers that say they are petrel]
    #[arg(long = "p2p.sync.peer-limit", value_name = "RATE/BURST", env = "PETREL_P2P_SYNC_PEER_LIMIT")]
    pub peer_limit: Option<String>,
    /// Bytes a second that all browsers together are served; 0 is no limit
    #[arg(
        long = "p2p.sync.leaf-bytes",
        value_name = "SIZE",
        default_value = "32MiB",
        env = "PETREL_P2P_SYNC_LEAF_BYTES"
    )]
    pub leaf_bytes: String,
    /// Blocks that are kept, as a number or as the time that they span (24h); the oldest make room. 0 keeps and serves none, and
    /// begins anew at each start
    #[arg(
        long = "store.blocks",
        value_name = "N|DURATION",
        default_value = "24h",
        allow_negative_numbers = true,
        env = "PETREL_STORE_BLOCKS"
    )]
    pub store_blocks: String,
    /// Bytes of blocks that are kept
    #[arg(long = "store.bytes", value_name = "SIZE", default_value = "8GiB", env = "PETREL_STORE_BYTES")]
    pub store_bytes: String,
}

/// The page.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Page")]
pub struct HttpFlags {
    /// Address of the HTTP side, which serves the light-client page
    #[arg(long = "http.addr", value_name = "IP", default_value = "127.0.0.1", env = "PETREL_HTTP_ADDR")]
    pub addr: String,
    /// Port of the HTTP side; 1024 to 65535, or 0: the system chooses. Without it a node serves no page
    #[arg(long = "http.port", value_name = "PORT", env = "PETREL_HTTP_PORT")]
    pub port: Option<String>,
}

/// The flags of `devnet`.
#[derive(Clone, Debug, Args)]
pub struct DevnetFlags {
    /// Time between blocks, 10ms to 1h [default: 2s, or 200ms where Denim is active from the start]
    #[arg(long = "block-time", value_name = "DURATION", env = "PETREL_DEVNET_BLOCK_TIME")]
    pub block_time: Option<String>,
    /// Size of a block before compression, up to 10 MiB
    #[arg(long = "block-bytes", value_name = "SIZE", default_value = "100kB", env = "PETREL_DEVNET_BLOCK_BYTES")]
    pub block_bytes: String,
    /// End with status 0 after so many verified blocks
    #[arg(long, value_name = "N", env = "PETREL_DEVNET_BLOCKS")]
    pub blocks: Option<u64>,
    /// The fork, or a schedule that crosses forks while running: ecotone,isthmus@5,jovian@10 (after so many blocks). Base's own
    /// follow jovian: azul, beryl, cobalt, and denim, from which a block comes every 200 ms
    #[arg(long, value_name = "SCHEDULE", default_value = "jovian", env = "PETREL_DEVNET_FORK")]
    pub fork: String,
    /// Nodes that follow; the first one serves the page
    #[arg(long, value_name = "N", default_value = "1", env = "PETREL_DEVNET_FOLLOWERS")]
    pub followers: String,
    /// Of the blocks that are gossiped to a follower this share is lost, 0 to 0.9: see gaps being closed
    #[arg(long, value_name = "SHARE", default_value = "0", env = "PETREL_DEVNET_DROP")]
    pub drop: String,
    /// The follower's WebSocket port; 1024 to 65535, or 0: the system chooses
    #[arg(long = "p2p.listen.ws", value_name = "PORT", default_value = "0", env = "PETREL_P2P_LISTEN_WS_PORT")]
    pub listen_ws: String,
    /// The follower's WebTransport port (UDP); 1024 to 65535, or 0: the system chooses
    #[arg(
        long = "p2p.listen.webtransport",
        value_name = "PORT",
        default_value = "0",
        env = "PETREL_P2P_LISTEN_WEBTRANSPORT_PORT"
    )]
    pub listen_webtransport: String,
    /// Address of the page
    #[arg(long = "http.addr", value_name = "IP", default_value = "127.0.0.1", env = "PETREL_HTTP_ADDR")]
    pub http_addr: String,
    /// Port of the page; 1024 to 65535, or 0: the system chooses
    #[arg(long = "http.port", value_name = "PORT", default_value = "0", env = "PETREL_HTTP_PORT")]
    pub http_port: String,
    /// Events and logs.
    #[command(flatten)]
    pub output: OutputFlags,
}

/// The flags of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckFlags {
    /// Files: raw gossip messages (snappy), Engine-API blocks (.json, .jsonl), or with --unsigned decompressed payloads
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Which chain.
    #[command(flatten)]
    pub chain: ChainFlags,
    /// The topic's number, 0 to 3 [default: that of the form that the payload has]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub topic: Option<u8>,
    /// The time of the judgement: Unix seconds, or `block` for each payload's own [default: now]
    #[arg(long, value_name = "UNIX|block")]
    pub at: Option<String>,
    /// The files are decompressed payloads without a signature; all else is judged
    #[arg(long)]
    pub unsigned: bool,
    /// How old a block may be at the time of the judgement
    #[arg(
        long = "p2p.gossip.timestamp.threshold",
        value_name = "DURATION",
        default_value = "60s",
        env = "PETREL_P2P_GOSSIP_TIMESTAMP_THRESHOLD"
    )]
    pub timestamp_threshold: String,
}

/// The flags of `bans`.
#[derive(Clone, Debug, Args)]
pub struct BansFlags {
    /// Where the node's own files live
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR", global = true)]
    pub datadir: PathBuf,
    /// What to do with them.
    #[command(subcommand)]
    pub action: BansAction,
}

/// What to do with bans.
#[derive(Clone, Debug, Subcommand)]
pub enum BansAction {
    /// Print every ban that has not ended
    List,
    /// Ban a peer, an address or a network, in the place of a ban that it has
    Add {
        /// Peer id, IP address, or network (10.0.0.0/8)
        #[arg(value_name = "WHO")]
        who: String,
        /// How long; without it until it is lifted
        #[arg(long = "for", value_name = "DURATION")]
        length: Option<String>,
        /// Why; shown with the ban
        #[arg(long, value_name = "TEXT", default_value = "by hand")]
        reason: String,
    },
    /// Lift a ban
    Lift {
        /// As in the list
        #[arg(value_name = "WHO")]
        who: String,
    },
}

/// The flags of `key`.
#[derive(Clone, Debug, Args)]
pub struct KeyFlags {
    /// What to do with it.
    #[command(subcommand)]
    pub action: KeyAction,
}

/// What to do with a key.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyAction {
    /// Make a key file (mode 0600); an existing file is left alone and refused
    New {
        /// The file to make.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print a key's peer id and address, never the key
    Show {
        /// The file to read.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
