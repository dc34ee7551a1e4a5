//! How far opening a store is, and whether it is to end. After a crash redb looks at each block of the file, up to three times:
//! minutes for a large file on a slow disk.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// See the module. Shared by the thread that opens and the one that waits for it.
#[derive(Debug, Default)]
pub struct OpenProgress {
    is_repairing: AtomicBool,
    is_interrupted: AtomicBool,
    is_open: AtomicBool,
    bytes_read: AtomicU64,
    file_bytes: AtomicU64,
}

/// A repair after a crash, in blocks of [`OpenProgress::BLOCK`] bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairProgress {
    /// Blocks that were looked at, those that were looked at twice counted twice.
    pub looked_at: u64,
    /// Blocks of the file.
    pub file: u64,
}

impl OpenProgress {
    /// redb's page size: bytes of a block of the file.
    pub const BLOCK: u64 = 4096;

    /// The repair that is under way; `None` while there is none, and after opening.
    pub fn repair(&self) -> Option<RepairProgress> {
        let is_repairing = self.is_repairing.load(Ordering::Relaxed) && !self.is_open.load(Ordering::Relaxed);
        is_repairing.then(|| RepairProgress {
            looked_at: self.bytes_read.load(Ordering::Relaxed) / Self::BLOCK,
            file: self.file_bytes.load(Ordering::Relaxed) / Self::BLOCK,
        })
    }

    /// Whether the last run had not closed the file.
    pub fn was_repaired(&self) -> bool {
        self.is_repairing.load(Ordering::Relaxed)
    }

    /// Ends opening at its next read. Without effect when the store is open.
    pub fn interrupt(&self) {
        self.is_interrupted.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_interrupted(&self) -> bool {
        self.is_interrupted.load(Ordering::Relaxed) && !self.is_open.load(Ordering::Relaxed)
    }

    pub(super) fn has_read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The file was not closed; it has this many bytes.
    pub(super) fn repair_begins(&self, file_bytes: u64) {
        if !self.is_repairing.swap(true, Ordering::Relaxed) {
            self.bytes_read.store(0, Ordering::Relaxed);
            self.file_bytes.store(file_bytes, Ordering::Relaxed);
        }
    }

    pub(super) fn has_opened(&self) {
        self.is_open.store(true, Ordering::Relaxed);
    }
}
