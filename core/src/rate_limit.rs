//! A rate limit with time as an argument: governor's token bucket (GCRA) on a clock that is set from outside.
//!
//! Governor has no query that takes no token. So the answer of [`RateLimit::wait`] is computed when a token is taken,
//! and asking changes nothing.

use core::time::Duration;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::StateInformationMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

use crate::config::Rate;

/// A bucket of `burst` tokens that fills at `per_second`.
#[derive(Debug)]
pub struct RateLimit {
    clock: GivenClock,
    bucket: RateLimiter<NotKeyed, InMemoryState, GivenClock, StateInformationMiddleware>,
    /// When the next token is available (monotonic).
    next_at: Duration,
}

impl RateLimit {
    /// A full bucket at `now` (monotonic).
    pub fn new(rate: Rate, now: Duration) -> Self {
        let clock = GivenClock::default();
        clock.set(now);
        let quota = Quota::per_second(rate.per_second).allow_burst(rate.burst);
        let bucket = RateLimiter::direct_with_clock(quota, clock.clone()).with_middleware();
        Self { clock, bucket, next_at: now }
    }

    /// Takes a token at `now` (monotonic), if there is one.
    pub fn take(&mut self, now: Duration) -> bool {
        self.clock.set(now);
        let taken = match self.bucket.check() {
            // The bucket is empty now, so a second check takes nothing and returns when the next token comes.
            Ok(state) if state.remaining_burst_capacity() == 0 => self.bucket.check().map_err(|until| (true, until)),
            Ok(state) => Ok(state),
            Err(until) => Err((false, until)),
        };
        match taken {
            Ok(_) => {
                self.next_at = now;
                true
            }
            Err((taken, until)) => {
                self.next_at = now.saturating_add(until.wait_time_from(self.clock.now()));
                taken
            }
        }
    }

    /// How long until a token is available, at `now` (monotonic); `None` when one is.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        self.next_at.checked_sub(now).filter(|wait| !wait.is_zero())
    }
}

/// A clock that shows what it was last set to.
#[derive(Clone, Debug, Default)]
struct GivenClock(Arc<AtomicU64>);

impl GivenClock {
    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for GivenClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}
