//! Threads that yield: heavy checks take the processor that the event loop leaves.
//!
//! Four blocks of 10 MiB that are checked at once on two cores would have the loop wait for its turn as long as it works.
//! A thread that yields still gets its share when nothing else is to be done, and a little of it otherwise, so an honest
//! block of that size is late at worst and never starved.

use std::cell::Cell;

/// How nice such a thread is: a tenth of the weight of one that is not (Linux' `sched_prio_to_weight`).
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

thread_local! {
    static YIELDS: Cell<bool> = const { Cell::new(false) };
}

/// From now on this thread yields. Nothing happens where threads have no niceness of their own, or when it is forbidden.
pub(crate) fn begin() {
    if !YIELDS.replace(true) {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "a thread that checks cannot yield");
        }
    }
}
