//! Attempts that are repeated until the end, and how long they took.

use std::{
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant},
};

/// Waits that succeeded, and the number of those that did not.
#[derive(Clone, Debug, Default)]
pub struct Waits {
    /// Sorted.
    pub succeeded: Vec<Duration>,
    /// How many ended without success.
    pub failed: usize,
}

impl Waits {
    /// From one result for each attempt.
    fn new(waits: impl Iterator<Item = Option<Duration>>) -> Self {
        let mut found = Self::default();
        for wait in waits {
            match wait {
                Some(wait) => found.succeeded.push(wait),
                None => found.failed += 1,
            }
        }
        found.succeeded.sort_unstable();
        found
    }

    /// The longest one.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.succeeded.last().copied().unwrap_or_default()
    }
}

/// Attempts on a thread of their own, one after the other.
#[derive(Debug)]
pub(super) struct Attempts {
    waits: Receiver<Option<Duration>>,
}

impl Attempts {
    /// Starts one attempt in each interval; it returns how long it took, or `None` if it failed.
    pub(super) fn repeat(interval: Duration, mut attempt: impl FnMut() -> Option<Duration> + Send + 'static) -> Self {
        let (sender, waits) = channel();
        thread::spawn(move || {
            let mut due = Instant::now();
            while sender.send(attempt()).is_ok() {
                due += interval;
                thread::sleep(due.saturating_duration_since(Instant::now()));
            }
        });
        Self { waits }
    }

    /// The results so far; no further attempt begins.
    pub(super) fn end(self) -> Waits {
        Waits::new(self.waits.try_iter())
    }
}
