//! Limits on the number of connections: watermarks of the connection manager, and leaves.

use core::time::Duration;

/// Limits on the number of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Low watermark: pruning goes down to this number, and with fewer peers the peer dialer dials (op-node
    /// `--p2p.peers.lo`).
    pub low: usize,
    /// High watermark: with more peers than this, pruning begins (op-node `--p2p.peers.hi`).
    pub high: usize,
    /// Grace period: a peer that connected more recently is not pruned (op-node `--p2p.peers.grace`).
    pub grace: Duration,
    /// Maximum number of leaves; further ones are refused (`--p2p.leaves.max`).
    pub leaves: usize,
    /// Bytes of gossip in the send queues of all leaves together; above that some leaves do not get a block by gossip
    /// (`--p2p.leaves.bytes`). The default is 300 blocks of 1.7 MB, the largest of busy chains.
    pub leaves_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { low: 20, high: 30, grace: Duration::from_secs(30), leaves: 500, leaves_bytes: 512 << 20 }
    }
}

impl ConnectionLimits {
    /// Number of peers (leaves not counted) above which inbound peers are refused: twice the high watermark.
    pub const fn most(&self) -> usize {
        self.high.saturating_mul(2)
    }
}
