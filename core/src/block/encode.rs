//! The owned payload and its SSZ encoding, defined with `ssz_rs`: what a sequencer publishes and a server serves.

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use ssz_rs::prelude::*;

use crate::{
    block::{
        Payload, Withdrawal,
        layout::{MAX_EXTRA_DATA, MAX_TRANSACTIONS, MAX_WITHDRAWALS, at},
    },
    fork::Version,
    hash::keccak_many,
};

/// Maximum length of one transaction, bytes (the consensus spec's limit; the limit of a message is smaller).
const MAX_TRANSACTION: usize = 1 << 30;

/// An execution payload in the Engine API's terms, with the parent beacon block root that travels beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the Engine API's own names")]
pub struct ExecutionPayload {
    pub parent_hash: B256,
    pub fee_recipient: Address,
    pub state_root: B256,
    pub receipts_root: B256,
    pub logs_bloom: Bloom,
    pub prev_randao: B256,
    pub block_number: u64,
    pub gas_limit: u64,
    pub gas_used: u64,
    pub timestamp: u64,
    pub extra_data: Bytes,
    pub base_fee_per_gas: U256,
    pub block_hash: B256,
    pub transactions: Vec<Bytes>,
    /// Since V2. Always empty on an OP Stack chain; a list that is not empty can be encoded, and validation rejects it.
    pub withdrawals: Vec<Withdrawal>,
    /// Since V3.
    pub blob_gas_used: u64,
    /// Since V3.
    pub excess_blob_gas: u64,
    /// Since V4.
    pub withdrawals_root: B256,
    /// Since V3; in front of the SSZ bytes.
    pub parent_beacon_block_root: B256,
}

/// Why a payload cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A list or a byte string is longer than its SSZ limit.
    #[error("{0} is longer than its SSZ limit")]
    TooLong(&'static str),
    /// `ssz_rs` returned an error.
    #[error("SSZ: {0}")]
    Ssz(String),
    /// The encoded bytes do not decode again.
    #[error("the encoding does not decode: {0}")]
    Decode(#[from] super::DecodeError),
}

type Word = Vector<u8, 32>;
type Transactions = List<List<u8, MAX_TRANSACTION>, MAX_TRANSACTIONS>;
type Withdrawals = List<WithdrawalSsz, MAX_WITHDRAWALS>;

#[derive(Default, SimpleSerialize)]
struct WithdrawalSsz {
    index: u64,
    validator_index: u64,
    address: Vector<u8, 20>,
    amount: u64,
}

#[derive(Default, SimpleSerialize)]
struct PayloadV1 {
    parent_hash: Word,
    fee_recipient: Vector<u8, 20>,
    state_root: Word,
    receipts_root: Word,
    logs_bloom: Vector<u8, 256>,
    prev_randao: Word,
    block_number: u64,
    gas_limit: u64,
    gas_used: u64,
    timestamp: u64,
    extra_data: List<u8, MAX_EXTRA_DATA>,
    base_fee_per_gas: ssz_rs::U256,
    block_hash: Word,
    transactions: Transactions,
}

#[derive(Default, SimpleSerialize)]
struct PayloadV2 {
    parent_hash: Word,
    fee_recipient: Vector<u8, 20>,
    state_root: Word,
    receipts_root: Word,
    logs_bloom: Vector<u8, 256>,
    prev_randao: Word,
    block_number: u64,
    gas_limit: u64,
    gas_used: u64,
    timestamp: u64,
    extra_data: List<u8, MAX_EXTRA_DATA>,
    base_fee_per_gas: ssz_rs::U256,
    block_hash: Word,
    transactions: Transactions,
    withdrawals: Withdrawals,
}

#[derive(Default, SimpleSerialize)]
struct PayloadV3 {
    parent_hash: Word,
    fee_recipient: Vector<u8, 20>,
    state_root: Word,
    receipts_root: Word,
    logs_bloom: Vector<u8, 256>,
    prev_randao: Word,
    block_number: u64,
    gas_limit: u64,
    gas_used: u64,
    timestamp: u64,
    extra_data: List<u8, MAX_EXTRA_DATA>,
    base_fee_per_gas: ssz_rs::U256,
    block_hash: Word,
    transactions: Transactions,
    withdrawals: Withdrawals,
    blob_gas_used: u64,
    excess_blob_gas: u64,
}

#[derive(Default, SimpleSerialize)]
struct PayloadV4 {
    parent_hash: Word,
    fee_recipient: Vector<u8, 20>,
    state_root: Word,
    receipts_root: Word,
    logs_bloom: Vector<u8, 256>,
    prev_randao: Word,
    block_number: u64,
    gas_limit: u64,
    gas_used: u64,
    timestamp: u64,
    extra_data: List<u8, MAX_EXTRA_DATA>,
    base_fee_per_gas: ssz_rs::U256,
    block_hash: Word,
    transactions: Transactions,
    withdrawals: Withdrawals,
    blob_gas_used: u64,
    excess_blob_gas: u64,
    withdrawals_root: Word,
}

/// One version's container, filled: the fields of all versions, then its own.
macro_rules! filled {
    ($container:ident from $payload:expr, $($field:ident: $value:expr),*) => {
        $container {
            parent_hash: vector($payload.parent_hash)?,
            fee_recipient: vector($payload.fee_recipient)?,
            state_root: vector($payload.state_root)?,
            receipts_root: vector($payload.receipts_root)?,
            logs_bloom: vector($payload.logs_bloom)?,
            prev_randao: vector($payload.prev_randao)?,
            block_number: $payload.block_number,
            gas_limit: $payload.gas_limit,
            gas_used: $payload.gas_used,
            timestamp: $payload.timestamp,
            extra_data: list($payload.extra_data.to_vec(), "extraData")?,
            base_fee_per_gas: ssz_rs::U256::from_bytes_le($payload.base_fee_per_gas.to_le_bytes()),
            block_hash: vector($payload.block_hash)?,
            transactions: transactions($payload)?,
            $($field: $value,)*
        }
    };
}

impl ExecutionPayload {
    /// Encodes what the signature covers: `ssz` for V1 and V2, `parent beacon root ‖ ssz` for V3 and V4.
    ///
    /// # Errors
    /// A part longer than its SSZ limit.
    pub fn encode(&self, version: Version) -> Result<Vec<u8>, EncodeError> {
        let mut out = Vec::new();
        if version.has_beacon_root() {
            out.extend_from_slice(self.parent_beacon_block_root.as_slice());
        }
        match version {
            Version::V1 => ssz(&filled!(PayloadV1 from self,), &mut out),
            Version::V2 => ssz(&filled!(PayloadV2 from self, withdrawals: withdrawals(self)?), &mut out),
            Version::V3 => {
                let container = filled!(PayloadV3 from self,
                    withdrawals: withdrawals(self)?,
                    blob_gas_used: self.blob_gas_used,
                    excess_blob_gas: self.excess_blob_gas);
                ssz(&container, &mut out)
            }
            Version::V4 => {
                let container = filled!(PayloadV4 from self,
                    withdrawals: withdrawals(self)?,
                    blob_gas_used: self.blob_gas_used,
                    excess_blob_gas: self.excess_blob_gas,
                    withdrawals_root: vector(self.withdrawals_root)?);
                ssz(&container, &mut out)
            }
        }?;
        Ok(out)
    }

    /// Fills in the block hash and encodes: makes the message body of a new block.
    ///
    /// # Errors
    /// As [`ExecutionPayload::encode`].
    pub fn finish(&mut self, version: Version) -> Result<Vec<u8>, EncodeError> {
        let payload = Payload::decode(version, self.encode(version)?.into())?;
        self.block_hash = payload.compute_hash(keccak_many);
        let at = if version.has_beacon_root() { 32 } else { 0 } + at::BLOCK_HASH;
        let mut body = Vec::from(payload.into_body());
        if let Some(slot) = body.get_mut(at..at + 32) {
            slot.copy_from_slice(self.block_hash.as_slice());
        }
        Ok(body)
    }

    /// The block hash of this payload in `version`'s encoding; its `block_hash` field is not used.
    ///
    /// # Errors
    /// As [`ExecutionPayload::encode`].
    pub fn compute_hash(&self, version: Version) -> Result<B256, EncodeError> {
        Ok(Payload::decode(version, self.encode(version)?.into())?.compute_hash(keccak_many))
    }
}

impl From<&Payload> for ExecutionPayload {
    fn from(payload: &Payload) -> Self {
        Self {
            parent_hash: payload.parent_hash(),
            fee_recipient: payload.fee_recipient(),
            state_root: payload.state_root(),
            receipts_root: payload.receipts_root(),
            logs_bloom: Bloom::try_from(payload.logs_bloom()).unwrap_or_default(),
            prev_randao: payload.prev_randao(),
            block_number: payload.number(),
            gas_limit: payload.gas_limit(),
            gas_used: payload.gas_used(),
            timestamp: payload.timestamp(),
            extra_data: Bytes::copy_from_slice(payload.extra_data()),
            base_fee_per_gas: payload.base_fee_per_gas(),
            block_hash: payload.block_hash(),
            transactions: payload.transactions().map(Bytes::copy_from_slice).collect(),
            withdrawals: payload.withdrawals().collect(),
            blob_gas_used: payload.blob_gas_used().unwrap_or_default(),
            excess_blob_gas: payload.excess_blob_gas().unwrap_or_default(),
            withdrawals_root: payload.withdrawals_root().unwrap_or_default(),
            parent_beacon_block_root: payload.parent_beacon_block_root().unwrap_or_default(),
        }
    }
}

fn vector<const N: usize>(bytes: impl AsRef<[u8]>) -> Result<Vector<u8, N>, EncodeError> {
    Vector::try_from(bytes.as_ref().to_vec()).map_err(|(_, error)| EncodeError::Ssz(error.to_string()))
}

fn list<T: SimpleSerialize, const N: usize>(items: Vec<T>, name: &'static str) -> Result<List<T, N>, EncodeError> {
    List::try_from(items).map_err(|_| EncodeError::TooLong(name))
}

fn transactions(from: &ExecutionPayload) -> Result<Transactions, EncodeError> {
    let items: Result<Vec<_>, _> = from.transactions.iter().map(|tx| list(tx.to_vec(), "transaction")).collect();
    list(items?, "transactions")
}

fn withdrawals(from: &ExecutionPayload) -> Result<Withdrawals, EncodeError> {
    let records = from.withdrawals.iter().map(|record| {
        Ok(WithdrawalSsz {
            index: record.index,
            validator_index: record.validator_index,
            address: vector(record.address)?,
            amount: record.amount,
        })
    });
    list(records.collect::<Result<_, EncodeError>>()?, "withdrawals")
}

fn ssz(container: &impl Serialize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    container.serialize(out).map(drop).map_err(|error| EncodeError::Ssz(error.to_string()))
}
