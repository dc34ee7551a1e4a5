//! Work that the host does for the driver, with its purpose.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use crate::{net::Done, persistence::PersistId, range_sync::FetchId, serving::RequestId, validation::ValidationId};

/// The purpose of some work.
#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    Validate(ValidationId),
    Decode(FetchId),
    Load(RequestId),
    Persist(PersistId),
}

/// Running work, with its purpose.
pub(super) struct RunningTask<F> {
    pub(super) task: Task,
    pub(super) working: F,
}

impl<F: Future<Output = Done> + Unpin> Future for RunningTask<F> {
    type Output = (Task, Done);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.task;
        Pin::new(&mut self.working).poll(context).map(|done| (task, done))
    }
}
