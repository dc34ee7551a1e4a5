//! How long attempts took.

use std::time::Duration;

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
    pub(super) fn new(waits: impl Iterator<Item = Option<Duration>>) -> Self {
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
