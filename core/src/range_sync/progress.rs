//! How far a gap is closed, and how fast.

use core::time::Duration;

use crate::{event::Synced, range_sync::RangeTarget};

/// See the module.
#[derive(Debug, Default)]
pub struct Progress {
    /// The gap as it was when it opened.
    gap: Option<(u64, u64)>,
    begun: Duration,
    blocks: u64,
    bytes: u64,
    told_at: Duration,
    told: u64,
}

impl Progress {
    /// Between two reports.
    pub const PERIOD: Duration = Duration::from_secs(1);

    pub(super) fn set_target(&mut self, target: RangeTarget, now: Duration) {
        let same = |(from, to): (u64, u64)| from <= target.from && target.to <= to;
        if target.expected.is_some() && !self.gap.is_some_and(same) {
            *self = Self { gap: Some((target.from, target.to)), begun: now, told_at: now, ..Self::default() };
        }
    }

    /// The rest of the gap is given up.
    pub(super) fn skipped(&mut self) {
        self.gap = None;
    }

    /// A block was fetched.
    pub(super) fn took(&mut self, bytes: usize) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// A report, when one is due; the last one when nothing is missing any more.
    pub(super) fn tell(&mut self, target: Option<RangeTarget>, now: Duration) -> Option<Synced> {
        let (from, to) = self.gap?;
        let left = target
            .filter(|target| target.expected.is_some())
            .map_or(0, |target| (target.to + 1).saturating_sub(target.from));
        let done = (to - from + 1).saturating_sub(left);
        let due = now.saturating_sub(self.told_at) >= Self::PERIOD && done > self.told;
        if self.blocks == 0 || !(due || left == 0) {
            if left == 0 {
                self.gap = None;
            }
            return None;
        }
        (self.told_at, self.told) = (now, done);
        let secs = now.saturating_sub(self.begun).as_secs_f64().max(1e-3);
        if left == 0 {
            self.gap = None;
        }
        Some(Synced {
            from,
            to,
            done,
            blocks_per_sec: self.blocks as f64 / secs,
            bytes_per_sec: self.bytes as f64 / secs,
        })
    }
}
