//! Blocks that cannot be read, as warnings: at most one in a minute, with their count since the last one. Peers choose how often blocks
//! are read, and must not choose how much is written to the log.

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Time between two warnings at least.
const PERIOD: Duration = Duration::from_secs(60);

/// See the module.
#[derive(Debug, Default)]
pub(super) struct ReadFailures(Mutex<Unlogged>);

#[derive(Debug, Default)]
struct Unlogged {
    count: u64,
    logged_at: Option<Instant>,
}

impl ReadFailures {
    /// The block of this number cannot be read.
    pub(super) fn add(&self, number: u64, error: &redb::Error) {
        if let Some(count) = self.due(Instant::now()) {
            tracing::warn!(number, count, %error, "blocks cannot be read from the store");
        }
    }

    /// Counts one at `now`; the number of those since the last warning, if one is due.
    fn due(&self, now: Instant) -> Option<u64> {
        let mut unlogged = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        unlogged.count += 1;
        if unlogged.logged_at.is_some_and(|at| now.saturating_duration_since(at) < PERIOD) {
            return None;
        }
        unlogged.logged_at = Some(now);
        Some(std::mem::take(&mut unlogged.count))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failures_in_a_minute_are_one_warning_and_the_next_has_their_count() {
        let (failures, start) = (ReadFailures::default(), Instant::now());
        assert_eq!(failures.due(start), Some(1));
        assert!((0..999).all(|_| failures.due(start + PERIOD / 2).is_none()));
        assert_eq!(failures.due(start + PERIOD), Some(1000));
    }
}
