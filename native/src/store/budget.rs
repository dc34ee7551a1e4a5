//! How many blocks and bytes the store keeps.

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreBudget {
    /// Blocks; 0 stores no new ones, and leaves the existing ones alone.
    pub blocks: u64,
    /// Bytes of payloads.
    pub bytes: u64,
}

impl Default for StoreBudget {
    /// A day of two-second blocks, within the space of a small disk.
    fn default() -> Self {
        Self { blocks: 43_200, bytes: 8 << 30 }
    }
}
