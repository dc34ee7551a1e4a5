//! An attacker: a thread of low priority, and the counts of what it did.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    sync::Arc,
    thread::{self, JoinHandle},
};

use super::counts::{AttackOutcome, Counts};

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
            lower_priority();
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

/// Lowers the priority of this thread. Real attackers run on other machines; here they share the daemon's processors.
fn lower_priority() {
    let thread = fs::read_link("/proc/thread-self").ok();
    if let Some(id) = thread.as_deref().and_then(Path::file_name) {
        let _without = Command::new("renice").args(["-n", "19", "-p"]).arg(id).stdout(Stdio::null()).status();
    }
}
