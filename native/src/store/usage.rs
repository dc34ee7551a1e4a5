//! How many blocks and bytes are stored.

use std::sync::atomic::{AtomicU64, Ordering};

use super::budget::block_file_bytes;

/// The numbers, for the thread that writes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UsageCount {
    pub(super) blocks: u64,
    /// Bytes of payloads.
    pub(super) bytes: u64,
    /// Bytes of the blocks in the file, as [`block_file_bytes`] counts them.
    pub(super) file_bytes: u64,
}

impl UsageCount {
    /// Counts a block by the bytes of its payload.
    pub(super) fn add(&mut self, bytes: u64) {
        self.blocks += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        self.file_bytes = self.file_bytes.saturating_add(block_file_bytes(bytes));
    }

    /// The opposite of [`UsageCount::add`].
    pub(super) fn remove(&mut self, bytes: u64) {
        self.blocks = self.blocks.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.file_bytes = self.file_bytes.saturating_sub(block_file_bytes(bytes));
    }
}

/// The numbers as of the last transaction, for other threads.
#[derive(Debug, Default)]
pub struct StoreUsage {
    blocks: AtomicU64,
    bytes: AtomicU64,
    file_bytes: AtomicU64,
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

    /// Bytes of the file on disk; 0 for a store in memory.
    pub fn file_bytes(&self) -> u64 {
        self.file_bytes.load(Ordering::Relaxed)
    }

    /// Peers and bans that could not be read at the start.
    pub fn unreadable_rows(&self) -> u64 {
        self.unreadable_rows.load(Ordering::Relaxed)
    }

    pub(super) fn set_unreadable_rows(&self, rows: u64) {
        self.unreadable_rows.store(rows, Ordering::Relaxed);
    }

    pub(super) fn set(&self, count: UsageCount, file_bytes: u64) {
        self.file_bytes.store(file_bytes, Ordering::Relaxed);
        self.blocks.store(count.blocks, Ordering::Relaxed);
        self.bytes.store(count.bytes, Ordering::Relaxed);
    }
}
