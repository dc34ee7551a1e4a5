//! The gossip watchdog: when no new block arrives from any peer, one static peer is disconnected and dialled again,
//! because one direction of its connection may carry nothing.
//!
//! A message that is too long for the other side, or a stream that was given up, leaves a connection that looks usable
//! and carries nothing in one direction; a new connection repairs it. With several peers the others deliver instead. So
//! only when no block came from any peer for [`GossipWatchdog::timeout`], the static peer that has been connected
//! longest is disconnected. Then the wait doubles, up to [`GossipWatchdog::MAX_WAIT`], because most likely the
//! sequencer itself is silent. A message that is not accepted is no sign of life: whoever repeats old blocks would hide
//! that the other peers are silent.

use core::time::Duration;

/// A timer that every new block restarts. See the module.
#[derive(Debug)]
pub struct GossipWatchdog {
    timeout: Duration,
    wait: Duration,
    /// When it expires (monotonic).
    due: Duration,
}

impl GossipWatchdog {
    /// The longest wait between two disconnections.
    pub const MAX_WAIT: Duration = Duration::from_secs(300);

    /// Starts at `now` (monotonic), for a chain of this block interval.
    pub fn new(block_time: Duration, now: Duration) -> Self {
        let timeout = (block_time * 10).clamp(Duration::from_secs(20), Duration::from_secs(120));
        Self { timeout, wait: timeout, due: now.saturating_add(timeout) }
    }

    /// The time without a block after which it expires: ten block intervals, at least 20 s and at most 2 minutes.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A new block arrived at `now` (monotonic), from any peer.
    pub fn received(&mut self, now: Duration) {
        (self.wait, self.due) = (self.timeout, now.saturating_add(self.timeout));
    }

    /// When it expires (monotonic).
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// Whether it has expired at `now` (monotonic). If so, it starts again with a doubled wait.
    pub fn expired(&mut self, now: Duration) -> bool {
        let expired = now >= self.due;
        if expired {
            self.wait = (self.wait * 2).min(Self::MAX_WAIT);
            self.due = now.saturating_add(self.wait);
        }
        expired
    }
}
