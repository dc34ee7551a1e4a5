//! Configuration of range sync and serving.

use core::{num::NonZeroU32, time::Duration};

/// How missing blocks are fetched, and how blocks are served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SyncConfig {
    /// Whether anything is fetched or served at all (op-node `--p2p.sync.req-resp`).
    pub enabled: bool,
    /// Whether blocks are served; `false` in a browser, which stores none.
    pub serve: bool,
    /// Whether only static peers are asked (op-node `--p2p.sync.onlyreqtostatic`).
    pub static_only: bool,
    /// Maximum width of a gap, as time between its ends; a wider one is skipped at once, as is one of more than
    /// [`Head::MAX_GAP`](crate::unsafe_chain::Head::MAX_GAP) blocks.
    pub max_gap: Duration,
    /// The request rates.
    pub limits: RequestLimits,
}

/// The parameters of a token bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Sustained rate, tokens per second.
    pub per_second: NonZeroU32,
    /// Burst, tokens.
    pub burst: NonZeroU32,
}

impl Rate {
    /// `per_second` tokens sustained and `burst` at once; values below 1 become 1.
    pub const fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: NonZeroU32::MIN.saturating_add(per_second.saturating_sub(1)),
            burst: NonZeroU32::MIN.saturating_add(burst.saturating_sub(1)),
        }
    }

    /// Both parameters multiplied by `factor`.
    #[must_use]
    pub const fn times(self, factor: NonZeroU32) -> Self {
        Self { per_second: self.per_second.saturating_mul(factor), burst: self.burst.saturating_mul(factor) }
    }

    /// Time in which an empty bucket fills.
    pub const fn refill(self) -> Duration {
        Duration::from_secs((self.burst.get().div_ceil(self.per_second.get())) as u64)
    }
}

/// Rate limits for answering requests, and for making them; `None` for no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLimits {
    /// Whether the rates are for a chain with a block interval of 1 s or more and are multiplied on a faster chain: a
    /// peer that has missed blocks must get more blocks per second than the chain makes.
    pub by_cadence: bool,
    /// All peers together, without leaves (op-node: 20 per second, burst 40).
    pub all: Option<Rate>,
    /// One peer (op-node: 4 per second, burst 15). We ask no peer faster than this either, so an op-node never
    /// throttles us.
    pub peer: Option<Rate>,
    /// Bytes per second for all leaves together, uncompressed.
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
    /// Maximum factor of the rates.
    const MAX_FACTOR: u32 = 20;

    /// The factor of the rates for this block interval: blocks per second, rounded up.
    pub fn factor(&self, interval: Duration) -> NonZeroU32 {
        if !self.by_cadence {
            return NonZeroU32::MIN;
        }
        let blocks = Duration::from_secs(1).as_millis().div_ceil(interval.as_millis().max(1));
        let blocks = u32::try_from(blocks).unwrap_or(u32::MAX).min(Self::MAX_FACTOR);
        NonZeroU32::new(blocks).unwrap_or(NonZeroU32::MIN)
    }

    /// The same limits with the rates multiplied by `factor`.
    #[must_use]
    pub fn times(self, factor: NonZeroU32) -> Self {
        let times = |rate: Rate| rate.times(factor);
        Self { all: self.all.map(times), peer: self.peer.map(times), ..self }
    }
}
