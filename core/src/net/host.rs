//! What a body brings: its clocks, its sleep, a place for heavy work, and what it keeps.

use core::{future::Future, time::Duration};

use crate::{
    block::ValidPayload,
    fault::AnswerFault,
    message::INFLATION,
    net::Aside,
    payload_by_number::StoredBlock,
    persistence::{Persist, Persisted},
    primitives::Primitives,
    range_sync::ResponseTask,
    time::Now,
    validation::{ValidationOutcome, ValidationTask},
};

/// The body's side of the [`Driver`](super::Driver).
pub trait Host: Unpin {
    /// Ends when the time is over. Dropping it cancels it.
    type Sleep: Future<Output = ()> + Unpin;
    /// Ends with what came of some work. Dropping it may leave the work running.
    type Working: Future<Output = Done> + Unpin;

    /// Both clocks, now.
    fn now(&self) -> Now;

    /// Sleeps for this long.
    fn sleep(&self, duration: Duration) -> Self::Sleep;

    /// Where what concerns one connection alone is done; `None` where there is one thread alone.
    fn aside(&self) -> Option<Aside> {
        None
    }

    /// Does this work where it does not stall the loop, and answers in kind. [`Work::Heavy`] that panics ends as
    /// [`Heavy::panicked`]; what is to be kept is kept in the order in which it came.
    fn work(&self, work: Work) -> Self::Working;
}

/// Work for a body.
#[derive(Clone, Debug)]
pub enum Work {
    /// To compute, anywhere.
    Heavy(Heavy),
    /// To look for a block that was kept.
    Load(u64),
    /// To keep.
    Persist(Persist),
}

/// What is to be computed.
#[derive(Clone, Debug)]
pub enum Heavy {
    /// The judgement of a gossiped message.
    Validate(ValidationTask),
    /// The judgement of an answer.
    Decode(ResponseTask),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Done {
    /// Of [`Heavy::Validate`].
    Validated(ValidationOutcome),
    /// Of [`Heavy::Decode`].
    Decoded(Result<ValidPayload, AnswerFault>),
    /// Of [`Work::Load`].
    Loaded(Option<StoredBlock>),
    /// Of [`Work::Persist`].
    Persisted(Persisted),
}

impl Heavy {
    /// Computes it.
    pub fn run(self, primitives: Primitives) -> Done {
        match self {
            Self::Validate(check) => Done::Validated(check.run(primitives)),
            Self::Decode(reading) => Done::Decoded(reading.run(primitives)),
        }
    }

    /// Bytes that it works on at most: how long it takes follows from them.
    pub const fn bytes(&self) -> usize {
        match self {
            Self::Validate(check) => check.message.inflated(),
            Self::Decode(reading) => reading.bytes.len().saturating_mul(INFLATION),
        }
    }

    /// What is made of it when it panics.
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
    /// As it is answered.
    pub const fn done(self) -> Done {
        match self {
            Self::Validate => Done::Validated(ValidationOutcome::panicked()),
            Self::Decode => Done::Decoded(Err(AnswerFault::Panicked)),
        }
    }
}
