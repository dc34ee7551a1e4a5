//! Where and how the signer is read.

use std::time::Duration;

use alloy_primitives::Address;

use crate::secret::SecretUrl;

/// See the module.
#[derive(Clone, Debug)]
pub struct SignerSource {
    /// JSON-RPC of L1 nodes, at least one; two of several must agree. A URL may contain a secret and is never shown.
    pub urls: Vec<SecretUrl>,
    /// The SystemConfig proxy.
    pub system_config: Address,
    /// The expected L1 chain id; `None` if the rollup's configuration does not have it.
    pub chain: Option<u64>,
    /// Blocks behind L1's head at which the slot is read.
    pub confs: u64,
    /// Whether a value is accepted without a proof.
    pub trust: bool,
    /// The time between two readings; `None` reads once.
    pub reload: Option<Duration>,
}
