//! The bounded SSZ decoder for a peer's bytes: op-node's rules (2026, its `UnmarshalSSZ`), no allocation.
//!
//! One pass over the offsets; nothing is copied and no offset is used unchecked. The last region always extends to the
//! end of the input, so trailing bytes cannot exist: they belong to a region and fail its length rule.

#![cfg_attr(not(test), deny(clippy::indexing_slicing))]

use core::ops::Range;

use crate::{
    block::layout::{MAX_EXTRA_DATA, MAX_TRANSACTIONS, MAX_WITHDRAWALS, WITHDRAWAL, array, at, fixed_len},
    fork::Version,
};

/// A variable part of the payload, for errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The extra data.
    ExtraData,
    /// The transactions.
    Transactions,
    /// The withdrawals.
    Withdrawals,
}

impl core::fmt::Display for Region {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Self::ExtraData => "extraData",
            Self::Transactions => "transactions",
            Self::Withdrawals => "withdrawals",
        })
    }
}

/// Why bytes are no payload of the given version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Shorter than the parent beacon root and the fixed part.
    #[error("{len} bytes, at least {least} needed")]
    TooShort {
        /// The actual length.
        len: usize,
        /// The minimum length of the version.
        least: usize,
    },
    /// The first offset must equal the fixed part's length exactly; another version's payload fails here.
    #[error("offset of extraData is {offset}, must be {fixed}")]
    FirstOffset {
        /// The encoded offset.
        offset: u32,
        /// The length of the version's fixed part.
        fixed: usize,
    },
    /// An offset before its predecessor or beyond the end.
    #[error("offset of {region} is {offset}, out of order or beyond the end")]
    Offset {
        /// The part.
        region: Region,
        /// The encoded offset.
        offset: u32,
    },
    /// More extra data than 32 bytes.
    #[error("extraData of {0} bytes, at most 32 allowed")]
    ExtraData(usize),
    /// The transactions' own offset table is malformed at this entry.
    #[error("transaction offset table is malformed at entry {entry}: {offset}")]
    TransactionOffset {
        /// The index of the entry.
        entry: usize,
        /// The encoded offset.
        offset: u32,
    },
    /// The transactions' region is too short for one offset.
    #[error("transactions region of {0} bytes")]
    TransactionRegion(usize),
    /// More than 2^20 transactions.
    #[error("{0} transactions, at most 2^20 allowed")]
    TooManyTransactions(usize),
    /// The withdrawals region is no whole number of records, or has more than 16.
    #[error("withdrawals region of {0} bytes: not at most 16 records of 44")]
    Withdrawals(usize),
}

impl DecodeError {
    /// Whether the bytes may be the beginning of a longer, valid payload.
    pub const fn lacks_bytes(&self) -> bool {
        matches!(self, Self::TooShort { .. } | Self::Offset { .. } | Self::TransactionOffset { .. })
    }
}

/// The positions of the variable parts, relative to the SSZ bytes.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    pub(super) extra: Range<usize>,
    pub(super) transactions: Range<usize>,
    pub(super) count: usize,
    pub(super) withdrawals: Range<usize>,
}

/// Checks `[root ‖] ssz` and finds its parts.
pub(super) fn layout(version: Version, body: &[u8]) -> Result<Layout, DecodeError> {
    let root = if version.has_beacon_root() { 32 } else { 0 };
    let fixed = fixed_len(version);
    let short = DecodeError::TooShort { len: body.len(), least: root + fixed };
    let ssz = body.get(root..).filter(|ssz| ssz.len() >= fixed).ok_or(short)?;

    let extra = offset(ssz, at::EXTRA_DATA).ok_or(short)?;
    if as_len(extra) != fixed {
        return Err(DecodeError::FirstOffset { offset: extra, fixed });
    }
    let transactions = following(ssz, at::TRANSACTIONS, fixed, Region::Transactions)?;
    if transactions - fixed > MAX_EXTRA_DATA {
        return Err(DecodeError::ExtraData(transactions - fixed));
    }
    let withdrawals = match version {
        Version::V1 => ssz.len(),
        _ => following(ssz, at::WITHDRAWALS, transactions, Region::Withdrawals)?,
    };
    let withdrawals_len = ssz.len() - withdrawals;
    if !withdrawals_len.is_multiple_of(WITHDRAWAL) || withdrawals_len > MAX_WITHDRAWALS * WITHDRAWAL {
        return Err(DecodeError::Withdrawals(withdrawals_len));
    }
    let region = ssz.get(transactions..withdrawals).unwrap_or_default();
    let count = transaction_count(region)?;
    Ok(Layout {
        extra: fixed..transactions,
        transactions: transactions..withdrawals,
        count,
        withdrawals: withdrawals..ssz.len(),
    })
}

/// The offset at `at`, not before `least` and not beyond the end.
fn following(ssz: &[u8], at: usize, least: usize, region: Region) -> Result<usize, DecodeError> {
    let offset = offset(ssz, at).unwrap_or(u32::MAX);
    let value = as_len(offset);
    if value < least || value > ssz.len() {
        return Err(DecodeError::Offset { region, offset });
    }
    Ok(value)
}

/// The number of transactions in the region; checks every entry of its offset table. An empty transaction is allowed
/// here.
fn transaction_count(region: &[u8]) -> Result<usize, DecodeError> {
    if region.is_empty() {
        return Ok(0);
    }
    let first = offset(region, 0).ok_or(DecodeError::TransactionRegion(region.len()))?;
    let table = as_len(first);
    if table == 0 || !table.is_multiple_of(4) || table > region.len() {
        return Err(DecodeError::TransactionOffset { entry: 0, offset: first });
    }
    let count = table / 4;
    if count > MAX_TRANSACTIONS {
        return Err(DecodeError::TooManyTransactions(count));
    }
    let mut previous = first;
    let entries = region.get(..table).unwrap_or_default().as_chunks::<4>().0;
    for (entry, bytes) in entries.iter().enumerate() {
        let offset = u32::from_le_bytes(*bytes);
        if offset < previous || as_len(offset) > region.len() {
            return Err(DecodeError::TransactionOffset { entry, offset });
        }
        previous = offset;
    }
    Ok(count)
}

/// The transaction at `index` of a region that [`layout`] accepted; empty beyond its end.
pub(super) fn transaction(region: &[u8], count: usize, index: usize) -> &[u8] {
    let start = offset(region, index * 4).map_or(region.len(), as_len);
    let end = match offset(region, (index + 1) * 4) {
        Some(next) if index + 1 < count => as_len(next),
        _ => region.len(),
    };
    region.get(start..end).unwrap_or_default()
}

fn offset(bytes: &[u8], at: usize) -> Option<u32> {
    array(bytes, at).map(u32::from_le_bytes)
}

/// An offset as a length: a 32-bit number fits `usize` on every target that this code runs on.
const fn as_len(offset: u32) -> usize {
    offset as usize
}
