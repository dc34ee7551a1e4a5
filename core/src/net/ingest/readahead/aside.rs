//! Where the host does what concerns one connection alone.

use core::{future::Future, pin::Pin};
use std::sync::Arc;

/// What is done aside.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs a job where it stalls neither the loop nor a connection; ends when the job has. Few run at once, the others wait in their
/// order; one that waits for long is dropped instead, which is an end too.
pub type Aside = Arc<dyn Fn(Job) -> Ending + Send + Sync>;

/// The end of a job.
pub(in crate::net::ingest) type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;
