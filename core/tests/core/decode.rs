//! The SSZ decoder against op-node's rules.

use alloy_primitives::hex;
use petrel_core::{
    block::{DecodeError, ExecutionPayload, Payload, Region},
    fork::Version,
    hash::keccak_many,
};
use serde_json::Value;

use crate::{
    forge::{Forge, forge},
    vectors,
};

fn fixed(version: Version) -> usize {
    [508, 512, 528, 560][usize::from(version.topic())]
}

fn root(version: Version) -> usize {
    if version.has_beacon_root() { 32 } else { 0 }
}

/// Decodes a forged body after a change to its SSZ bytes.
fn decode(forge: &Forge, change: impl FnOnce(&mut Vec<u8>)) -> Result<Payload, DecodeError> {
    let body = forge.body();
    let (front, ssz) = body.split_at(root(forge.version));
    let mut ssz = ssz.to_vec();
    change(&mut ssz);
    Payload::decode(forge.version, [front, &ssz].concat().into())
}

fn put(ssz: &mut [u8], at: usize, value: u32) {
    ssz[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

fn get(ssz: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(ssz[at..at + 4].try_into().unwrap())
}

#[test]
fn the_cases_of_op_node_decode_as_in_op_node() {
    for vector in vectors::list("ssz.json", "vectors") {
        let mut body = match &vector["base"] {
            Value::String(base) => vectors::bytes(base).to_vec(),
            _ => vectors::unhex(&vector, "data"),
        };
        if let Some(offset) = vector["patch"]["offset"].as_u64() {
            let patch = vectors::unhex(&vector["patch"], "bytes");
            // The patch's offset counts from the SSZ bytes or from the body: both must fail.
            for at in [offset as usize, offset as usize + 32] {
                let mut patched = body.clone();
                let tx_table = 32 + get(&body[32..], 504) as usize;
                if at == tx_table {
                    patched[at..at + patch.len()].copy_from_slice(&patch);
                    body = patched;
                    break;
                }
            }
        }
        let version = Version::from_topic(vector["version"].as_u64().unwrap() as u8 - 1).unwrap();
        let decoded = Payload::decode(version, body.into());
        assert_eq!(decoded.is_ok(), vector["decodeOk"].as_bool().unwrap(), "{}", vectors::text(&vector, "name"));
    }
}

#[test]
fn an_encoded_payload_decodes_to_the_same() {
    for version in Version::ALL {
        let forge = forge(version);
        let body = forge.body();
        let decoded = Payload::decode(version, body.clone().into()).unwrap();
        let mut owned = ExecutionPayload::from(&decoded);
        assert_eq!(owned.transactions, forge.payload.transactions);
        assert_eq!(owned.encode(version).unwrap(), body);
        assert_eq!(owned.finish(version).unwrap(), body);
        assert_eq!(decoded.transaction_count(), 2);
        assert_eq!(decoded.transactions().last().unwrap(), [2; 300]);
    }
}

#[test]
fn each_version_needs_its_fixed_part() {
    for version in Version::ALL {
        let least = root(version) + fixed(version);
        let body = forge(version).body();
        for len in [0, 1, 31, 32, least - 1] {
            let short = Payload::decode(version, body[..len].to_vec().into()).unwrap_err();
            assert_eq!(short, DecodeError::TooShort { len, least });
        }
    }
}

#[test]
fn another_versions_payload_fails_at_the_first_offset() {
    for (version, other) in
        [(Version::V1, Version::V2), (Version::V2, Version::V1), (Version::V3, Version::V4), (Version::V4, Version::V3)]
    {
        let error = Payload::decode(other, forge(version).body().into()).unwrap_err();
        assert!(matches!(error, DecodeError::FirstOffset { .. }), "{error}");
    }
}

#[test]
fn the_first_offset_is_exact() {
    for version in Version::ALL {
        for by in [-1_i32, 1] {
            let offset = fixed(version) as u32;
            let error = decode(&forge(version), |ssz| put(ssz, 436, offset.wrapping_add_signed(by))).unwrap_err();
            assert!(matches!(error, DecodeError::FirstOffset { .. }));
        }
    }
}

#[test]
fn offsets_must_increase_and_stay_inside() {
    for version in Version::ALL {
        let before = fixed(version) as u32 - 1;
        for wrong in [before, 0, u32::MAX, 1 << 24] {
            let error = decode(&forge(version), |ssz| put(ssz, 504, wrong)).unwrap_err();
            assert!(matches!(error, DecodeError::Offset { region: Region::Transactions, .. }), "{error}");
        }
    }
    for version in [Version::V2, Version::V3, Version::V4] {
        for wrong in [0, fixed(version) as u32 - 1, u32::MAX, 1 << 24] {
            let error = decode(&forge(version), |ssz| put(ssz, 508, wrong)).unwrap_err();
            assert!(matches!(error, DecodeError::Offset { region: Region::Withdrawals, .. }), "{error}");
        }
    }
}

#[test]
fn extra_data_has_at_most_32_bytes() {
    let with = |len: usize| forge(Version::V4).with(|payload| payload.extra_data = vec![1; len].into());
    assert_eq!(decode(&with(32), |_| ()).unwrap().extra_data(), [1; 32]);
    // One byte more; the later offsets move.
    let error = decode(&with(32), |ssz| {
        ssz.insert(560, 1);
        for at in [504, 508] {
            let moved = get(ssz, at) + 1;
            put(ssz, at, moved);
        }
    });
    assert_eq!(error.unwrap_err(), DecodeError::ExtraData(33));
}

/// Decodes a V1 payload whose transactions region has this content.
fn region(content: &[u8]) -> Result<Payload, DecodeError> {
    let empty = forge(Version::V1).with(|payload| payload.transactions.clear());
    decode(&empty, |ssz| ssz.extend(content))
}

#[test]
fn a_transactions_region_is_empty_or_holds_an_offset() {
    assert_eq!(region(&[]).unwrap().transaction_count(), 0);
    for len in 1..=3 {
        assert_eq!(region(&vec![0; len]).unwrap_err(), DecodeError::TransactionRegion(len));
    }
}

#[test]
fn the_transactions_table_is_checked_to_its_last_entry() {
    let offsets = |offsets: &[u32]| offsets.iter().flat_map(|offset| offset.to_le_bytes()).collect::<Vec<u8>>();
    let wrong = |content: &[u32]| {
        let content = offsets(content);
        assert!(matches!(region(&content).unwrap_err(), DecodeError::TransactionOffset { .. }), "{content:?}");
    };
    wrong(&[0]);
    wrong(&[0, 0]);
    wrong(&[2]);
    wrong(&[5, 0]);
    wrong(&[8]);
    wrong(&[8, 1000]);
    wrong(&[8, 4]);
    wrong(&[12, 12, 11]);
    wrong(&[12, 13, 12]);
    wrong(&[u32::MAX]);
    wrong(&[u32::MAX - 3]);
    // Equal offsets make an empty transaction, which decodes.
    let empties = region(&offsets(&[8, 8])).unwrap();
    assert_eq!(empties.transactions().map(<[u8]>::len).collect::<Vec<_>>(), [0, 0]);
}

#[test]
fn more_than_a_million_transactions_are_refused() {
    let table = |count: usize| {
        let offset = (4 * count as u32).to_le_bytes();
        offset.repeat(count)
    };
    assert_eq!(region(&table(1 << 20)).unwrap().transaction_count(), 1 << 20);
    assert_eq!(region(&table((1 << 20) + 1)).unwrap_err(), DecodeError::TooManyTransactions((1 << 20) + 1));
}

#[test]
fn withdrawals_are_at_most_sixteen_whole_records() {
    let with = |len: usize| decode(&forge(Version::V4), |ssz| ssz.extend(vec![3; len]));
    for count in [0, 1, 2, 16] {
        assert_eq!(with(44 * count).unwrap().withdrawals().len(), count);
    }
    for len in [1, 43, 45, 17 * 44] {
        assert_eq!(with(len).unwrap_err(), DecodeError::Withdrawals(len));
    }
}

#[test]
fn every_field_is_read_from_its_place() {
    let body = vectors::bytes("gossip/captured-unsigned/op-mainnet-129499858-v3.payload.bin");
    let payload = Payload::decode(Version::V3, body.to_vec().into()).unwrap();
    assert_eq!((payload.number(), payload.timestamp(), payload.transaction_count()), (129_499_858, 1_734_598_493, 22));
    let root = hex!("3c91f05470cdc6942d0b347b3258dfeb6f9cf68a24cf26cf0d72bd467003c437");
    assert_eq!(payload.parent_beacon_block_root().unwrap(), root);
    assert_eq!(payload.block_hash(), payload.compute_hash(keccak_many));
    assert_eq!(
        (payload.blob_gas_used(), payload.excess_blob_gas(), payload.withdrawals_root()),
        (Some(0), Some(0), None)
    );
    assert_eq!(ExecutionPayload::from(&payload).encode(Version::V3).unwrap(), body);
}

#[test]
fn arbitrary_changes_never_panic() {
    let mut state = 7_u64;
    for version in Version::ALL {
        let body = forge(version).body();
        for _ in 0..5_000 {
            let mut changed = body.clone();
            for _ in 0..3 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                // Mostly in the offsets and tables.
                let at = if state & 1 == 0 {
                    root(version) + 430 + (state >> 40) as usize % 200
                } else {
                    (state >> 40) as usize
                };
                let at = at % changed.len();
                changed[at] = (state >> 24) as u8;
            }
            changed.truncate(changed.len() - (state >> 60) as usize % 4);
            if let Ok(payload) = Payload::decode(version, changed.into()) {
                let bytes: usize = payload.transactions().map(<[u8]>::len).sum();
                assert!(bytes <= body.len());
                let _hash = payload.compute_hash(keccak_many);
            }
        }
    }
}
