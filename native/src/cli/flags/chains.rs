//! What is shown of chains, as written.

use clap::Args;

/// The flags of `chains`.
#[derive(Clone, Debug, Args)]
pub struct ChainsFlags {
    /// One chain in full: a name of the superchain registry, a chain id, or a rollup.json; without it all presets, a line each
    #[arg(value_name = "NAME|FILE")]
    pub name: Option<String>,
    /// One JSON object a line: id, names, forks with times, cadence, signer, dates
    #[arg(long)]
    pub json: bool,
    /// The time for which fork and number are given, Unix seconds [default: now]
    #[arg(long, value_name = "UNIX")]
    pub at: Option<u64>,
}
