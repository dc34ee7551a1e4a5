//! The header's fields and the block's size.

use alloy_primitives::B256;
use alloy_rlp::{Encodable, Header};
use petrel_core::{
    block::{EMPTY_UNCLES, Payload},
    fork::Version,
    hash::keccak_many,
};

use crate::{forge::forge, naive_trie, vectors};

/// Payloads of real blocks.
fn payloads() -> Vec<Payload> {
    let decoded = vectors::blocks()
        .into_iter()
        .map(|(_, block)| Payload::decode(block.version, block.payload.encode(block.version).unwrap().into()).unwrap());
    decoded.collect()
}

#[test]
fn fields_exist_from_their_version_on() {
    for version in Version::ALL {
        let payload = Payload::decode(version, forge(version).body().into()).unwrap();
        let withdrawals = match version {
            Version::V1 => None,
            Version::V2 | Version::V3 => Some(naive_trie::EMPTY),
            Version::V4 => Some(B256::repeat_byte(0x77)),
        };
        assert_eq!(payload.header_withdrawals_root(keccak_many), withdrawals, "{version}");
        assert_eq!(payload.requests_hash().is_some(), version == Version::V4, "{version}");
        assert!(payload.transactions_root(keccak_many) != naive_trie::EMPTY);
    }
}

/// An RLP list of items that are encoded already.
fn list(items: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    Header { list: true, payload_length: items.iter().map(Vec::len).sum() }.encode(&mut out);
    out.extend(items.concat());
    out
}

fn rlp(item: &dyn Encodable) -> Vec<u8> {
    let mut out = Vec::new();
    item.encode(&mut out);
    out
}

/// The block's RLP, written out: header, transactions, uncles, withdrawals.
fn encoded(payload: &Payload) -> Vec<u8> {
    let root = payload.transactions_root(keccak_many);
    let bedrock: [&dyn Encodable; 16] = [
        &payload.parent_hash(),
        &EMPTY_UNCLES,
        &payload.fee_recipient(),
        &payload.state_root(),
        &root,
        &payload.receipts_root(),
        &payload.logs_bloom(),
        &0_u8,
        &payload.number(),
        &payload.gas_limit(),
        &payload.gas_used(),
        &payload.timestamp(),
        &payload.extra_data(),
        &payload.prev_randao(),
        &[0_u8; 8],
        &payload.base_fee_per_gas(),
    ];
    let mut header: Vec<Vec<u8>> = bedrock.into_iter().map(rlp).collect();
    header.extend(payload.header_withdrawals_root(keccak_many).map(|root| rlp(&root)));
    header.extend(payload.blob_gas_used().map(|used| rlp(&used)));
    header.extend(payload.excess_blob_gas().map(|excess| rlp(&excess)));
    header.extend(payload.parent_beacon_block_root().map(|root| rlp(&root)));
    header.extend(payload.requests_hash().map(|hash| rlp(&hash)));
    let transactions = payload.transactions().map(|raw| if raw[0] >= 0xc0 { raw.to_vec() } else { rlp(&raw) });
    let mut block = vec![list(&header), list(&transactions.collect::<Vec<_>>()), list(&[])];
    if payload.version() != Version::V1 {
        block.push(list(&[]));
    }
    list(&block)
}

#[test]
fn the_size_is_the_length_of_the_block_s_rlp() {
    let mut versions = std::collections::BTreeSet::new();
    for payload in payloads() {
        versions.insert(payload.version().topic());
        assert_eq!(payload.rlp_size(), encoded(&payload).len(), "{payload:?}");
    }
    assert_eq!(versions.len(), Version::ALL.len(), "blocks of every version");
}

#[test]
fn the_size_of_one_byte_and_of_long_transactions_is_right() {
    for transactions in
        [vec![], vec![vec![0x02]], vec![vec![0x7e; 55], vec![0x7e; 56]], vec![vec![0xc0], vec![2; 70_000]]]
    {
        let changed =
            forge(Version::V4).with(|it| it.transactions = transactions.into_iter().map(Into::into).collect());
        let payload = Payload::decode(Version::V4, changed.body().into()).unwrap();
        assert_eq!(payload.rlp_size(), encoded(&payload).len());
    }
}
