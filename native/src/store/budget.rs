//! How many blocks and bytes the store keeps.
//!
//! The bytes are those of the file on disk. What a block takes in it is computed: redb puts a value that does not share a page into
//! a power of two of pages of 4 KiB. An eighth of the file is left to peers, bans, the trees' branches, and the pages that a
//! transaction replaces, which are free after the next one only.

/// redb's page.
const PAGE: u64 = 4096;
/// A block's rows besides its payload, in pages that are half full: its link, its place in the chain, and their keys.
const ROWS: u64 = 512;
/// A payload's key and what redb adds to a value.
const VALUE_OVERHEAD: u64 = 64;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreBudget {
    /// Blocks; 0 stores no new ones, and leaves the existing ones alone.
    pub blocks: u64,
    /// Bytes of the file on disk.
    pub bytes: u64,
}

impl Default for StoreBudget {
    /// A day of two-second blocks, within the space of a small disk.
    fn default() -> Self {
        Self { blocks: 43_200, bytes: 8 << 30 }
    }
}

impl StoreBudget {
    /// Bytes for blocks, as [`block_file_bytes`] counts them.
    pub(super) fn bytes_of_blocks(&self) -> u64 {
        self.bytes - self.bytes / 8
    }
}

/// Bytes that a block takes in the file, at most, by the bytes of its payload.
pub(super) fn block_file_bytes(payload: u64) -> u64 {
    let value = payload.saturating_add(VALUE_OVERHEAD);
    let pages = match value {
        // It shares its page, which is half full at least.
        ..2048 => value * 2,
        _ => value.div_ceil(PAGE).checked_next_power_of_two().unwrap_or(u64::MAX).saturating_mul(PAGE),
    };
    pages.saturating_add(ROWS)
}
