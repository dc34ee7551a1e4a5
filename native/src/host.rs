//! The daemon's body: the system's clocks, tokio's sleep, and worker threads for checks.
//!
//! A check runs on tokio's blocking pool; the node asks for at most four of a topic at once, so sixteen threads are the
//! most that checks ever use. A panic in one is logged and becomes [`Checked::panicked`]; the node lives on.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{
    gossip::{Check, Checked},
    net::Host,
    time::Now,
};
use tokio::{task::JoinHandle, time::Sleep};

use crate::primitives::FASTEST;

/// See the module.
#[derive(Clone, Debug)]
pub struct TokioHost {
    start: Instant,
}

impl Default for TokioHost {
    fn default() -> Self {
        Self { start: Instant::now() }
    }
}

impl Host for TokioHost {
    type Sleep = Pin<Box<Sleep>>;
    type Checking = Checking;

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.start.elapsed(), unix }
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn check(&self, check: Check) -> Checking {
        Checking(tokio::task::spawn_blocking(move || check.run(FASTEST)))
    }
}

/// A check on its thread.
#[derive(Debug)]
pub struct Checking(JoinHandle<Checked>);

impl Future for Checking {
    type Output = Checked;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Checked> {
        Pin::new(&mut self.0).poll(context).map(|joined| {
            joined.unwrap_or_else(|error| {
                tracing::error!(%error, "a check panicked; its message is rejected. Please report this defect");
                Checked::panicked()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use petrel_core::gossip::Fault;

    use super::Checking;

    #[tokio::test]
    async fn a_check_that_panics_is_a_rejection_and_not_the_end() {
        let checking = Checking(tokio::task::spawn_blocking(|| panic!("a defect")));
        assert_eq!(checking.await.result.unwrap_err(), Fault::Panicked);
    }
}
