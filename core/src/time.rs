//! Time: two clocks, both given from outside; core never reads one.
//!
//! Waiting uses the monotonic clock, block timestamps use the wall clock. After a browser tab was suspended, either may
//! have jumped by hours: every machine tolerates that.

use core::time::Duration;

/// One reading of both clocks, taken by the host with each input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Now {
    /// Since an arbitrary start; never goes back.
    pub mono: Duration,
    /// Since the Unix epoch; may jump either way when the operator or NTP sets the clock.
    pub unix: Duration,
}

impl Now {
    /// Whole seconds since the Unix epoch: the unit of block timestamps and of op-node's time rules.
    pub const fn secs(&self) -> u64 {
        self.unix.as_secs()
    }

    /// Milliseconds since the Unix epoch.
    pub fn millis(&self) -> u64 {
        u64::try_from(self.unix.as_millis()).unwrap_or(u64::MAX)
    }

    /// Milliseconds from `time_ms` (Unix milliseconds) to this reading; negative when the block came early.
    pub fn millis_since(&self, time_ms: u64) -> i64 {
        let delay = i128::from(self.millis()) - i128::from(time_ms);
        i64::try_from(delay).unwrap_or(if delay < 0 { i64::MIN } else { i64::MAX })
    }

    /// The reading `by` later, on both clocks.
    #[must_use]
    pub fn plus(&self, by: Duration) -> Self {
        Self { mono: self.mono.saturating_add(by), unix: self.unix.saturating_add(by) }
    }
}

/// When a machine needs [`crate::Node::handle_timeout`] next, and why (for logs and tests).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// The time on the monotonic clock.
    pub at: Duration,
    /// What becomes due.
    pub why: &'static str,
}

impl Deadline {
    /// The earlier of two optional deadlines.
    pub fn earlier(a: Option<Self>, b: Option<Self>) -> Option<Self> {
        match (a, b) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        }
    }
}
