//! Flags of the signer on L1, as written.

use clap::Args;

use crate::secret::SecretText;

/// The signer on L1.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "L1")]
pub struct L1Flags {
    /// JSON-RPC URL of an L1 node, from which the signer is read and proven; without it the preset's or the given signer is used. It
    /// may be repeated, or comma separated: then two nodes must agree
    #[arg(long = "l1", value_name = "URL", env = "PETREL_L1_ETH_RPC", hide_env_values = true)]
    pub urls: Vec<SecretText>,
    /// Accept the signer without a proof, from an L1 node that gives no proofs
    #[arg(long = "l1.trustrpc", env = "PETREL_L1_TRUST_RPC", value_parser = clap::builder::BoolishValueParser::new(), num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true")]
    pub trust: bool,
    /// Time between two readings of the signer; 0 reads it only at start
    #[arg(
        long = "l1.runtime-config-reload-interval",
        value_name = "DURATION",
        default_value = "10m",
        env = "PETREL_L1_RUNTIME_CONFIG_RELOAD_INTERVAL"
    )]
    pub reload: String,
    /// Number of L1 blocks behind the head at which the signer is read
    #[arg(long = "verifier.l1-confs", value_name = "N", default_value = "0", env = "PETREL_VERIFIER_L1_CONFS")]
    pub confs: String,
}
