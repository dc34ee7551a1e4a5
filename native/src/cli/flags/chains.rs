//! Flags of `chains`, as written.

use clap::Args;

/// The flags of `chains`.
#[derive(Clone, Debug, Args)]
pub struct ChainsFlags {
    /// Show one chain in full: a name of the superchain registry, a chain id, or a rollup.json; without it one line per preset
    #[arg(value_name = "NAME|FILE")]
    pub name: Option<String>,
    /// Print one JSON object per line: id, names, forks with times, cadence, signer, dates
    #[arg(long)]
    pub json: bool,
    /// The time for which fork and block number are shown, Unix seconds [default: now]
    #[arg(long, value_name = "UNIX")]
    pub at: Option<u64>,
}
