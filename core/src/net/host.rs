//! The interface that a host implements for the driver: clocks, sleep, threads for heavy work, and storage. Hosts are
//! the daemon and the browser's worker.

use core::{future::Future, time::Duration};

use crate::{
    block::ValidPayload,
    fault::AnswerFault,
    message::INFLATION,
    net::Offload,
    payload_by_number::Lookup,
    persistence::{Persist, Persisted},
    primitives::Primitives,
    range_sync::ResponseTask,
    time::Now,
    validation::{ValidationOutcome, ValidationTask},
};

/// The host of a [`Driver`](super::Driver).
pub trait Host: Unpin {
    /// Ends after the given time. Dropping it cancels it.
    type Sleep: Future<Output = ()> + Unpin;
    /// Ends with the result of a job. If it is dropped, the job may go on.
    type Working: Future<Output = Done> + Unpin;

    /// The time now, monotonic and Unix.
    fn now(&self) -> Now;

    /// Sleeps for this duration.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// Runs jobs of single connections on other threads; `None` if the host has one thread.
    fn offload(&self) -> Option<Offload> {
        None
    }

    /// Does this work without blocking the event loop, and returns the [`Done`] that belongs to it. [`Work::Heavy`]
    /// that panics ends as [`Heavy::panicked`] says. [`Work::Persist`] is done in the order of the calls.
    fn work(&self, work: Work) -> Self::Working;
}

/// Work for a host.
#[derive(Clone, Debug)]
pub enum Work {
    /// A computation without I/O.
    Heavy(Heavy),
    /// Reads a persisted block by its number.
    Load(u64),
    /// Writes to the store.
    Persist(Persist),
}

/// A computation that may take many milliseconds.
#[derive(Clone, Debug)]
pub enum Heavy {
    /// The validation of a gossiped message.
    Validate(ValidationTask),
    /// The validation of a range-sync response.
    Decode(ResponseTask),
}

/// The result of [`Work`].
#[derive(Clone, Debug)]
pub enum Done {
    /// The result of [`Heavy::Validate`].
    Validated(ValidationOutcome),
    /// The result of [`Heavy::Decode`].
    Decoded(Result<ValidPayload, AnswerFault>),
    /// The result of [`Work::Load`].
    Loaded(Lookup),
    /// The result of [`Work::Persist`].
    Persisted(Persisted),
}

impl Heavy {
    /// Runs the computation.
    pub fn run(self, primitives: Primitives) -> Done {
        match self {
            Self::Validate(task) => Done::Validated(task.run(primitives)),
            Self::Decode(task) => Done::Decoded(task.run(primitives)),
        }
    }

    /// Maximum bytes that it processes. The host estimates the duration from them.
    pub const fn bytes(&self) -> usize {
        match self {
            Self::Validate(task) => task.message.inflated(),
            Self::Decode(task) => task.bytes.len().saturating_mul(INFLATION),
        }
    }

    /// The kind of this computation, for its result if it panics.
    pub const fn panicked(&self) -> Panicked {
        match self {
            Self::Validate(_) => Panicked::Validate,
            Self::Decode(_) => Panicked::Decode,
        }
    }
}

/// Which kind of [`Heavy`] work panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panicked {
    /// See [`Heavy::Validate`].
    Validate,
    /// See [`Heavy::Decode`].
    Decode,
}

impl Panicked {
    /// The result that a panic counts as.
    pub const fn done(self) -> Done {
        match self {
            Self::Validate => Done::Validated(ValidationOutcome::panicked()),
            Self::Decode => Done::Decoded(Err(AnswerFault::Panicked)),
        }
    }
}
