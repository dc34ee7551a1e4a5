//! Flags of range sync and the store, as written.

use clap::Args;

/// Range sync and the store.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Sync and store")]
pub struct SyncFlags {
    /// Fetch missed blocks from peers by number, and serve stored ones
    #[arg(long = "p2p.sync.req-resp", env = "PETREL_P2P_SYNC_REQ_RESP", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true")]
    pub req_resp: bool,
    /// Fetch only from static peers
    #[arg(long = "p2p.sync.onlyreqtostatic", env = "PETREL_P2P_SYNC_ONLYREQTOSTATIC", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub static_only: bool,
    /// Greatest length of a gap that is fetched, as time and at most 240,000 blocks; longer gaps are skipped, 0 fetches nothing
    #[arg(long = "p2p.sync.max-gap", value_name = "DURATION", default_value = "12h", env = "PETREL_P2P_SYNC_MAX_GAP")]
    pub max_gap: String,
    /// Limit of answered requests: RATE/BURST, requests per second and at once; 0 is no limit [default: 20/40, multiplied by the
    /// blocks per second of a chain with more than one]
    #[arg(long = "p2p.sync.limit", value_name = "RATE/BURST", env = "PETREL_P2P_SYNC_LIMIT")]
    pub limit: Option<String>,
    /// Limit of answered requests of one peer, and of requests to one peer: RATE/BURST [default: 4/15, multiplied by the blocks per
    /// second of a chain with more than one, for peers whose agent is petrel]
    #[arg(long = "p2p.sync.peer-limit", value_name = "RATE/BURST", env = "PETREL_P2P_SYNC_PEER_LIMIT")]
    pub peer_limit: Option<String>,
    /// Bytes per second that are served to all browsers together; 0 is no limit
    #[arg(
        long = "p2p.sync.leaf-bytes",
        value_name = "SIZE",
        default_value = "32MiB",
        env = "PETREL_P2P_SYNC_LEAF_BYTES"
    )]
    pub leaf_bytes: String,
    /// Number of stored blocks, or the time that they span (24h); older ones are removed. 0 stores and serves none, and starts without
    /// a known head
    #[arg(
        long = "store.blocks",
        value_name = "N|DURATION",
        default_value = "24h",
        allow_negative_numbers = true,
        env = "PETREL_STORE_BLOCKS"
    )]
    pub store_blocks: String,
    /// Greatest size of the store's file on disk; the oldest blocks are removed, and a larger file is compacted at the start
    #[arg(long = "store.bytes", value_name = "SIZE", default_value = "8GiB", env = "PETREL_STORE_BYTES")]
    pub store_bytes: String,
}
