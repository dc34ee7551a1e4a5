//! What is asked of the operating system: clock, signals, locks on files, limits and priorities.

pub(crate) mod file_limit;
pub(crate) mod file_lock;
pub(crate) mod thread_priority;
