//! A decoded payload: a view on one buffer. Layout: the OP Stack's SSZ containers (specs, rollup-node-p2p).
//!
//! [`Payload::decode`] checks every offset once; afterwards each accessor is a bounded read that cannot fail. The
//! buffer is shared (`Bytes`): cloning a payload or taking a transaction copies nothing.

use alloy_primitives::{Address, B256, U256};
use bytes::Bytes;

use crate::{
    block::{
        Withdrawal, base_time, decode,
        decode::{DecodeError, Layout},
        layout::{WITHDRAWAL, array, at},
    },
    chain::Subsecond,
    fork::Version,
};

/// A payload of any version, decoded and within its bounds; not validated yet.
#[derive(Clone)]
pub struct Payload {
    version: Version,
    /// Parent beacon root where the version has one, then the SSZ bytes.
    body: Bytes,
    layout: Layout,
}

impl Payload {
    /// Decodes the bytes after the signature: `ssz` for V1 and V2, `parent beacon root ‖ ssz` for V3 and V4.
    ///
    /// # Errors
    /// Everything that op-node's decoder refuses (v1.19); see [`DecodeError`].
    pub fn decode(version: Version, body: Bytes) -> Result<Self, DecodeError> {
        let layout = decode::layout(version, &body)?;
        Ok(Self { version, body, layout })
    }

    /// The version of the encoding.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The bytes that were decoded: what the signature covers.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The bytes that were decoded, without copying when nothing else shares them.
    pub fn into_body(self) -> Bytes {
        self.body
    }

    /// The parent beacon block root; `None` before V3.
    pub fn parent_beacon_block_root(&self) -> Option<B256> {
        let root = self.body.get(..32).map(B256::from_slice);
        root.filter(|_| self.version.has_beacon_root())
    }

    /// The parent block's hash.
    pub fn parent_hash(&self) -> B256 {
        self.word(at::PARENT_HASH)
    }

    /// The recipient of the priority fees.
    pub fn fee_recipient(&self) -> Address {
        Address::from(self.array(at::FEE_RECIPIENT))
    }

    /// The state root after the block.
    pub fn state_root(&self) -> B256 {
        self.word(at::STATE_ROOT)
    }

    /// The receipts root.
    pub fn receipts_root(&self) -> B256 {
        self.word(at::RECEIPTS_ROOT)
    }

    /// The logs bloom, 256 bytes.
    pub fn logs_bloom(&self) -> &[u8] {
        self.ssz().get(at::LOGS_BLOOM..at::PREV_RANDAO).unwrap_or_default()
    }

    /// The mix digest.
    pub fn prev_randao(&self) -> B256 {
        self.word(at::PREV_RANDAO)
    }

    /// The block number.
    pub fn number(&self) -> u64 {
        self.quantity(at::NUMBER)
    }

    /// The gas limit.
    pub fn gas_limit(&self) -> u64 {
        self.quantity(at::GAS_LIMIT)
    }

    /// The gas used.
    pub fn gas_used(&self) -> u64 {
        self.quantity(at::GAS_USED)
    }

    /// The timestamp, Unix seconds.
    pub fn timestamp(&self) -> u64 {
        self.quantity(at::TIMESTAMP)
    }

    /// The block's own time, Unix milliseconds: the header's seconds, and the milliseconds where the chain has them.
    pub fn timestamp_ms(&self, subsecond: Subsecond) -> u64 {
        let millis = match subsecond {
            Subsecond::BaseTime => self.transactions().nth(1).and_then(base_time::millis),
            Subsecond::MixDigest => self.prev_randao().first_chunk().copied().map(u16::from_be_bytes),
        };
        // A value of a second or more is not valid milliseconds.
        let millis = millis.map(u64::from).filter(|millis| *millis < 1000).unwrap_or_default();
        self.timestamp().saturating_mul(1000).saturating_add(millis)
    }

    /// The extra data, at most 32 bytes; its meaning depends on the fork and is a matter of the execution engine.
    pub fn extra_data(&self) -> &[u8] {
        self.ssz().get(self.layout.extra.clone()).unwrap_or_default()
    }

    /// The base fee, wei per gas.
    pub fn base_fee_per_gas(&self) -> U256 {
        U256::from_le_bytes(self.array::<32>(at::BASE_FEE))
    }

    /// The hash that the payload states; [`Payload::compute_hash`] computes the actual one.
    pub fn block_hash(&self) -> B256 {
        self.word(at::BLOCK_HASH)
    }

    /// The number of transactions.
    pub const fn transaction_count(&self) -> usize {
        self.layout.count
    }

    /// Each transaction as on the wire (EIP-2718), in order, without copying.
    pub fn transactions(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        let region = self.ssz().get(self.layout.transactions.clone()).unwrap_or_default();
        let count = self.layout.count;
        (0..count).map(move |index| decode::transaction(region, count, index))
    }

    /// The withdrawals; an OP Stack block has none, and at most 16 decode.
    pub fn withdrawals(&self) -> impl ExactSizeIterator<Item = Withdrawal> {
        let region = self.ssz().get(self.layout.withdrawals.clone()).unwrap_or_default();
        region.as_chunks::<WITHDRAWAL>().0.iter().map(Withdrawal::from_ssz)
    }

    /// Blob gas used: the DA footprint from Jovian on, else 0; `None` before V3.
    pub fn blob_gas_used(&self) -> Option<u64> {
        (self.version >= Version::V3).then(|| self.quantity(at::BLOB_GAS_USED))
    }

    /// Excess blob gas, 0 on an OP Stack chain; `None` before V3.
    pub fn excess_blob_gas(&self) -> Option<u64> {
        (self.version >= Version::V3).then(|| self.quantity(at::EXCESS_BLOB_GAS))
    }

    /// The withdrawals root; `None` before V4.
    pub fn withdrawals_root(&self) -> Option<B256> {
        (self.version >= Version::V4).then(|| self.word(at::WITHDRAWALS_ROOT))
    }

    fn ssz(&self) -> &[u8] {
        let start = if self.version.has_beacon_root() { 32 } else { 0 };
        self.body.get(start..).unwrap_or_default()
    }

    fn array<const N: usize>(&self, at: usize) -> [u8; N] {
        array(self.ssz(), at).unwrap_or([0; N])
    }

    fn word(&self, at: usize) -> B256 {
        B256::from(self.array(at))
    }

    fn quantity(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }
}

impl core::fmt::Debug for Payload {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Payload")
            .field("version", &self.version)
            .field("number", &self.number())
            .field("hash", &self.block_hash())
            .field("transactions", &self.transaction_count())
            .finish_non_exhaustive()
    }
}
