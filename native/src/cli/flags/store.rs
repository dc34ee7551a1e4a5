//! Flags of `store`, as written.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The flags of `store`.
#[derive(Clone, Debug, Args)]
pub struct StoreFlags {
    /// Directory of the node's own files
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR", global = true)]
    pub datadir: PathBuf,
    /// The action.
    #[command(subcommand)]
    pub action: StoreAction,
}

/// The actions of `store`.
#[derive(Clone, Debug, Subcommand)]
pub enum StoreAction {
    /// Verify each page of a stopped node's store, and the hash of each block; exit status 1 if any is wrong
    Verify,
    /// Make the file of a stopped node's store as small as it can be
    Compact,
    /// Copy the store of a running or stopped node, as of one moment, to a new file: a backup, `petrel.redb` for another --datadir
    Export {
        /// The file to create
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
