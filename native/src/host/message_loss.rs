//! Simulated loss of gossiped messages: an option of `petrel devnet` (`--drop`) only, to show how gaps are closed.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// The percentage of gossiped messages that are dropped instead of validated; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MessageLoss(Arc<AtomicU8>);

impl MessageLoss {
    /// A percentage, 0 to 100.
    pub fn percent(percent: u8) -> Self {
        Self(Arc::new(AtomicU8::new(percent)))
    }

    /// Drops no further messages.
    pub fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the next message is dropped.
    pub(super) fn drops_next(&self) -> bool {
        let percent = u64::from(self.0.load(Ordering::Relaxed));
        percent > 0 && RandomState::new().build_hasher().finish() % 100 < percent
    }
}
