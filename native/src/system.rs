//! What is requested from the operating system: clock, signals, file locks and modes, stderr, limits and priorities.

pub(crate) mod clock;
pub(crate) mod disk_space;
pub(crate) mod file_limit;
pub(crate) mod file_lock;
pub(crate) mod hangup;
pub(crate) mod log_queue;
pub(crate) mod private_files;
pub(crate) mod stop_signal;
pub(crate) mod thread_priority;
