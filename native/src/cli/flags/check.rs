//! Flags of `check`, as written.

use std::path::PathBuf;

use clap::Args;

use super::chain::ChainFlags;

/// The flags of `check`.
#[derive(Clone, Debug, Args)]
pub struct CheckFlags {
    /// Files: raw gossip messages (snappy), Engine-API blocks (.json, .jsonl), evidence of an equivocation (.json), or with --unsigned
    /// decompressed payloads
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Chain and signer.
    #[command(flatten)]
    pub chain: ChainFlags,
    /// The topic's number, 0 to 3 [default: the topic of the payload's format]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(0..=3))]
    pub topic: Option<u8>,
    /// The time of validation: Unix seconds, or `block` for each payload's own timestamp [default: now]
    #[arg(long, value_name = "UNIX|block")]
    pub at: Option<String>,
    /// Read decompressed payloads without a signature; everything except the signature is validated
    #[arg(long)]
    pub unsigned: bool,
    /// Greatest age of a block at the time of validation
    #[arg(
        long = "p2p.gossip.timestamp.threshold",
        value_name = "DURATION",
        default_value = "60s",
        env = "PETREL_P2P_GOSSIP_TIMESTAMP_THRESHOLD"
    )]
    pub timestamp_threshold: String,
}
