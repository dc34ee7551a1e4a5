//! The daemon's body: the system's clocks, tokio's sleep, worker threads, and the store.
//!
//! Heavy work runs on tokio's blocking pool, or where it is short as a task: the usual block is judged in less time than two
//! threads take to wake each other. The node asks for at most four checks of a topic and sixteen answers at once, so some
//! thirty threads are the most that it ever uses, two for single connections among them; those that have checked yield, see
//! `system::thread_priority`. A panic is logged and answered for; the node lives on.

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{
    net::{Done, Heavy, Host, Job, Offload, Panicked, Work},
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

/// Threads that work for single connections at once.
const BESIDE: usize = 2;

/// How long a connection waits for one of them at most: what it has is wanted, and is read in the loop instead.
const PATIENCE: Duration = Duration::from_millis(500);

/// Bytes that are judged in less than a millisecond.
const SHORT: usize = 200 << 10;

/// See the module.
#[derive(Clone, Debug)]
pub struct TokioHost {
    start: Instant,
    store: Option<Store>,
    /// For [`Host::offload`].
    beside: Arc<Semaphore>,
    loss: MessageLoss,
}

impl TokioHost {
    /// With a store, or without: then nothing is kept and nothing is found.
    pub fn new(store: Option<Store>) -> Self {
        let loss = MessageLoss::default();
        Self { start: Instant::now(), store, beside: Arc::new(Semaphore::new(BESIDE)), loss }
    }

    /// The same, losing some of the gossiped messages.
    #[must_use]
    pub fn losing(self, loss: MessageLoss) -> Self {
        Self { loss, ..self }
    }
}

impl Host for TokioHost {
    type Sleep = Pin<Box<Sleep>>;
    type Working = Working;

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono: self.start.elapsed(), unix }
    }

    fn sleep(&self, duration: Duration) -> Self::Sleep {
        Box::pin(tokio::time::sleep(duration))
    }

    fn offload(&self) -> Option<Offload> {
        let beside = self.beside.clone();
        Some(Arc::new(move |job: Job| {
            // A task of its own, for a connection that is not polled must not keep its turn from the next.
            let run = run_aside(beside.clone(), job);
            Box::pin(async move {
                // It panics nowhere and is ended by nobody but the runtime.
                let _ended = tokio::spawn(run).await;
            })
        }))
    }

    fn work(&self, work: Work) -> Working {
        match (work, &self.store) {
            (Work::Heavy(Heavy::Validate(_)), _) if self.loss.loses() => {
                Working::Now(Some(Done::Validated(ValidationOutcome::not_run())))
            }
            (Work::Heavy(heavy), _) => {
                let (panicked, is_short) = (heavy.panicked(), heavy.bytes() <= SHORT);
                let compute = move || heavy.run(FASTEST);
                let thread = if is_short {
                    tokio::spawn(async move { compute() })
                } else {
                    tokio::task::spawn_blocking(|| {
                        thread_priority::begin();
                        compute()
                    })
                };
                Working::Heavy(thread, panicked)
            }
            (Work::Load(number), Some(store)) => {
                let store = store.clone();
                Working::Load(tokio::task::spawn_blocking(move || Done::Loaded(store.load(number))))
            }
            (Work::Persist(keep), Some(store)) => Working::Keep(store.keep(keep)),
            (Work::Load(_), None) => Working::Now(Some(Done::Loaded(None))),
            (Work::Persist(_), None) => Working::Now(Some(Done::Persisted(Persisted::NotForSure))),
        }
    }
}

/// Runs a job when a thread is free for it, or drops it after [`PATIENCE`].
async fn run_aside(beside: Arc<Semaphore>, job: Job) {
    let Ok(turn) = tokio::time::timeout(PATIENCE, beside.acquire_owned()).await else { return };
    let run = tokio::task::spawn_blocking(move || {
        thread_priority::begin();
        job();
        drop(turn);
    });
    if let Err(error) = run.await {
        tracing::error!(%error, "reading ahead panicked. Please report this defect");
    }
}

/// Work on its thread.
#[derive(Debug)]
pub enum Working {
    /// What is computed, and what it is worth when it panics.
    Heavy(JoinHandle<Done>, Panicked),
    /// What is read from the store.
    Load(JoinHandle<Done>),
    /// What is written to it.
    Keep(oneshot::Receiver<Persisted>),
    /// What is known already.
    Now(Option<Done>),
}

impl Future for Working {
    type Output = Done;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Done> {
        Poll::Ready(match &mut *self {
            Self::Heavy(thread, panicked) => ready!(Pin::new(thread).poll(context)).unwrap_or_else(|error| {
                tracing::error!(%error, "a judgement panicked and counts as false. Please report this defect");
                panicked.done()
            }),
            Self::Load(thread) => ready!(Pin::new(thread).poll(context)).unwrap_or_else(|error| {
                tracing::error!(%error, "the store panicked. Please report this defect");
                Done::Loaded(None)
            }),
            Self::Keep(told) => {
                let ended = |_| Persisted::Failed("the store's thread has ended".to_owned());
                Done::Persisted(ready!(Pin::new(told).poll(context)).unwrap_or_else(ended))
            }
            Self::Now(done) => match done.take() {
                Some(done) => done,
                // It was polled after its end.
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

    use super::{BESIDE, PATIENCE, TokioHost, Working};

    #[tokio::test]
    async fn what_panics_aside_has_ended_and_its_thread_goes_to_the_next() {
        let aside = TokioHost::new(None).offload().expect("threads");
        for _ in 0..=BESIDE {
            aside(Box::new(|| panic!("a defect"))).await;
        }
        let done = Arc::new(AtomicBool::default());
        let is_done = done.clone();
        let last = aside(Box::new(move || is_done.store(true, Ordering::Relaxed)));
        tokio::time::timeout(Duration::from_secs(60), last).await.expect("a thread is free");
        assert!(done.load(Ordering::Relaxed));
    }

    #[tokio::test]
    async fn what_finds_no_thread_in_time_is_dropped() {
        let host = TokioHost::new(None);
        let _taken = host.beside.clone().acquire_many_owned(BESIDE as u32).await.expect("threads");
        let begin = Instant::now();
        let held = Arc::new(());
        let holds = held.clone();
        let waits = host.offload().expect("threads")(Box::new(move || panic!("it ran with {holds:?}")));
        tokio::time::timeout(Duration::from_secs(60), waits).await.expect("it ends");
        assert!(begin.elapsed() >= PATIENCE);
        assert_eq!(Arc::strong_count(&held), 1, "it is dropped");
    }

    #[tokio::test]
    async fn a_check_that_panics_is_a_rejection_and_not_the_end() {
        let working = Working::Heavy(tokio::task::spawn_blocking(|| panic!("a defect")), Panicked::Validate);
        let Done::Validated(checked) = working.await else { panic!("another answer") };
        assert_eq!(checked.result.unwrap_err(), Fault::Node(NodeFault::Panicked));
    }
}
