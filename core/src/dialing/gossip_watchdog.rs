//! When everybody is silent: a kept peer is dropped and dialled anew, for a direction of its connection may be mute.
//!
//! A message that is too long for the other side, or a stream that was given up, leaves a connection that looks alive and
//! carries nothing one way; a new connection heals it. With several peers the others make up for it. So only when no
//! message came from anybody for [`GossipWatchdog::timeout`] one kept peer is dropped, the one that has been connected longest;
//! then the wait doubles up to [`GossipWatchdog::LONGEST`], because most likely the sequencer itself is silent.

use core::time::Duration;

/// See the module.
#[derive(Debug)]
pub struct GossipWatchdog {
    timeout: Duration,
    wait: Duration,
    /// When somebody is to be dropped.
    due: Duration,
}

impl GossipWatchdog {
    /// The longest wait between two drops.
    pub const LONGEST: Duration = Duration::from_secs(300);

    /// Begins at `now` (monotonic), for a chain of this block time.
    pub fn new(block_time: Duration, now: Duration) -> Self {
        let timeout = (block_time * 10).clamp(Duration::from_secs(20), Duration::from_secs(120));
        Self { timeout, wait: timeout, due: now.saturating_add(timeout) }
    }

    /// How long nobody may say anything: ten block times, 20 s to 2 minutes.
    pub const fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A message came at `now` (monotonic), from whomever.
    pub fn heard(&mut self, now: Duration) {
        (self.wait, self.due) = (self.timeout, now.saturating_add(self.timeout));
    }

    /// When the silence has lasted too long (monotonic).
    pub const fn due(&self) -> Duration {
        self.due
    }

    /// Whether it has at `now` (monotonic); then it begins again, and may last twice as long.
    pub fn expired(&mut self, now: Duration) -> bool {
        let over = now >= self.due;
        if over {
            self.wait = (self.wait * 2).min(Self::LONGEST);
            self.due = now.saturating_add(self.wait);
        }
        over
    }
}
