//! Bounds of one JSON-RPC call to L1.

use std::time::Duration;

/// How long one call may take (op-node's value too).
pub(super) const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of one response at most. A block with the hashes of its transactions has about 100 kB, a proof 10 kB.
pub(super) const MAX_RESPONSE: usize = 4 << 20;
