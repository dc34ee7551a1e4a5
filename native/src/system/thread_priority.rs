//! Low priority for worker threads: heavy validation uses the processor time that the event loop leaves.
//!
//! Without it, four blocks of 10 MiB that are validated at once on two cores would delay the event loop for as long as they take.
//! A thread of low priority gets full time on an idle processor and a small share otherwise, so an honest block of that size is
//! late at worst, and never starved.

use std::cell::Cell;

/// The niceness of such a thread: a tenth of the normal weight (Linux' `sched_prio_to_weight`).
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

thread_local! {
    static IS_LOW: Cell<bool> = const { Cell::new(false) };
}

/// Lowers the priority of this thread for the rest of its life. Does nothing where threads have no niceness of their own, or when
/// the system refuses.
pub(crate) fn lower() {
    if !IS_LOW.replace(true) {
        #[cfg(target_os = "linux")]
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            tracing::debug!(%error, "the priority of a worker thread cannot be lowered");
        }
    }
}
