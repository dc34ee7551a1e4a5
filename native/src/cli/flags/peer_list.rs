//! The flags of `peers`.

use std::path::PathBuf;

use clap::Args;

/// The flags of `peers`.
#[derive(Clone, Debug, Args)]
pub struct ListFlags {
    /// Where the running node's own files live
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR")]
    pub datadir: PathBuf,
    /// One JSON object a peer and line
    #[arg(long)]
    pub json: bool,
}
