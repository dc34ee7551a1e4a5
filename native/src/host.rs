//! What the driver needs from the daemon: the system's clocks, tokio's sleep, worker threads, and the store.
//!
//! Heavy work runs on tokio's blocking pool; short work runs as a task, because the usual block is validated in less time than
//! two threads take to wake each other. The node requests at most four validations of a topic and sixteen decodings at once, so
//! it uses about thirty threads at most, including two for single connections. Threads that validate have a low priority, see
//! `system::thread_priority`. A panic in work is logged and becomes an error result; the node continues.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{
    net::{Done, Heavy, Host, Job, Offload, Panicked, Work},
    payload_by_number::LookupFailed,
    persistence::Persisted,
    time::Now,
    validation::ValidationOutcome,
};
use tokio::{
    sync::{Semaphore, oneshot},
    task::JoinHandle,
    time::Sleep,
};

mod message_loss;

pub use message_loss::MessageLoss;

use crate::{primitives::FASTEST, store::Store, system::thread_priority};

/// Threads that read ahead for connections, at once.
const READ_AHEAD_THREADS: usize = 2;

/// How long a connection waits for such a thread at most; after that its data is read in the event loop.
const READ_AHEAD_WAIT: Duration = Duration::from_millis(500);

/// Bytes that are validated in less than a millisecond.
const SHORT: usize = 200 << 10;

/// See the module.
#[derive(Clone, Debug)]
pub struct TokioHost {
    start: Instant,
    store: Option<Store>,
    /// For [`Host::offload`].
    read_ahead_threads: Arc<Semaphore>,
    loss: MessageLoss,
}

impl TokioHost {
    /// Without a store nothing is persisted and nothing is found.
    pub fn new(store: Option<Store>) -> Self {
        let loss = MessageLoss::default();
        Self { start: Instant::now(), store, read_ahead_threads: Arc::new(Semaphore::new(READ_AHEAD_THREADS)), loss }
    }

    /// Drops a share of the gossiped messages.
    #[must_use]
    pub fn with_loss(self, loss: MessageLoss) -> Self {
        Self { loss, ..self }
    }
}

impl Host for TokioHost {
    type Sleep = Pin<Box<Sleep>>;
    type Working = RunningWork;

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.start.elapsed(), unix }
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn offload(&self) -> Option<Offload> {
        let threads = self.read_ahead_threads.clone();
        Some(Arc::new(move |job: Job| {
            // A task of its own: a connection that is not polled must not hold its permit.
            let run = run_aside(threads.clone(), job);
            Box::pin(async move {
                // It does not panic, and only the runtime ends it.
                let _ended = tokio::spawn(run).await;
            })
        }))
    }

    fn work(&self, work: Work) -> RunningWork {
        match (work, &self.store) {
            (Work::Heavy(Heavy::Validate(_)), _) if self.loss.drops_next() => {
                RunningWork::Now(Some(Box::new(Done::Validated(ValidationOutcome::not_run()))))
            }
            (Work::Heavy(heavy), _) => {
                let (panicked, is_short) = (heavy.panicked(), heavy.bytes() <= SHORT);
                let compute = move || heavy.run(FASTEST);
                let thread = if is_short {
                    tokio::spawn(async move { compute() })
                } else {
                    tokio::task::spawn_blocking(|| {
                        thread_priority::lower();
                        compute()
                    })
                };
                RunningWork::Heavy(thread, panicked)
            }
            (Work::Load(number), Some(store)) => {
                let store = store.clone();
                RunningWork::Load(tokio::task::spawn_blocking(move || Done::Loaded(store.load(number))))
            }
            (Work::Persist(persist), Some(store)) => RunningWork::Persist(store.persist(persist)),
            (Work::Load(_), None) => RunningWork::Now(Some(Box::new(Done::Loaded(Ok(None))))),
            (Work::Persist(_), None) => RunningWork::Now(Some(Box::new(Done::Persisted(Persisted::Unconfirmed)))),
        }
    }
}

/// Runs a job when a thread is free for it, or drops it after [`READ_AHEAD_WAIT`].
async fn run_aside(threads: Arc<Semaphore>, job: Job) {
    let Ok(permit) = tokio::time::timeout(READ_AHEAD_WAIT, threads.acquire_owned()).await else { return };
    let run = tokio::task::spawn_blocking(move || {
        thread_priority::lower();
        job();
        drop(permit);
    });
    if let Err(error) = run.await {
        tracing::error!(%error, "reading ahead panicked. Please report this defect");
    }
}

/// Work that is under way.
#[derive(Debug)]
pub enum RunningWork {
    /// A computation, and its result if it panics.
    Heavy(JoinHandle<Done>, Panicked),
    /// A read from the store.
    Load(JoinHandle<Done>),
    /// A write to the store.
    Persist(oneshot::Receiver<Persisted>),
    /// A result that is known already.
    Now(Option<Box<Done>>),
}

impl Future for RunningWork {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        Poll::Ready(match &mut *self {
            Self::Heavy(thread, panicked) => ready!(Pin::new(thread).poll(context)).unwrap_or_else(|error| {
                tracing::error!(%error, "a validation panicked and counts as invalid. Please report this defect");
                panicked.done()
            }),
            Self::Load(thread) => ready!(Pin::new(thread).poll(context)).unwrap_or_else(|error| {
                tracing::error!(%error, "the store panicked. Please report this defect");
                Done::Loaded(Err(LookupFailed))
            }),
            Self::Persist(result) => {
                let ended = |_| Persisted::Failed("the store's thread has ended".to_owned());
                Done::Persisted(ready!(Pin::new(result).poll(context)).unwrap_or_else(ended))
            }
            Self::Now(done) => match done.take() {
                Some(done) => *done,
                // It was polled after completion.
                None => return Poll::Pending,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Arc,
            atomic::{AtomicBool, Ordering},
        },
        time::{Duration, Instant},
    };

    use petrel_core::{
        fault::{Fault, NodeFault},
        net::{Done, Host as _, Panicked},
    };

    use super::{READ_AHEAD_THREADS, READ_AHEAD_WAIT, RunningWork, TokioHost};

    #[tokio::test]
    async fn a_read_ahead_that_panics_frees_its_thread() {
        let aside = TokioHost::new(None).offload().expect("threads");
        for _ in 0..=READ_AHEAD_THREADS {
            aside(Box::new(|| panic!("a defect"))).await;
        }
        let done = Arc::new(AtomicBool::default());
        let is_done = done.clone();
        let last = aside(Box::new(move || is_done.store(true, Ordering::Relaxed)));
        tokio::time::timeout(Duration::from_secs(60), last).await.expect("a thread is free");
        assert!(done.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn a_read_ahead_without_a_thread_in_time_is_dropped() {
        let host = TokioHost::new(None);
        let _taken =
            host.read_ahead_threads.clone().acquire_many_owned(READ_AHEAD_THREADS as u32).await.expect("threads");
        let begin = Instant::now();
        let held = Arc::new(());
        let holds = held.clone();
        let waits = host.offload().expect("threads")(Box::new(move || panic!("it ran with {holds:?}")));
        tokio::time::timeout(Duration::from_secs(60), waits).await.expect("it ends");
        assert!(begin.elapsed() >= READ_AHEAD_WAIT);
        assert_eq!(Arc::strong_count(&held), 1, "it is dropped");
    }

    #[tokio::test]
    async fn a_validation_that_panics_is_a_rejection() {
        let working = RunningWork::Heavy(tokio::task::spawn_blocking(|| panic!("a defect")), Panicked::Validate);
        let Done::Validated(checked) = working.await else { panic!("another answer") };
        assert_eq!(checked.result.unwrap_err(), Fault::Node(NodeFault::Panicked));
    }
}
