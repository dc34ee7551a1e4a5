//! When writing is tried again after the disk has failed. Each attempt opens the file again, for which redb may look at all of it: the
//! time between two attempts doubles, and is at least ten times as long as the last one took.

use std::time::{Duration, Instant};

/// Time after the first failure.
const FIRST: Duration = Duration::from_secs(1);
/// The longest time, unless one attempt takes more than a tenth of it.
const LONGEST: Duration = Duration::from_secs(60);
/// How many times longer than an attempt the time between two is.
const SHARE: u32 = 10;

/// See the module.
#[derive(Debug)]
pub(super) struct Retry {
    delay: Duration,
    at: Instant,
    /// The error of the last attempt.
    pub(super) error: String,
}

impl Retry {
    /// After a failure at `now`, following `previous`, whose attempt took this long.
    pub(super) fn after(previous: Option<&Self>, error: String, took: Duration, now: Instant) -> Self {
        let doubled = previous.map_or(FIRST, |previous| previous.delay.saturating_mul(2)).min(LONGEST);
        let delay = doubled.max(took.saturating_mul(SHARE));
        Self { delay, at: now + delay, error }
    }

    /// Whether the next attempt is due.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.at
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{FIRST, LONGEST, Retry, SHARE};

    #[test]
    fn the_time_between_attempts_doubles_up_to_a_minute_and_grows_with_what_an_attempt_takes() {
        let now = Instant::now();
        let short = Duration::from_millis(1);
        let mut retry = Retry::after(None, String::new(), short, now);
        assert!(!retry.is_due(now + FIRST - short) && retry.is_due(now + FIRST));
        for doubled in [2, 4, 8, 16, 32, 60, 60] {
            retry = Retry::after(Some(&retry), String::new(), short, now);
            assert_eq!(retry.delay, (FIRST * doubled).min(LONGEST));
        }
        let scan = Duration::from_secs(30);
        assert_eq!(Retry::after(Some(&retry), String::new(), scan, now).delay, SHARE * scan);
    }
}
