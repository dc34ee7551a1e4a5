//! Positions and maximum lengths of the parts of an SSZ payload: the OP Stack's containers V1 to V4 (specs,
//! rollup-node-p2p; op-node's `ssz.go`), little endian.

use crate::fork::Version;

/// Byte offsets of the fixed part.
pub(super) mod at {
    pub(in crate::block) const PARENT_HASH: usize = 0;
    pub(in crate::block) const FEE_RECIPIENT: usize = 32;
    pub(in crate::block) const STATE_ROOT: usize = 52;
    pub(in crate::block) const RECEIPTS_ROOT: usize = 84;
    pub(in crate::block) const LOGS_BLOOM: usize = 116;
    pub(in crate::block) const PREV_RANDAO: usize = 372;
    pub(in crate::block) const NUMBER: usize = 404;
    pub(in crate::block) const GAS_LIMIT: usize = 412;
    pub(in crate::block) const GAS_USED: usize = 420;
    pub(in crate::block) const TIMESTAMP: usize = 428;
    pub(in crate::block) const EXTRA_DATA: usize = 436;
    pub(in crate::block) const BASE_FEE: usize = 440;
    pub(in crate::block) const BLOCK_HASH: usize = 472;
    pub(in crate::block) const TRANSACTIONS: usize = 504;
    pub(in crate::block) const WITHDRAWALS: usize = 508;
    pub(in crate::block) const BLOB_GAS_USED: usize = 512;
    pub(in crate::block) const EXCESS_BLOB_GAS: usize = 520;
    pub(in crate::block) const WITHDRAWALS_ROOT: usize = 528;
}

/// Maximum number of transactions in one payload (the consensus spec's list limit).
pub(super) const MAX_TRANSACTIONS: usize = 1 << 20;
/// Maximum length of the extra data, bytes.
pub(super) const MAX_EXTRA_DATA: usize = 32;
/// Maximum number of withdrawals in one payload.
pub(super) const MAX_WITHDRAWALS: usize = 16;
/// Length of one withdrawal, bytes.
pub(super) const WITHDRAWAL: usize = 44;

/// Length of the fixed part by version, bytes: 508, 512, 528, 560.
pub(super) const fn fixed_len(version: Version) -> usize {
    match version {
        Version::V1 => at::WITHDRAWALS,
        Version::V2 => at::BLOB_GAS_USED,
        Version::V3 => at::WITHDRAWALS_ROOT,
        Version::V4 => at::WITHDRAWALS_ROOT + 32,
    }
}

/// The `N` bytes at `at`.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..)?.first_chunk().copied()
}
