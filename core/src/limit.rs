//! Rate limits on a given clock: governor's token bucket (GCRA), with time as an argument.

use core::{cell::Cell, num::NonZeroU32, time::Duration};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use governor::{
    Quota, RateLimiter,
    clock::Clock,
    middleware::NoOpMiddleware,
    nanos::Nanos,
    state::{InMemoryState, NotKeyed},
};

/// A bucket of `burst` tokens that fills at `per_second`.
#[derive(Debug)]
pub struct Limit {
    clock: Given,
    bucket: RateLimiter<NotKeyed, InMemoryState, Given, NoOpMiddleware<Nanos>>,
    /// A token that [`Limit::wait`] has found, not yet taken.
    found: Cell<bool>,
}

impl Limit {
    /// A full bucket at `now` (monotonic).
    pub fn new(per_second: NonZeroU32, burst: NonZeroU32, now: Duration) -> Self {
        let clock = Given::default();
        clock.set(now);
        let quota = Quota::per_second(per_second).allow_burst(burst);
        Self { bucket: RateLimiter::direct_with_clock(quota, clock.clone()), clock, found: Cell::new(false) }
    }

    /// Takes a token at `now` (monotonic), if there is one.
    pub fn take(&self, now: Duration) -> bool {
        self.clock.set(now);
        self.found.take() || self.bucket.check().is_ok()
    }

    /// How long until there is a token, at `now` (monotonic); `None` when there is one. It stays there until it is taken.
    pub fn wait(&self, now: Duration) -> Option<Duration> {
        self.clock.set(now);
        if self.found.get() {
            return None;
        }
        match self.bucket.check() {
            Ok(()) => {
                self.found.set(true);
                None
            }
            Err(early) => Some(early.wait_time_from(self.clock.now())),
        }
    }
}

/// A clock that shows what it was last told.
#[derive(Clone, Debug, Default)]
struct Given(Arc<AtomicU64>);

impl Given {
    fn set(&self, now: Duration) {
        self.0.store(u64::try_from(now.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl Clock for Given {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::from(self.0.load(Ordering::Relaxed))
    }
}
