//! What the last reading was, as a note in the store: on disk before it is believed.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use alloy_primitives::Address;
use petrel_core::validation::{GRACE, SignerNews};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::Reading;
use crate::store::Store;

/// The note's name.
const NOTE: &str = "signer";

/// Why what was kept cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "the signer that was kept cannot be read from the store: {0}; begin with another --datadir, or without --l1 for a start"
)]
pub struct KeepError(String);

/// What was read last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    /// Where it was read.
    system_config: Address,
    /// The signer; `None` when the slot was zero.
    pub signer: Option<Address>,
    /// The one before it, while its grace runs.
    previous: Option<Previous>,
    /// The L1 block of the reading.
    pub block: u64,
    /// When it was read, Unix seconds.
    read_at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Previous {
    signer: Address,
    /// Unix seconds at which the grace ends.
    until: u64,
}

impl Kept {
    /// Seconds since the reading.
    pub fn age_secs(&self) -> u64 {
        now().saturating_sub(self.read_at)
    }

    /// The same for the node. A clock that was set back never makes a grace longer than it is.
    pub fn news(&self) -> SignerNews {
        let left = |previous: Previous| Duration::from_secs(previous.until.saturating_sub(now())).min(GRACE);
        let previous = self.previous.map(|previous| (previous.signer, left(previous)));
        SignerNews::Restored { signer: self.signer, previous: previous.filter(|(_, left)| !left.is_zero()) }
    }
}

/// Where it is kept.
#[derive(Debug)]
pub struct Keep {
    store: Store,
    system_config: Address,
    kept: Option<Kept>,
}

impl Keep {
    /// Reads what was kept; of another SystemConfig it does not count.
    ///
    /// # Errors
    /// See [`KeepError`].
    pub fn open(store: Store, system_config: Address) -> Result<(Self, Option<Kept>), KeepError> {
        let note = store.note(NOTE).map_err(|error| KeepError(error.to_string()))?;
        let kept = note.map(|note| serde_json::from_slice(&note)).transpose();
        let kept: Option<Kept> = kept.map_err(|error| KeepError(error.to_string()))?;
        let kept = kept.filter(|kept| kept.system_config == system_config);
        Ok((Self { store, system_config, kept: kept.clone() }, kept))
    }

    /// Keeps a reading; the answer comes when it is on disk, or could not be.
    pub fn take(&mut self, reading: &Reading) -> oneshot::Receiver<petrel_core::persistence::Persisted> {
        let previous = match &self.kept {
            Some(kept) if kept.signer == reading.signer => kept.previous,
            Some(kept) => kept.signer.map(|signer| Previous { signer, until: now() + GRACE.as_secs() }),
            None => None,
        };
        let kept = Kept {
            system_config: self.system_config,
            signer: reading.signer,
            previous,
            block: reading.block,
            read_at: now(),
        };
        self.write(kept)
    }

    /// The previous signer's grace is over.
    pub fn retired(&mut self, gone: Address) {
        if let Some(mut kept) = self.kept.clone().filter(|kept| kept.previous.is_some_and(|held| held.signer == gone)) {
            kept.previous = None;
            // Nobody waits for it: a grace that is too long by a crash ends by itself.
            drop(self.write(kept));
        }
    }

    fn write(&mut self, kept: Kept) -> oneshot::Receiver<petrel_core::persistence::Persisted> {
        // It has no key that is not a string, which is all that JSON refuses.
        let told = self.store.keep_note(NOTE, serde_json::to_vec(&kept).unwrap_or_default());
        self.kept = Some(kept);
        told
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
