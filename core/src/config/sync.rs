//! How blocks are fetched and served.

use core::{num::NonZeroU32, time::Duration};

/// How blocks are fetched and served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncConfig {
    /// Whether anything is fetched or served at all (op-node `--p2p.sync.req-resp`).
    pub enabled: bool,
    /// Whether blocks are served, where they are fetched: not by a browser, which keeps none.
    pub serve: bool,
    /// Whether only static peers are asked (op-node `--p2p.sync.onlyreqtostatic`).
    pub static_only: bool,
    /// How long a gap may be, as the time between its blocks; a wider one is skipped at once, as one of more than
    /// [`Head::MAX_GAP`](crate::unsafe_chain::Head::MAX_GAP) blocks.
    pub max_gap: Duration,
    /// How fast.
    pub limits: RequestLimits,
}

/// A token bucket's values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// For long.
    pub per_second: NonZeroU32,
    /// At once.
    pub burst: NonZeroU32,
}

impl Rate {
    /// `per_second` for long and `burst` at once; neither below 1.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(per_second.saturating_sub(1)),
            burst: NonZeroU32::MIN.saturating_add(burst.saturating_sub(1)),
        }
    }

    /// So many times as fast.
    #[must_use]
    pub const fn times(self, factor: NonZeroU32) -> Self {
        Self { per_second: self.per_second.saturating_mul(factor), burst: self.burst.saturating_mul(factor) }
    }

    /// How long an empty bucket takes to be full again.
    pub const fn refill(self) -> Duration {
        Duration::from_secs((self.burst.get().div_ceil(self.per_second.get())) as u64)
    }
}

/// How fast requests are answered, and asked; `None` is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Whether the rates are those of a chain with a block a second or less, and are multiplied where there are more: a peer
    /// that has missed blocks must get more of them in a second than are made.
    pub by_cadence: bool,
    /// All peers together but for leaves (op-node: 20 a second, burst 40).
    pub all: Option<Rate>,
    /// One peer (op-node: 4 a second, burst 15). We ask no peer faster than this either, and op-nodes not faster than they allow.
    pub peer: Option<Rate>,
    /// Bytes a second for all leaves together, uncompressed.
    pub leaf_bytes: Option<NonZeroU32>,
}

impl Default for RequestLimits {
    fn default() -> Self {
        Self {
            by_cadence: true,
            all: Some(Rate::new(20, 40)),
            peer: Some(Rate::new(4, 15)),
            leaf_bytes: NonZeroU32::new(32 << 20),
        }
    }
}

impl RequestLimits {
    /// Rates are multiplied at most so often.
    const MOST: u32 = 20;

    /// How many times as fast as on a chain with a block a second: the blocks that are made in one, rounded up.
    pub fn factor(&self, interval: Duration) -> NonZeroU32 {
        if !self.by_cadence {
            return NonZeroU32::MIN;
        }
        let blocks = Duration::from_secs(1).as_millis().div_ceil(interval.as_millis().max(1));
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX).min(Self::MOST);
        NonZeroU32::new(blocks).unwrap_or(NonZeroU32::MIN)
    }

    /// The same so many times as fast.
    #[must_use]
    pub fn times(self, factor: NonZeroU32) -> Self {
        let times = |rate: Rate| rate.times(factor);
        Self { all: self.all.map(times), peer: self.peer.map(times), ..self }
    }
}
