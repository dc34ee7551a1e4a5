//! Flags of `peers`, as written.

use std::path::PathBuf;

use clap::Args;

/// The flags of `peers`.
#[derive(Clone, Debug, Args)]
pub struct PeerListFlags {
    /// Directory of the running node's own files
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR")]
    pub datadir: PathBuf,
    /// Print one JSON object per line for each peer
    #[arg(long)]
    pub json: bool,
}
