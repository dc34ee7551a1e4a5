//! The last reading, as a value in the store: on disk before the node uses it.

use std::time::Duration;

use alloy_primitives::Address;
use petrel_core::{
    persistence::Persisted,
    validation::{GRACE, SignerNews},
};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::l1_client::SignerReading;
use crate::{store::Store, system::clock::unix_now};

/// The value's name.
const STORE_KEY: &str = "signer";

/// Why the stored signer cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the signer cannot be read from the store: {0}; start with another --datadir, or without --l1")]
pub struct SignerStoreError(String);

/// The last reading.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredSigner {
    /// The contract that was read.
    system_config: Address,
    /// The signer; `None` when the slot was zero.
    pub signer: Option<Address>,
    /// The signer before it, during its grace period.
    previous: Option<PreviousSigner>,
    /// The L1 block of the reading.
    pub block: u64,
    /// That block's timestamp, Unix seconds; 0 in data of earlier versions.
    #[serde(default)]
    pub(super) time: u64,
    /// When it was read, Unix seconds.
    read_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct PreviousSigner {
    signer: Address,
    /// End of the grace period, Unix seconds.
    until: u64,
}

impl StoredSigner {
    /// Seconds since the reading.
    pub fn age_secs(&self) -> u64 {
        unix_now().saturating_sub(self.read_at)
    }

    /// The input for the node. A clock that was set back never extends a grace period.
    pub fn news(&self) -> SignerNews {
        let left = |previous: PreviousSigner| Duration::from_secs(previous.until.saturating_sub(unix_now())).min(GRACE);
        let previous = self.previous.map(|previous| (previous.signer, left(previous)));
        SignerNews::Restored { signer: self.signer, previous: previous.filter(|(_, left)| !left.is_zero()) }
    }
}

/// The stored reading and its store.
#[derive(Debug)]
pub struct SignerStore {
    store: Store,
    system_config: Address,
    signer: Option<StoredSigner>,
}

impl SignerStore {
    /// Reads the stored signer; one of another SystemConfig is ignored.
    ///
    /// # Errors
    /// See [`SignerStoreError`].
    pub fn open(store: Store, system_config: Address) -> Result<(Self, Option<StoredSigner>), SignerStoreError> {
        let value = store.value(STORE_KEY).map_err(|error| SignerStoreError(error.to_string()))?;
        let signer = value.map(|value| serde_json::from_slice(&value)).transpose();
        let signer: Option<StoredSigner> = signer.map_err(|error| SignerStoreError(error.to_string()))?;
        let signer = signer.filter(|signer| signer.system_config == system_config);
        Ok((Self { store, system_config, signer: signer.clone() }, signer))
    }

    /// Persists a reading; the result comes when it is on disk, or has failed.
    pub fn persist(&mut self, reading: &SignerReading) -> oneshot::Receiver<Persisted> {
        let previous = match &self.signer {
            Some(stored) if stored.signer == reading.signer => stored.previous,
            Some(stored) => stored.signer.map(|signer| PreviousSigner { signer, until: unix_now() + GRACE.as_secs() }),
            None => None,
        };
        let signer = StoredSigner {
            system_config: self.system_config,
            signer: reading.signer,
            previous,
            block: reading.block,
            time: reading.time,
            read_at: unix_now(),
        };
        self.write(signer)
    }

    /// Removes the previous signer, whose grace period is over.
    pub fn retire(&mut self, retired: Address) {
        let is_previous = |signer: &StoredSigner| signer.previous.is_some_and(|previous| previous.signer == retired);
        if let Some(mut signer) = self.signer.clone().filter(is_previous) {
            signer.previous = None;
            // Nothing waits for it: after a crash the grace period still ends at its time.
            drop(self.write(signer));
        }
    }

    fn write(&mut self, signer: StoredSigner) -> oneshot::Receiver<Persisted> {
        // Serialization fails only for keys that are no strings, which it does not have.
        let result = self.store.persist_value(STORE_KEY, serde_json::to_vec(&signer).unwrap_or_default());
        self.signer = Some(signer);
        result
    }
}
