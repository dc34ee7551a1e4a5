//! The header that a payload stands for: its RLP, the fields that the payload does not carry, and the block's size.
//!
//! Source: op-node of 2026, `CheckBlockHash`. What a version adds is decided by the encoding and not by the timestamp,
//! as op-node does; kona decides the requests hash by timestamp, which differs only for a payload of the wrong version.

use alloy_primitives::{B256, U256, b256};
use alloy_rlp::{Encodable, Header};

use crate::{
    block::{Payload, transaction::is_legacy, trie},
    fork::Version,
    hash::KeccakMany,
};

/// Keccak-256 of the RLP of an empty list: the hash of no uncles.
pub const EMPTY_UNCLES: B256 = b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// SHA-256 of nothing: the requests hash without requests (EIP-7685).
const EMPTY_REQUESTS: B256 = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Capacity for a header of about 600 bytes: 256 of bloom, ten words, some quantities.
const HEADER_CAPACITY: usize = 768;

impl Payload {
    /// The root over the transactions.
    pub fn transactions_root(&self, keccak_many: KeccakMany) -> B256 {
        trie::ordered_root(self.transactions(), keccak_many)
    }

    /// The header's withdrawals root: of the listed withdrawals in V2 and V3, of the message passer's storage from V4
    /// on; `None` before V2.
    pub fn header_withdrawals_root(&self, keccak_many: KeccakMany) -> Option<B256> {
        match self.version() {
            Version::V1 => None,
            Version::V2 | Version::V3 => {
                let records: Vec<Vec<u8>> = self.withdrawals().map(|record| record.rlp()).collect();
                Some(trie::ordered_root(records.iter().map(Vec::as_slice), keccak_many))
            }
            Version::V4 => Some(self.withdrawals_root().unwrap_or_default()),
        }
    }

    /// The header's requests hash, that of no requests; `None` before V4.
    pub fn requests_hash(&self) -> Option<B256> {
        (self.version() == Version::V4).then_some(EMPTY_REQUESTS)
    }

    /// Length of the block's RLP, bytes, as an execution client computes it (`size` of `eth_getBlockByNumber`): header,
    /// transactions, uncles, and from V2 on withdrawals.
    pub fn rlp_size(&self) -> usize {
        // A root has 32 bytes, whatever its value is.
        let withdrawals_root = (self.version() != Version::V1).then_some(B256::ZERO);
        let header = header_rlp(self, B256::ZERO, withdrawals_root).len();
        let transactions = self.transactions().map(transaction_size).sum();
        let withdrawals = self.withdrawals().map(|record| record.rlp().len()).sum();
        let lists = match self.version() {
            Version::V1 => list_size(transactions) + list_size(0),
            _ => list_size(transactions) + list_size(0) + list_size(withdrawals),
        };
        list_size(header + lists)
    }
}

/// A transaction in a block's RLP: a legacy one is a list, any other a string.
fn transaction_size(transaction: &[u8]) -> usize {
    if is_legacy(transaction) { transaction.len() } else { transaction.length() }
}

const fn list_size(payload_length: usize) -> usize {
    payload_length + alloy_rlp::length_of_length(payload_length)
}

/// The header's RLP with these roots.
pub(super) fn header_rlp(payload: &Payload, transactions_root: B256, withdrawals_root: Option<B256>) -> Vec<u8> {
    let mut fields = Vec::with_capacity(HEADER_CAPACITY);
    bedrock_fields(payload, transactions_root, &mut fields);
    later_fields(payload, withdrawals_root, &mut fields);
    let mut header = Vec::with_capacity(HEADER_CAPACITY + 3);
    Header { list: true, payload_length: fields.len() }.encode(&mut header);
    header.extend_from_slice(&fields);
    header
}

fn bedrock_fields(payload: &Payload, transactions_root: B256, out: &mut Vec<u8>) {
    payload.parent_hash().encode(out);
    EMPTY_UNCLES.encode(out);
    payload.fee_recipient().encode(out);
    payload.state_root().encode(out);
    transactions_root.encode(out);
    payload.receipts_root().encode(out);
    payload.logs_bloom().encode(out);
    U256::ZERO.encode(out); // difficulty
    payload.number().encode(out);
    payload.gas_limit().encode(out);
    payload.gas_used().encode(out);
    payload.timestamp().encode(out);
    payload.extra_data().encode(out);
    payload.prev_randao().encode(out);
    [0_u8; 8].as_slice().encode(out); // nonce
    payload.base_fee_per_gas().encode(out);
}

fn later_fields(payload: &Payload, withdrawals_root: Option<B256>, out: &mut Vec<u8>) {
    if let Some(root) = withdrawals_root {
        root.encode(out);
    }
    if let (Some(used), Some(excess)) = (payload.blob_gas_used(), payload.excess_blob_gas()) {
        used.encode(out);
        excess.encode(out);
        payload.parent_beacon_block_root().unwrap_or_default().encode(out);
    }
    if let Some(hash) = payload.requests_hash() {
        hash.encode(out);
    }
}
