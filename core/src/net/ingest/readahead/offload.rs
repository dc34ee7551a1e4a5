//! The host's function that runs jobs of single connections on other threads.

use core::{future::Future, pin::Pin};
use std::sync::Arc;

/// A job that concerns one connection.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs a job on another thread, so that it delays neither the event loop nor other connections. The returned future
/// ends when the job has ended. Few jobs run at once; the others wait in order. A job that waits too long is dropped
/// without being run, which ends its future too.
pub type Offload = Arc<dyn Fn(Job) -> JobEnd + Send + Sync>;

/// Resolves when a job has ended.
pub(in crate::net::ingest) type JobEnd = Pin<Box<dyn Future<Output = ()> + Send>>;
