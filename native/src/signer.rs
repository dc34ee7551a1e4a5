//! Who signs unsafe blocks, as L1 has it: read at start and again at every reload, kept over a restart.
//!
//! The SystemConfig proxy on L1 has the signer in one storage slot, and only it is authoritative. A reading that fails in
//! any way, or that is older than the last one, changes nothing: the signer that is known stays. What an earlier run read
//! is believed at start, so that a restart without L1 is as good as going on; it is worth more than a preset's or a flag's,
//! which are assumed until L1 has answered and then get no grace.

use std::time::Duration;

use alloy_primitives::Address;
use petrel_core::{Event, net::Driver, validation::SignerNews};
use tokio::sync::{
    mpsc::{Receiver, channel},
    oneshot,
};
use url::Url;

use crate::{daemon::unix_now, host::TokioHost, store::Store};

mod error;
mod l1_client;
mod proof;
mod proxy;
mod rpc;
mod stored_signer;

pub use error::L1Error;
pub use l1_client::{L1, Reading, SLOT};
pub use stored_signer::{Keep, KeepError, Kept};

/// The wait after the first failure; each further one doubles it.
const RETRY: Duration = Duration::from_secs(1);
/// The longest wait after a failure.
const RETRY_LONGEST: Duration = Duration::from_secs(60);

/// How the signer is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// An L1 node's JSON-RPC. May hold a secret: never shown.
    pub url: Url,
    /// The SystemConfig proxy.
    pub system_config: Address,
    /// The L1 chain id that must be there; `None` where the rollup's configuration does not say it.
    pub chain: Option<u64>,
    /// Blocks behind L1's head at which the slot is read.
    pub confs: u64,
    /// Whether a value is believed without a proof.
    pub trust: bool,
    /// The time between two readings; `None` reads once.
    pub reload: Option<Duration>,
}

/// The signer's keeper beside a running node.
#[derive(Debug)]
pub struct Watch {
    readings: Receiver<Result<Reading, L1Error>>,
    keep: Keep,
    /// A reading that is being written.
    written: Option<(Reading, oneshot::Receiver<petrel_core::persistence::Persisted>)>,
    /// Whether the signer that is believed came from L1.
    from_l1: bool,
}

impl Watch {
    /// Takes what an earlier run kept, tells the node, and begins to read.
    ///
    /// # Errors
    /// What was kept cannot be read.
    pub fn start(source: Source, store: Store, driver: &mut Driver<TokioHost>) -> Result<Self, KeepError> {
        let (keep, kept) = Keep::open(store, source.system_config)?;
        let (from_l1, floor) = (kept.is_some(), kept.as_ref().map_or(0, |kept| kept.block));
        if let Some(kept) = kept {
            tracing::info!(signer = ?kept.signer, block = kept.block, age_secs = kept.age_secs(), "signer of the last run");
            driver.signer_news(kept.news());
        }
        let (tell, readings) = channel(1);
        tokio::spawn(async move {
            let mut reader = Reader { l1: L1::new(source.clone()), floor, failures: 0 };
            loop {
                let reading = reader.l1.read(reader.floor).await;
                let wait = reader.wait(&reading, source.reload);
                if tell.send(reading).await.is_err() {
                    return;
                }
                let Some(wait) = wait else { return };
                tokio::time::sleep(wait).await;
            }
        });
        Ok(Self { readings, keep, written: None, from_l1 })
    }

    /// The next reading, once it is on disk, or failure. Never ends. Nothing is lost when it is given up.
    pub async fn next(&mut self) -> Result<Reading, L1Error> {
        loop {
            if let Some((_, told)) = &mut self.written {
                let kept = told
                    .await
                    .unwrap_or_else(|_| petrel_core::persistence::Persisted::Failed("the store has ended".to_owned()));
                if let petrel_core::persistence::Persisted::Failed(error) = kept {
                    tracing::error!(%error, "the signer is not kept over a restart");
                }
                if let Some((reading, _)) = self.written.take() {
                    return Ok(reading);
                }
            }
            match self.readings.recv().await {
                Some(Ok(reading)) => {
                    let told = self.keep.take(&reading);
                    self.written = Some((reading, told));
                }
                Some(Err(error)) => return Err(error),
                None => return std::future::pending().await,
            }
        }
    }

    /// Tells the node of a reading. A failure is told and changes nothing.
    ///
    /// # Errors
    /// At the first contact L1 turns out to be another chain.
    pub fn take(&mut self, reading: Result<Reading, L1Error>, driver: &mut Driver<TokioHost>) -> Result<(), L1Error> {
        match reading {
            Err(error @ L1Error::WrongChain { .. }) if !self.from_l1 => return Err(error),
            Err(error) => driver.signer_news(SignerNews::Unread { error: error.to_string() }),
            Ok(reading) => {
                if agrees(reading.head_time) {
                    driver.clock_agrees();
                }
                driver.signer_news(SignerNews::Read { signer: reading.signer, rotation: self.from_l1 });
                self.from_l1 = true;
            }
        }
        Ok(())
    }

    /// Keeps what an event says of the signers.
    pub fn note(&mut self, event: &Event) {
        if let Event::SignerRetired(gone) = event {
            self.keep.retired(gone.retired);
        }
    }
}

/// Whether this machine's clock agrees with L1's newest block, as far as that can say: L1 has a block every 12 s, and now and then
/// a slot without one.
fn agrees(head_time: u64) -> bool {
    let age = i128::from(unix_now()) - i128::from(head_time);
    (-5..=40).contains(&age)
}

struct Reader {
    l1: L1,
    /// The L1 block of the last reading: an older one is none.
    floor: u64,
    failures: u32,
}

impl Reader {
    /// How long until the next reading; `None` when there is to be none.
    fn wait(&mut self, reading: &Result<Reading, L1Error>, reload: Option<Duration>) -> Option<Duration> {
        match reading {
            Ok(reading) => {
                (self.floor, self.failures) = (reading.block, 0);
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
