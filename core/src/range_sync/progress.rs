//! Progress of range sync: how many blocks of the gap were closed, and at what rate. Reported at most once in
//! [`Progress::PERIOD`].

use core::time::Duration;

use crate::{event::Synced, range_sync::RangeTarget};

/// The progress in one gap. See the module.
#[derive(Debug, Default)]
pub struct Progress {
    /// First and last missing number when the gap opened.
    gap: Option<(u64, u64)>,
    started_at: Duration,
    blocks: u64,
    bytes: u64,
    reported_at: Duration,
    reported_done: u64,
}

impl Progress {
    /// Minimum time between two reports.
    pub const PERIOD: Duration = Duration::from_secs(1);

    pub(super) fn set_target(&mut self, target: RangeTarget, now: Duration) {
        let same = |(from, to): (u64, u64)| from <= target.from && target.to <= to;
        if target.expected.is_some() && !self.gap.is_some_and(same) {
            *self = Self { gap: Some((target.from, target.to)), started_at: now, reported_at: now, ..Self::default() };
        }
    }

    /// The rest of the gap was given up.
    pub(super) fn given_up(&mut self) {
        self.gap = None;
    }

    /// A block was fetched.
    pub(super) fn fetched(&mut self, bytes: usize) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(bytes as u64);
    }

    /// A report, when one is due. The last one comes when nothing is missing any more.
    pub(super) fn report(&mut self, target: Option<RangeTarget>, now: Duration) -> Option<Synced> {
        let (from, to) = self.gap?;
        let left = target
            .filter(|target| target.expected.is_some())
            .map_or(0, |target| (target.to + 1).saturating_sub(target.from));
        let done = (to - from + 1).saturating_sub(left);
        let due = now.saturating_sub(self.reported_at) >= Self::PERIOD && done > self.reported_done;
        if self.blocks == 0 || !(due || left == 0) {
            if left == 0 {
                self.gap = None;
            }
            return None;
        }
        (self.reported_at, self.reported_done) = (now, done);
        let secs = now.saturating_sub(self.started_at).as_secs_f64().max(1e-3);
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
