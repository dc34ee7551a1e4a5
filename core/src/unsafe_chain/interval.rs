//! The block interval, and the upper bound of block numbers that can exist now, whatever the configuration says.
//!
//! A configured [`Cadence`] may be outdated: a chain may have begun to make blocks faster blocks_since. So the highest
//! possible number is the larger of two: the cadence's number, and the newest verified block's number plus the blocks
//! that have had time to follow it. For the second, the interval is the smaller of the configured one and the mean of
//! the latest [`IntervalEstimator::NEIGHBOURS`] pairs of verified neighbours. So an outdated configuration has no
//! effect once a block is verified.
//!
//! Bound: the newest verified block, and one sum of at most [`IntervalEstimator::NEIGHBOURS`] intervals.

use core::time::Duration;
use std::collections::VecDeque;

use crate::{block::BlockInfo, chain::Cadence, time::Now};

/// The configured cadence and the observed intervals. See the module.
#[derive(Debug)]
pub struct IntervalEstimator {
    cadence: Cadence,
    /// The highest verified block.
    newest: Option<BlockInfo>,
    /// The block that was verified last.
    last: Option<BlockInfo>,
    /// Milliseconds between verified neighbours, the latest last.
    intervals: VecDeque<u64>,
}

impl IntervalEstimator {
    /// Number of latest pairs of verified neighbours that count.
    pub const NEIGHBOURS: usize = 32;
    /// Minimum number of pairs for an estimate. A chain whose blocks do not carry milliseconds shows whole seconds
    /// between some neighbours and zero between others.
    const MIN_NEIGHBOURS: usize = 16;
    /// Minimum plausible interval: a chain that seems faster has made up for a pause.
    const MIN_INTERVAL: Duration = Duration::from_millis(20);

    /// With the verified blocks of an earlier run, `chain`, in rising order.
    pub fn new(cadence: Cadence, chain: &[BlockInfo]) -> Self {
        let mut estimator = Self { cadence, newest: None, last: None, intervals: VecDeque::new() };
        let latest = chain.len().saturating_sub(Self::NEIGHBOURS + 1);
        chain.iter().skip(latest).for_each(|block| estimator.verified(*block));
        estimator
    }

    /// A block was verified. Neighbours may come in either order.
    pub fn verified(&mut self, block: BlockInfo) {
        if let Some(last) = self.last.replace(block)
            && last.number.abs_diff(block.number) == 1
        {
            self.intervals.push_back(last.timestamp_ms.abs_diff(block.timestamp_ms));
            if self.intervals.len() > Self::NEIGHBOURS {
                self.intervals.pop_front();
            }
        }
        if self.newest.is_none_or(|newest| newest.number < block.number) {
            self.newest = Some(block);
        }
    }

    /// The observed block interval, if enough neighbours are known.
    pub fn observed(&self) -> Option<Duration> {
        let count = u64::try_from(self.intervals.len()).ok().filter(|count| *count >= Self::MIN_NEIGHBOURS as u64)?;
        let mean = Duration::from_millis(self.intervals.iter().sum::<u64>() / count);
        (mean >= Self::MIN_INTERVAL).then_some(mean)
    }

    /// The block interval: the smaller of the configured one and the observed one.
    pub fn interval(&self, now: Now) -> Duration {
        let configured = self.cadence.interval_at(now.millis());
        self.observed().map_or(configured, |observed| observed.min(configured))
    }

    /// The highest block number that can exist at `now` plus `ahead`; `None` before the chain begins.
    pub fn due(&self, now: Now, ahead: Duration) -> Option<u64> {
        let now_ms = now.plus(ahead).millis();
        let after_newest = self.newest.map(|newest| {
            let interval = u64::try_from(self.interval(now).as_millis()).unwrap_or(u64::MAX).max(1);
            let blocks_since = now_ms.saturating_sub(newest.timestamp_ms).div_ceil(interval);
            newest.number.saturating_add(blocks_since)
        });
        self.cadence.number_at(now_ms).max(after_newest)
    }
}
