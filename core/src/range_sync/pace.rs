//! How fast a gap must close. One true block every two minutes would be progress, and would hold the head back for ever.
//!
//! In each period of [`Pace::PERIOD`] half as many blocks must close as the chain makes in that time, or all that are
//! left. So a gap has an end: it stays open for at most a period, and twice the time that its blocks span.

use core::time::Duration;

use super::RangeTarget;

/// The current period of a gap. See the module.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the period began (monotonic).
    began: Duration,
    /// The blocks that were missing then, and those that were found to be missing since.
    missing: u64,
    /// How many blocks must close in a period.
    least: u64,
}

impl Pace {
    /// Length of a period.
    pub(super) const PERIOD: Duration = Duration::from_secs(120);

    /// Without a gap, at `now` (monotonic).
    pub(super) const fn new(now: Duration) -> Self {
        Self { began: now, missing: 0, least: 1 }
    }

    /// Sets the block interval.
    pub(super) fn set_interval(&mut self, interval: Duration) {
        let made = Self::PERIOD.as_millis() / interval.as_millis().max(1);
        self.least = u64::try_from(made / 2).unwrap_or(u64::MAX).max(1);
    }

    /// The target changed at `now` (monotonic).
    pub(super) fn target_changed(&mut self, before: Option<RangeTarget>, target: RangeTarget, now: Duration) {
        let missing = target.to.saturating_sub(target.from).saturating_add(1);
        // A gap that grows at its upper end is the same gap. Blocks that no verified block proves missing are no gap.
        let same = before
            .filter(|before| before.expected.is_some() && target.expected.is_some() && before.from <= target.from);
        let Some(before) = same else { return self.begin(missing, now) };
        self.missing = self.missing.saturating_add(target.to.saturating_sub(before.to));
        if self.missing.saturating_sub(missing) >= self.least {
            self.begin(missing, now);
        }
    }

    /// Whether too few blocks have closed in a whole period, at `now` (monotonic).
    pub(super) fn is_too_slow(&self, now: Duration) -> bool {
        now.saturating_sub(self.began) >= Self::PERIOD
    }

    const fn begin(&mut self, missing: u64, now: Duration) {
        (self.missing, self.began) = (missing, now);
    }
}
