//! How fast the chain goes, whatever its configuration says: the upper bound of the numbers that can be due.
//!
//! A configured [`Cadence`] ages: a chain may have begun to make blocks faster since. So what is due is the larger of two
//! numbers: the cadence's, and the newest verified head's with the blocks that have had time to follow it. For the latter the
//! interval is the smaller of the configured one and the mean of the latest [`IntervalEstimator::NEIGHBOURS`] verified neighbours. A
//! configuration that is out of date costs nothing once a head is verified.
//!
//! Bound: the newest verified block, and one sum of at most [`IntervalEstimator::NEIGHBOURS`] intervals.

use core::time::Duration;
use std::collections::VecDeque;

use crate::{block::BlockInfo, chain::Cadence, time::Now};

/// See the module.
#[derive(Debug)]
pub struct IntervalEstimator {
    cadence: Cadence,
    /// The highest verified block.
    newest: Option<BlockInfo>,
    /// The block that was verified last.
    last: Option<BlockInfo>,
    /// Milliseconds between neighbours, the latest last.
    intervals: VecDeque<u64>,
}

impl IntervalEstimator {
    /// Verified neighbours whose distances count.
    pub const NEIGHBOURS: usize = 32;
    /// With fewer nothing is concluded. A chain whose blocks do not say their milliseconds has whole seconds here and there
    /// and nothing between.
    const LEAST: usize = 16;
    /// No chain is faster: one that looks so has made up for a pause.
    const FASTEST: Duration = Duration::from_millis(20);

    /// Nothing is verified yet. `chain` is what an earlier run had verified, in rising order.
    pub fn new(cadence: Cadence, chain: &[BlockInfo]) -> Self {
        let mut pace = Self { cadence, newest: None, last: None, intervals: VecDeque::new() };
        let latest = chain.len().saturating_sub(Self::NEIGHBOURS + 1);
        chain.iter().skip(latest).for_each(|link| pace.verified(*link));
        pace
    }

    /// A block was verified. Neighbours may come in either order.
    pub fn verified(&mut self, link: BlockInfo) {
        if let Some(last) = self.last.replace(link)
            && last.number.abs_diff(link.number) == 1
        {
            self.intervals.push_back(last.timestamp_ms.abs_diff(link.timestamp_ms));
            if self.intervals.len() > Self::NEIGHBOURS {
                self.intervals.pop_front();
            }
        }
        if self.newest.is_none_or(|newest| newest.number < link.number) {
            self.newest = Some(link);
        }
    }

    /// The time between blocks that verified ones have, where enough are known.
    pub fn observed(&self) -> Option<Duration> {
        let count = u64::try_from(self.intervals.len()).ok().filter(|count| *count >= Self::LEAST as u64)?;
        let mean = Duration::from_millis(self.intervals.iter().sum::<u64>() / count);
        (mean >= Self::FASTEST).then_some(mean)
    }

    /// The time between blocks: the smaller of the configured one and the observed one.
    pub fn interval(&self, now: Now) -> Duration {
        let configured = self.cadence.interval_at(now.millis());
        self.observed().map_or(configured, |observed| observed.min(configured))
    }

    /// The highest number that a block may have that exists `ahead` from now; `None` before the chain begins.
    pub fn due(&self, now: Now, ahead: Duration) -> Option<u64> {
        let now_ms = now.plus(ahead).millis();
        let followed = self.newest.map(|newest| {
            let interval = u64::try_from(self.interval(now).as_millis()).unwrap_or(u64::MAX).max(1);
            let since = now_ms.saturating_sub(newest.timestamp_ms).div_ceil(interval);
            newest.number.saturating_add(since)
        });
        self.cadence.number_at(now_ms).max(followed)
    }
}
