//! Flags of `key`, as written.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The flags of `key`.
#[derive(Clone, Debug, Args)]
pub struct KeyFlags {
    /// The action.
    #[command(subcommand)]
    pub action: KeyAction,
}

/// The actions of `key`.
#[derive(Clone, Debug, Subcommand)]
pub enum KeyAction {
    /// Create a key file (mode 0600); an existing file is not changed and is an error
    New {
        /// The file to create.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Print the peer id and address of a key, never the key itself
    Show {
        /// The file to read.
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
}
