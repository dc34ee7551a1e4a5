//! A block's header as an L1 node reports it, checked against the block's hash: its state root is then the one of this block.

use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U64, U256, keccak256};
use alloy_rlp::{Encodable, Header as ListHeader};
use serde::Deserialize;
use serde_json::Value;

/// The needed fields of a block, unverified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct L1Block {
    /// As the node reports it: compare it with [`header_hash`].
    pub hash: B256,
    number: U64,
    timestamp: U64,
    /// The root of the state after it.
    pub state_root: B256,
}

impl L1Block {
    /// Its number.
    pub fn number(&self) -> u64 {
        self.number.to()
    }

    /// Unix seconds.
    pub fn timestamp(&self) -> u64 {
        self.timestamp.to()
    }
}

/// The fields of the header's first version (Ethereum's yellow paper, §4.4), in the order in which they are hashed.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct FirstFields {
    parent_hash: B256,
    #[serde(rename = "sha3Uncles")]
    uncles: B256,
    miner: Address,
    state_root: B256,
    transactions_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    difficulty: U256,
    number: U256,
    gas_limit: U256,
    gas_used: U256,
    timestamp: U256,
    extra_data: Bytes,
    mix_hash: B256,
    nonce: B64,
}

/// The fields that forks have appended, in their order: London, Shanghai, Cancun, Prague, Amsterdam (EIP-7928 and EIP-7843).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct LaterFields {
    base_fee_per_gas: Option<U256>,
    withdrawals_root: Option<B256>,
    blob_gas_used: Option<U256>,
    excess_blob_gas: Option<U256>,
    parent_beacon_block_root: Option<B256>,
    requests_hash: Option<B256>,
    #[serde(alias = "balHash")]
    block_access_list_hash: Option<B256>,
    slot_number: Option<U256>,
}

/// The hash of the header in a block's JSON.
///
/// # Errors
/// A field is missing or malformed.
pub fn header_hash(block: &Value) -> Result<B256, serde_json::Error> {
    let (first, later) = (FirstFields::deserialize(block)?, LaterFields::deserialize(block)?);
    let mut fields = Vec::new();
    first.encode(&mut fields);
    later.encode(&mut fields);
    let mut header = Vec::new();
    ListHeader { list: true, payload_length: fields.len() }.encode(&mut header);
    header.extend_from_slice(&fields);
    Ok(keccak256(header))
}

impl FirstFields {
    fn encode(&self, out: &mut Vec<u8>) {
        let fields: [&dyn Encodable; 15] = [
            &self.parent_hash,
            &self.uncles,
            &self.miner,
            &self.state_root,
            &self.transactions_root,
            &self.receipts_root,
            &self.logs_bloom,
            &self.difficulty,
            &self.number,
            &self.gas_limit,
            &self.gas_used,
            &self.timestamp,
            &self.extra_data,
            &self.mix_hash,
            &self.nonce,
        ];
        fields.into_iter().for_each(|field| field.encode(out));
    }
}

impl LaterFields {
    fn encode(&self, out: &mut Vec<u8>) {
        let fields = [
            some(&self.base_fee_per_gas),
            some(&self.withdrawals_root),
            some(&self.blob_gas_used),
            some(&self.excess_blob_gas),
            some(&self.parent_beacon_block_root),
            some(&self.requests_hash),
            some(&self.block_access_list_hash),
            some(&self.slot_number),
        ];
        fields.into_iter().flatten().for_each(|field| field.encode(out));
    }
}

fn some<T: Encodable>(field: &Option<T>) -> Option<&dyn Encodable> {
    field.as_ref().map(|field| field as &dyn Encodable)
}
