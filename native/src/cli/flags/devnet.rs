//! Flags of `devnet`, as written.

use clap::Args;

use super::output::OutputFlags;

/// The flags of `devnet`.
#[derive(Clone, Debug, Args)]
pub struct DevnetFlags {
    /// Time between blocks, 10ms to 1h [default: 2s, or 200ms if Denim is active from the start]
    #[arg(long = "block-time", value_name = "DURATION", env = "PETREL_DEVNET_BLOCK_TIME")]
    pub block_time: Option<String>,
    /// Size of a block before compression, up to 10 MiB
    #[arg(long = "block-bytes", value_name = "SIZE", default_value = "100kB", env = "PETREL_DEVNET_BLOCK_BYTES")]
    pub block_bytes: String,
    /// Number of verified blocks after which the command ends with status 0
    #[arg(long, value_name = "N", env = "PETREL_DEVNET_BLOCKS")]
    pub blocks: Option<u64>,
    /// The fork, or a schedule of forks with the block at which each becomes active: ecotone,isthmus@5,jovian@10. Base's own forks
    /// follow jovian: azul, beryl, cobalt, and denim, whose block time is 200 ms
    #[arg(long, value_name = "SCHEDULE", default_value = "jovian", env = "PETREL_DEVNET_FORK")]
    pub fork: String,
    /// Number of follower nodes; the first one serves the page
    #[arg(long, value_name = "N", default_value = "1", env = "PETREL_DEVNET_FOLLOWERS")]
    pub followers: String,
    /// Share of the gossiped messages that each follower drops, 0 to 0.9, to show how gaps are closed
    #[arg(long, value_name = "SHARE", default_value = "0", env = "PETREL_DEVNET_DROP")]
    pub drop: String,
    /// WebSocket port of the first follower: 1 to 65535, or 0 for any free port
    #[arg(long = "p2p.listen.ws", value_name = "PORT", default_value = "0", env = "PETREL_P2P_LISTEN_WS_PORT")]
    pub listen_ws: String,
    /// WebTransport port (UDP) of the first follower: 1 to 65535, or 0 for any free port
    #[arg(
        long = "p2p.listen.webtransport",
        value_name = "PORT",
        default_value = "0",
        env = "PETREL_P2P_LISTEN_WEBTRANSPORT_PORT"
    )]
    pub listen_webtransport: String,
    /// IP address of the page
    #[arg(long = "http.addr", value_name = "IP", default_value = "127.0.0.1", env = "PETREL_HTTP_ADDR")]
    pub http_addr: String,
    /// Port of the page: 1 to 65535, or 0 for any free port
    #[arg(long = "http.port", value_name = "PORT", default_value = "0", env = "PETREL_HTTP_PORT")]
    pub http_port: String,
    /// Events and logs.
    #[command(flatten)]
    pub output: OutputFlags,
}
