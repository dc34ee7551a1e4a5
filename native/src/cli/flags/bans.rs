//! Flags of `bans`, as written.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// The flags of `bans`.
#[derive(Clone, Debug, Args)]
pub struct BansFlags {
    /// Directory of the node's own files
    #[arg(long, value_name = "DIR", default_value = "petrel-data", env = "PETREL_DATADIR", global = true)]
    pub datadir: PathBuf,
    /// The action.
    #[command(subcommand)]
    pub action: BansAction,
}

/// The actions of `bans`.
#[derive(Clone, Debug, Subcommand)]
pub enum BansAction {
    /// Print every ban in force
    List,
    /// Ban a peer, an IP address or a network; replaces its existing ban
    Add {
        /// Peer id, IP address, or network (10.0.0.0/8)
        #[arg(value_name = "WHO")]
        who: String,
        /// Length of the ban; without it the ban lasts until it is lifted
        #[arg(long = "for", value_name = "DURATION")]
        length: Option<String>,
        /// The reason, which is shown with the ban
        #[arg(long, value_name = "TEXT", default_value = "by hand")]
        reason: String,
    },
    /// Lift a ban
    Lift {
        /// Peer id, IP address, or network, as in the list
        #[arg(value_name = "WHO")]
        who: String,
    },
}
