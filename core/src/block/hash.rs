//! The block hash: keccak-256 of the header's RLP, rebuilt from the payload.
//!
//! Source: op-node of 2026, `CheckBlockHash`. What a version adds is decided by the encoding and not by the timestamp,
//! as op-node does; kona decides the requests hash by timestamp, which differs only for a payload of the wrong version.

use alloy_primitives::{B256, U256, b256, keccak256};
use alloy_rlp::{Encodable, Header};

use crate::{
    block::{Payload, trie},
    fork::Version,
    hash::KeccakMany,
};

/// Keccak-256 of the RLP of an empty list: the hash of no uncles.
const EMPTY_UNCLES: B256 = b256!("1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347");
/// SHA-256 of nothing: the requests hash without requests (EIP-7685).
const EMPTY_REQUESTS: B256 = b256!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");

/// Capacity for a header of about 600 bytes: 256 of bloom, ten words, some quantities.
const HEADER_CAPACITY: usize = 768;

impl Payload {
    /// The block hash by the header's rules (as op-node of 2026, `CheckBlockHash`): decided by the encoding, never by
    /// the timestamp.
    pub fn compute_hash(&self, keccak_many: KeccakMany) -> B256 {
        block_hash(self, keccak_many)
    }
}

fn block_hash(payload: &Payload, keccak_many: KeccakMany) -> B256 {
    let mut fields = Vec::with_capacity(HEADER_CAPACITY);
    bedrock_fields(payload, keccak_many, &mut fields);
    later_fields(payload, keccak_many, &mut fields);
    let mut header = Vec::with_capacity(HEADER_CAPACITY + 3);
    Header { list: true, payload_length: fields.len() }.encode(&mut header);
    header.extend_from_slice(&fields);
    keccak256(header)
}

fn bedrock_fields(payload: &Payload, keccak_many: KeccakMany, out: &mut Vec<u8>) {
    payload.parent_hash().encode(out);
    EMPTY_UNCLES.encode(out);
    payload.fee_recipient().encode(out);
    payload.state_root().encode(out);
    trie::ordered_root(payload.transactions(), keccak_many).encode(out);
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

fn later_fields(payload: &Payload, keccak_many: KeccakMany, out: &mut Vec<u8>) {
    match payload.version() {
        Version::V1 => {}
        Version::V2 | Version::V3 => withdrawals_root(payload, keccak_many).encode(out),
        Version::V4 => payload.withdrawals_root().unwrap_or_default().encode(out),
    }
    if let (Some(used), Some(excess)) = (payload.blob_gas_used(), payload.excess_blob_gas()) {
        used.encode(out);
        excess.encode(out);
        payload.parent_beacon_block_root().unwrap_or_default().encode(out);
    }
    if payload.version() == Version::V4 {
        EMPTY_REQUESTS.encode(out);
    }
}

/// The root over the listed withdrawals. An OP Stack block has none; a list that is not empty is rejected by a later
/// rule than the hash.
fn withdrawals_root(payload: &Payload, keccak_many: KeccakMany) -> B256 {
    let records: Vec<Vec<u8>> = payload.withdrawals().map(|record| record.rlp()).collect();
    trie::ordered_root(records.iter().map(Vec::as_slice), keccak_many)
}
