//! What a body brings: its clocks, its sleep, and a place for heavy work.

use core::{future::Future, time::Duration};

use crate::{
    gossip::{Check, Checked},
    time::Now,
};

/// The body's side of the [`Driver`](super::Driver).
pub trait Host: Unpin {
    /// Ends when the time is over. Dropping it cancels it.
    type Sleep: Future<Output = ()> + Unpin;
    /// Ends with the outcome of a check. Dropping it may leave the check running.
    type Checking: Future<Output = Checked> + Unpin;

    /// Both clocks, now.
    fn now(&self) -> Now;

    /// Sleeps for this long.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// Runs a check where it does not stall the loop. A check that panics ends as [`Checked::panicked`].
    fn check(&self, check: Check) -> Self::Checking;
}
