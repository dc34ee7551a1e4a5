//! Simulated loss of gossiped messages: an option of `petrel devnet` alone (`--drop`), to see gaps being closed.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
};

/// How many percent of the gossiped messages are not validated; clones share it.
#[derive(Clone, Debug, Default)]
pub struct MessageLoss(Arc<AtomicU8>);

impl MessageLoss {
    /// So many percent, 0 to 100.
    pub fn percent(percent: u8) -> Self {
        Self(Arc::new(AtomicU8::new(percent)))
    }

    /// From now on nothing is lost.
    pub fn end(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    /// Whether the next message is lost.
    pub(super) fn loses(&self) -> bool {
        let percent = u64::from(self.0.load(Ordering::Relaxed));
        percent > 0 && RandomState::new().build_hasher().finish() % 100 < percent
    }
}
