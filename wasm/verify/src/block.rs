//! A verified block as JSON: all fields of the header, and the hashes of the transactions.

use alloy_primitives::{Address, B256, hex, keccak256};
use petrel_core::{
    block::{Payload, ordered_root},
    chain::Subsecond,
    primitives::Primitives,
};
use serde::Serialize;

/// See the module. A field that the block's version does not have is `null`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VerifiedBlock {
    number: u64,
    hash: B256,
    parent: B256,
    /// Unix seconds.
    timestamp: u64,
    /// Unix milliseconds: the block's own time.
    timestamp_ms: u64,
    /// The number of transactions.
    txs: usize,
    /// Their hashes, in order.
    transactions: Vec<B256>,
    #[serde(flatten)]
    roots: BlockRoots,
    #[serde(flatten)]
    header: BlockHeader,
}

/// What the header commits to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockRoots {
    state_root: B256,
    transactions_root: B256,
    receipts_root: B256,
    /// From Isthmus on: the storage root of the message passer.
    withdrawals_root: Option<B256>,
    parent_beacon_block_root: Option<B256>,
}

/// The other fields of the header. Quantities that may exceed 2^53 are decimal text.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct BlockHeader {
    fee_recipient: Address,
    prev_randao: B256,
    gas_limit: u64,
    gas_used: u64,
    /// Wei per gas.
    base_fee_per_gas: String,
    extra_data: String,
    logs_bloom: String,
    blob_gas_used: Option<u64>,
    excess_blob_gas: Option<u64>,
}

impl VerifiedBlock {
    /// Of a payload that was accepted: its stated hash is its actual one.
    pub(crate) fn new(payload: &Payload, subsecond: Subsecond) -> Self {
        Self {
            number: payload.number(),
            hash: payload.block_hash(),
            parent: payload.parent_hash(),
            timestamp: payload.timestamp(),
            timestamp_ms: payload.timestamp_ms(subsecond),
            txs: payload.transaction_count(),
            transactions: payload.transactions().map(keccak256).collect(),
            roots: BlockRoots {
                state_root: payload.state_root(),
                transactions_root: ordered_root(payload.transactions(), Primitives::PORTABLE.keccak_many),
                receipts_root: payload.receipts_root(),
                withdrawals_root: payload.withdrawals_root(),
                parent_beacon_block_root: payload.parent_beacon_block_root(),
            },
            header: BlockHeader {
                fee_recipient: payload.fee_recipient(),
                prev_randao: payload.prev_randao(),
                gas_limit: payload.gas_limit(),
                gas_used: payload.gas_used(),
                base_fee_per_gas: payload.base_fee_per_gas().to_string(),
                extra_data: hex::encode_prefixed(payload.extra_data()),
                logs_bloom: hex::encode_prefixed(payload.logs_bloom()),
                blob_gas_used: payload.blob_gas_used(),
                excess_blob_gas: payload.excess_blob_gas(),
            },
        }
    }
}
