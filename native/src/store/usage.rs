//! How many blocks and bytes are stored.

use std::sync::atomic::{AtomicU64, Ordering};

/// The numbers, for the thread that writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UsageCount {
    pub(super) blocks: u64,
    pub(super) bytes: u64,
}

/// The numbers as of the last transaction, for other threads.
#[derive(Debug, Default)]
pub struct StoreUsage {
    blocks: AtomicU64,
    bytes: AtomicU64,
    unreadable_rows: AtomicU64,
}

impl StoreUsage {
    /// Stored blocks.
    pub fn blocks(&self) -> u64 {
        self.blocks.load(Ordering::Relaxed)
    }

    /// Bytes of their payloads.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Peers and bans that could not be read at the start.
    pub fn unreadable_rows(&self) -> u64 {
        self.unreadable_rows.load(Ordering::Relaxed)
    }

    pub(super) fn set_unreadable_rows(&self, rows: u64) {
        self.unreadable_rows.store(rows, Ordering::Relaxed);
    }

    pub(super) fn set(&self, count: UsageCount) {
        self.blocks.store(count.blocks, Ordering::Relaxed);
        self.bytes.store(count.bytes, Ordering::Relaxed);
    }
}
