//! How many connections.

use core::time::Duration;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// So many stay (op-node `--p2p.peers.lo`).
    pub low: usize,
    /// With more than this some go (op-node `--p2p.peers.hi`).
    pub high: usize,
    /// Who has been here for less stays (op-node `--p2p.peers.grace`).
    pub grace: Duration,
    /// Leaves at most; beyond them none is let in (`--p2p.leaves.max`).
    pub leaves: usize,
    /// Bytes of gossip that may wait for all leaves together; beyond them some do not get a block by gossip
    /// (`--p2p.leaves.bytes`). Three hundred blocks of 1.7 MB, as busy chains have them at most.
    pub leaves_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { low: 20, high: 30, grace: Duration::from_secs(30), leaves: 500, leaves_bytes: 512 << 20 }
    }
}

impl ConnectionLimits {
    /// Peers at most, leaves not counted.
    pub const fn most(&self) -> usize {
        self.high.saturating_mul(2)
    }
}
