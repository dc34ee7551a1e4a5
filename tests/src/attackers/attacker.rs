//! An attacker: a thread of low priority, and the counts of what it did.

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::counts::{AttackOutcome, Counts};
use crate::resources;

/// The priority of an attack: the lowest.
const NICE: u8 = 19;

/// One attacker.
#[derive(Debug)]
pub struct Attacker {
    name: &'static str,
    counts: Arc<Counts>,
    thread: JoinHandle<()>,
}

impl Attacker {
    /// Starts an attack. It is dropped at the end, wherever it waits.
    pub(super) fn start<A: Future<Output = ()>>(
        name: &'static str,
        attack: impl FnOnce(Arc<Counts>) -> A + Send + 'static,
    ) -> Self {
        let counts = Arc::new(Counts::default());
        let shared = counts.clone();
        let thread = thread::spawn(move || {
            resources::lower_priority(NICE);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = attack(shared.clone()) => {}
                    () = shared.stopped() => {}
                }
            });
            runtime.shutdown_background();
        });
        Self { name, counts, thread }
    }

    /// Ends the attack.
    ///
    /// # Panics
    /// The attack has panicked.
    #[must_use]
    pub fn end(self) -> AttackOutcome {
        self.counts.stop();
        self.thread.join().expect("an attack does not panic");
        self.counts.outcome(self.name)
    }
}
