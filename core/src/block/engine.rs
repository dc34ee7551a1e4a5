//! A block as JSON, in the Engine API's form: `{"executionPayload": {…}, "parentBeaconBlockRoot": …}`, or the bare
//! payload object. For validating files offline and for the fixtures of tests; it never reads bytes of a peer.

use alloy_primitives::{Address, B256, Bloom, Bytes, U256};
use serde::Deserialize;

use crate::{
    block::{ExecutionPayload, Withdrawal},
    fork::Version,
};

/// A block read from JSON and the version that its fields show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineBlock {
    /// The payload, with the `block_hash` that the file states.
    pub payload: ExecutionPayload,
    /// By the fields present: a withdrawals root makes V4, blob gas V3, a withdrawals list V2.
    pub version: Version,
}

/// JSON that is no Engine-API block.
#[derive(Debug, thiserror::Error)]
#[error("not an Engine-API block: {0}")]
pub struct EngineError(#[from] serde_json::Error);

/// Reads one block.
///
/// # Errors
/// Not JSON, or a field missing or malformed.
pub fn read(json: &[u8]) -> Result<EngineBlock, EngineError> {
    let file: File = serde_json::from_slice(json)?;
    let (fields, root) = match file {
        File::Envelope(envelope) => (envelope.execution_payload, envelope.parent_beacon_block_root),
        File::Bare(bare) => (*bare.payload, bare.parent_beacon_block_root),
    };
    Ok(fields.block(root.unwrap_or_default()))
}

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Envelope(Box<Envelope>),
    Bare(Bare),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    execution_payload: Fields,
    parent_beacon_block_root: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bare {
    #[serde(flatten)]
    payload: Box<Fields>,
    parent_beacon_block_root: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    parent_hash: B256,
    fee_recipient: Address,
    state_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    prev_randao: B256,
    block_number: Quantity,
    gas_limit: Quantity,
    gas_used: Quantity,
    timestamp: Quantity,
    extra_data: Bytes,
    base_fee_per_gas: U256,
    block_hash: B256,
    transactions: Vec<Bytes>,
    withdrawals: Option<Vec<WithdrawalFields>>,
    blob_gas_used: Option<Quantity>,
    excess_blob_gas: Option<Quantity>,
    withdrawals_root: Option<B256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WithdrawalFields {
    index: Quantity,
    validator_index: Quantity,
    address: Address,
    amount: Quantity,
}

impl Fields {
    fn block(self, parent_beacon_block_root: B256) -> EngineBlock {
        let version = match (&self.withdrawals_root, &self.blob_gas_used, &self.withdrawals) {
            (Some(_), _, _) => Version::V4,
            (None, Some(_), _) => Version::V3,
            (None, None, Some(_)) => Version::V2,
            (None, None, None) => Version::V1,
        };
        let payload = ExecutionPayload {
            parent_hash: self.parent_hash,
            fee_recipient: self.fee_recipient,
            state_root: self.state_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            prev_randao: self.prev_randao,
            block_number: self.block_number.0,
            gas_limit: self.gas_limit.0,
            gas_used: self.gas_used.0,
            timestamp: self.timestamp.0,
            extra_data: self.extra_data,
            base_fee_per_gas: self.base_fee_per_gas,
            block_hash: self.block_hash,
            transactions: self.transactions,
            withdrawals: self.withdrawals.into_iter().flatten().map(Withdrawal::from).collect(),
            blob_gas_used: self.blob_gas_used.map_or(0, |quantity| quantity.0),
            excess_blob_gas: self.excess_blob_gas.map_or(0, |quantity| quantity.0),
            withdrawals_root: self.withdrawals_root.unwrap_or_default(),
            parent_beacon_block_root,
        };
        EngineBlock { payload, version }
    }
}

impl From<WithdrawalFields> for Withdrawal {
    fn from(fields: WithdrawalFields) -> Self {
        Self {
            index: fields.index.0,
            validator_index: fields.validator_index.0,
            address: fields.address,
            amount: fields.amount.0,
        }
    }
}

/// A 64-bit number as 0x-hex, as the Engine API writes it, or as a JSON number.
struct Quantity(u64);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum BlobForm {
            Number(u64),
            Text(String),
        }
        match BlobForm::deserialize(deserializer)? {
            BlobForm::Number(number) => Ok(Self(number)),
            BlobForm::Text(text) => {
                let digits = text.strip_prefix("0x").unwrap_or(&text);
                u64::from_str_radix(digits, 16).map(Self).map_err(serde::de::Error::custom)
            }
        }
    }
}
