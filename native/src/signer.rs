//! The signer of unsafe blocks, read from L1 at start and at every reload, and persisted over restarts.
//!
//! The SystemConfig proxy on L1 has the signer in one storage slot, which alone is authoritative. A reading that fails, or that
//! is older than the last one, changes nothing: the known signer stays. The last reading of an earlier run is used at start, so
//! that a restart works without L1; it replaces the signer of a preset or a flag, which is assumed only until L1 has answered and
//! then gets no grace period.

use std::time::Duration;

use petrel_core::{Event, net::Driver, persistence::Persisted, validation::SignerNews};
use tokio::sync::{
    mpsc::{Receiver, channel},
    oneshot,
};

use crate::{host::TokioHost, store::Store, system::clock::unix_now};

mod bounds;
mod error;
mod l1_client;
mod l1_node;
mod proxy;
mod rpc;
mod source;
mod stored_signer;

pub use error::L1Error;
pub use l1_client::{L1Client, SignerReading};
pub use source::SignerSource;
pub use stored_signer::{SignerStore, SignerStoreError, StoredSigner};

/// The wait after the first failure; each further one doubles it.
const RETRY: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const RETRY_LONGEST: Duration = Duration::from_secs(60);

/// Reads the signer for a running node.
#[derive(Debug)]
pub struct SignerWatcher {
    readings: Receiver<Result<SignerReading, L1Error>>,
    stored: SignerStore,
    /// A reading that is being persisted.
    pending: Option<(SignerReading, oneshot::Receiver<Persisted>)>,
    /// Whether the current signer came from L1.
    from_l1: bool,
}

impl SignerWatcher {
    /// Gives the node the signer of an earlier run, and starts to read L1.
    ///
    /// # Errors
    /// The stored signer cannot be read.
    pub fn start(source: SignerSource, store: Store, driver: &mut Driver<TokioHost>) -> Result<Self, SignerStoreError> {
        let (stored, previous) = SignerStore::open(store, source.system_config)?;
        let (from_l1, floor) = (previous.is_some(), previous.as_ref().map_or(0, |signer| signer.time));
        if let Some(previous) = previous {
            tracing::info!(signer = ?previous.signer, block = previous.block, age_secs = previous.age_secs(), "signer of the last run");
            driver.signer_news(previous.news());
        }
        let (sender, readings) = channel(1);
        tokio::spawn(async move {
            let mut reader = L1Reader { l1: L1Client::new(source.clone()), floor, failures: 0 };
            loop {
                let reading = reader.l1.read(reader.floor).await;
                let wait = reader.wait(&reading, source.reload);
                if sender.send(reading).await.is_err() {
                    return;
                }
                let Some(wait) = wait else { return };
                tokio::time::sleep(wait).await;
            }
        });
        Ok(Self { readings, stored, pending: None, from_l1 })
    }

    /// The next reading, once it is on disk, or error. Cancel-safe. Never returns without one.
    pub async fn next(&mut self) -> Result<SignerReading, L1Error> {
        loop {
            if let Some((_, result)) = &mut self.pending {
                let persisted = result.await.unwrap_or_else(|_| Persisted::Failed("the store has ended".to_owned()));
                if let Persisted::Failed(error) = persisted {
                    tracing::error!(%error, "the signer cannot be persisted");
                }
                if let Some((reading, _)) = self.pending.take() {
                    return Ok(reading);
                }
            }
            match self.readings.recv().await {
                Some(Ok(reading)) => {
                    let result = self.stored.persist(&reading);
                    self.pending = Some((reading, result));
                }
                Some(Err(error)) => return Err(error),
                None => return std::future::pending().await,
            }
        }
    }

    /// Gives a reading to the node. An error is reported and changes nothing.
    ///
    /// # Errors
    /// L1 is another chain, and no reading has succeeded yet.
    pub fn apply(
        &mut self,
        reading: Result<SignerReading, L1Error>,
        driver: &mut Driver<TokioHost>,
    ) -> Result<(), L1Error> {
        match reading {
            Err(error) if error.is_wrong_chain() && !self.from_l1 => return Err(error),
            Err(error) => driver.signer_news(SignerNews::Unread { error: error.to_string() }),
            Ok(reading) => {
                if clock_agrees(reading.head_time) {
                    driver.clock_agrees();
                }
                driver.signer_news(SignerNews::Read { signer: reading.signer, rotation: self.from_l1 });
                self.from_l1 = true;
            }
        }
        Ok(())
    }

    /// Persists the end of a previous signer's grace period.
    pub fn on_event(&mut self, event: &Event) {
        if let Event::SignerRetired(signer) = event {
            self.stored.retire(signer.retired);
        }
    }
}

/// Whether this machine's clock agrees with L1's newest block, within L1's interval of 12 s and an occasional missed slot.
fn clock_agrees(head_time: u64) -> bool {
    let age = i128::from(unix_now()) - i128::from(head_time);
    (-5..=40).contains(&age)
}

/// The task's state.
struct L1Reader {
    l1: L1Client,
    /// The timestamp of the last reading's L1 block: an older reading is an error. A block's number is not used: on a fork it can be
    /// higher than the correct chain's for weeks.
    floor: u64,
    failures: u32,
}

impl L1Reader {
    /// The time until the next reading; `None` if there is none.
    fn wait(&mut self, reading: &Result<SignerReading, L1Error>, reload: Option<Duration>) -> Option<Duration> {
        match reading {
            Ok(reading) => {
                (self.floor, self.failures) = (reading.time, 0);
                reload
            }
            Err(_) => {
                let wait = RETRY.saturating_mul(1 << self.failures.min(10)).min(RETRY_LONGEST);
                self.failures = self.failures.saturating_add(1);
                Some(reload.map_or(wait, |reload| reload.min(wait)))
            }
        }
    }
}
