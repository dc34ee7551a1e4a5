//! Flags that select the chain and its signer, as written.

use std::path::PathBuf;

use clap::Args;

use super::overrides::OverrideFlags;

/// The chain and the signer of its blocks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Chain")]
pub struct ChainFlags {
    /// A chain of the superchain registry, by name (op-mainnet, base-sepolia, …) or chain id, see `petrel chains`; or a rollup.json
    /// file whose name ends with .json
    #[arg(long, value_name = "NAME", env = "PETREL_NETWORK")]
    pub network: Option<String>,
    /// op-node's rollup.json, for any other chain
    #[arg(long = "rollup.config", value_name = "FILE", env = "PETREL_ROLLUP_CONFIG")]
    pub rollup_config: Option<PathBuf>,
    /// Block intervals that differ from the chain's configuration: UNIX=INTERVAL pairs, comma separated, each with the Unix time in
    /// seconds from which the interval applies, in rising order (1793901600=200ms)
    #[arg(long = "rollup.cadence", value_name = "UNIX=INTERVAL", value_delimiter = ',', env = "PETREL_ROLLUP_CADENCE")]
    pub cadence: Vec<String>,
    /// The address that signs unsafe blocks; replaces the preset's, which may be out of date
    #[arg(
        long = "p2p.unsafe-block-signer",
        alias = "signer",
        value_name = "ADDRESS",
        env = "PETREL_P2P_UNSAFE_BLOCK_SIGNER"
    )]
    pub signer: Option<String>,
    /// Times of forks that differ from the chain's configuration.
    #[command(flatten)]
    pub overrides: OverrideFlags,
}
