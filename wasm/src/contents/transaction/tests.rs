use alloy_consensus::{SignableTransaction, TxEip1559, TxEip2930, TxEip7702, TxLegacy};
use alloy_eips::{
    eip2718::Encodable2718 as _,
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256, hex, keccak256};
use op_alloy_consensus::{OpTxEnvelope, TxDeposit, build_post_exec_tx, post_exec::SDMGasEntry};
use serde_json::{Value, json};

use super::append;
use crate::contents::fixtures::{block_of, key, parsed, recorded};

/// The sender of signed transactions.
const SENDER: u8 = 7;
const TO: Address = Address::repeat_byte(0xaa);

/// The only transaction of a block of base fee 252, as JSON.
fn shown(raw: &[u8]) -> Value {
    let block = block_of(vec![Bytes::copy_from_slice(raw)]);
    let mut out = String::new();
    append(&mut out, &block, 0, raw);
    let mut shown = parsed(&out);
    let object = shown.as_object_mut().unwrap();
    assert_eq!(object.remove("hash"), Some(json!(keccak256(raw))));
    assert_eq!(object.remove("blockHash"), Some(json!(block.hash)));
    assert_eq!(object.remove("blockNumber"), Some(json!("0x1")));
    assert_eq!(object.remove("transactionIndex"), Some(json!("0x0")));
    shown
}

fn signature(hash: B256) -> Signature {
    let bytes = key(SENDER).sign(&hash).0;
    let scalar = |bytes: &[u8]| U256::from_be_slice(bytes);
    Signature::new(scalar(&bytes[..32]), scalar(&bytes[32..64]), bytes[64] == 1)
}

/// The bytes of a signed transaction, and its signature.
fn signed<T: SignableTransaction<Signature>>(transaction: T) -> (Vec<u8>, Signature)
where
    OpTxEnvelope: From<alloy_consensus::Signed<T>>,
{
    let signature = signature(transaction.signature_hash());
    (OpTxEnvelope::from(transaction.into_signed(signature)).encoded_2718(), signature)
}

fn list() -> AccessList {
    AccessList(vec![AccessListItem { address: Address::repeat_byte(1), storage_keys: vec![B256::repeat_byte(2)] }])
}

fn list_shown() -> Value {
    json!([{ "address": format!("0x{}", "01".repeat(20)), "storageKeys": [format!("0x{}", "02".repeat(32))] }])
}

fn lower(address: Address) -> String {
    hex::encode_prefixed(address)
}

/// What all transactions have, with `more`.
fn with(common: (&str, Address, Option<Address>, &str), signature: Option<&Signature>, more: Value) -> Value {
    let (kind, from, to, gas_price) = common;
    let scalar = |value: U256| format!("{value:#x}");
    let mut all = json!({
        "blockTimestamp": "0x6b49d202", "type": kind, "from": lower(from), "to": to.map(lower), "gasPrice": gas_price,
        "r": scalar(signature.map(Signature::r).unwrap_or_default()),
        "s": scalar(signature.map(Signature::s).unwrap_or_default()),
    });
    all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    all
}

fn sender() -> Address {
    key(SENDER).address()
}

fn legacy(chain_id: Option<u64>) -> (Vec<u8>, Signature) {
    let (nonce, gas_price, gas_limit, to) = (0, 1_000, 21_000, TxKind::Call(TO));
    signed(TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value: U256::MAX, input: Bytes::new() })
}

fn dynamic(max_fee_per_gas: u128, max_priority_fee_per_gas: u128, to: TxKind) -> (Vec<u8>, Signature) {
    let input = Bytes::from_static(&[1, 2]);
    signed(TxEip1559 {
        chain_id: 10,
        nonce: 3,
        gas_limit: 90_000,
        max_fee_per_gas,
        max_priority_fee_per_gas,
        to,
        value: U256::ZERO,
        access_list: AccessList::default(),
        input,
    })
}

fn set_code() -> (Vec<u8>, Signature) {
    let authorization = Authorization { chain_id: U256::from(10), address: Address::repeat_byte(9), nonce: 5 };
    let authorization = SignedAuthorization::new_unchecked(authorization, 1, U256::from(0x11), U256::from(0x22));
    signed(TxEip7702 {
        chain_id: 10,
        nonce: 1,
        gas_limit: 100_000,
        max_fee_per_gas: 1_000,
        max_priority_fee_per_gas: 10,
        to: TO,
        value: U256::ZERO,
        access_list: AccessList::default(),
        authorization_list: vec![authorization],
        input: Bytes::new(),
    })
}

fn access() -> (Vec<u8>, Signature) {
    signed(TxEip2930 {
        chain_id: 10,
        nonce: 2,
        gas_price: 500,
        gas_limit: 50_000,
        to: TxKind::Call(TO),
        value: U256::from(7),
        access_list: list(),
        input: Bytes::new(),
    })
}

fn deposit(mint: u128, is_system_transaction: bool, to: TxKind) -> Vec<u8> {
    let deposit = TxDeposit {
        source_hash: B256::repeat_byte(0x5a),
        from: Address::repeat_byte(0xde),
        to,
        mint,
        value: U256::from(9),
        gas_limit: 1_000_000,
        is_system_transaction,
        input: Bytes::from_static(&[3]),
    };
    deposit.encoded_2718()
}

fn post_exec() -> Vec<u8> {
    build_post_exec_tx(1, vec![SDMGasEntry { index: 1, gas_refund: 2_100 }]).encoded_2718()
}

/// One of every type.
fn every_type() -> Vec<Vec<u8>> {
    let signed = [legacy(None), legacy(Some(10)), access(), dynamic(1_000, 10, TxKind::Call(TO)), set_code()];
    let deposits = [deposit(5, true, TxKind::Call(TO)), deposit(0, false, TxKind::Create)];
    signed.into_iter().map(|(raw, _)| raw).chain(deposits).chain([post_exec()]).collect()
}

#[test]
fn a_legacy_transaction_has_v_of_its_chain() {
    for (chain, id) in [(None, None), (Some(10), Some("0xa"))] {
        let (raw, signature) = legacy(chain);
        let v = u64::from(signature.v()) + chain.map_or(27, |chain| 35 + 2 * chain);
        let mut more = json!({
            "nonce": "0x0", "gas": "0x5208", "value": format!("{:#x}", U256::MAX), "input": "0x", "v": format!("{v:#x}"),
        });
        if let Some(id) = id {
            more["chainId"] = json!(id);
        }
        assert_eq!(shown(&raw), with(("0x0", sender(), Some(TO), "0x3e8"), Some(&signature), more));
    }
}

#[test]
fn an_access_list_is_shown() {
    let (raw, signature) = access();
    let parity = format!("{:#x}", u8::from(signature.v()));
    let more = json!({
        "nonce": "0x2", "gas": "0xc350", "value": "0x7", "input": "0x", "chainId": "0xa", "accessList": list_shown(),
        "v": parity, "yParity": parity,
    });
    assert_eq!(shown(&raw), with(("0x1", sender(), Some(TO), "0x1f4"), Some(&signature), more));
}

#[test]
fn the_gas_price_of_a_dynamic_fee_is_what_the_block_takes() {
    // The base fee is 252.
    for (most, tip, price) in [(1_000, 10, "0x106"), (255, 10, "0xff"), (252, 0, "0xfc"), (u128::MAX, u128::MAX, "")] {
        let (raw, signature) = dynamic(most, tip, TxKind::Create);
        let parity = format!("{:#x}", u8::from(signature.v()));
        let more = json!({
            "nonce": "0x3", "gas": "0x15f90", "value": "0x0", "input": "0x0102", "chainId": "0xa", "accessList": [],
            "maxFeePerGas": format!("{most:#x}"), "maxPriorityFeePerGas": format!("{tip:#x}"), "v": parity, "yParity": parity,
        });
        let price = if price.is_empty() { format!("{:#x}", u128::MAX) } else { price.to_owned() };
        assert_eq!(shown(&raw), with(("0x2", sender(), None, &price), Some(&signature), more));
    }
}

#[test]
fn authorizations_are_shown() {
    let (raw, signature) = set_code();
    let parity = format!("{:#x}", u8::from(signature.v()));
    let more = json!({
        "nonce": "0x1", "gas": "0x186a0", "value": "0x0", "input": "0x", "chainId": "0xa", "accessList": [],
        "maxFeePerGas": "0x3e8", "maxPriorityFeePerGas": "0xa", "v": parity, "yParity": parity,
        "authorizationList": [{
            "chainId": "0xa", "address": lower(Address::repeat_byte(9)), "nonce": "0x5", "yParity": "0x1", "r": "0x11", "s": "0x22",
        }],
    });
    assert_eq!(shown(&raw), with(("0x4", sender(), Some(TO), "0x106"), Some(&signature), more));
}

#[test]
fn a_deposit_is_from_whom_it_states() {
    let from = Address::repeat_byte(0xde);
    let mut more = json!({
        "nonce": "0x0", "gas": "0xf4240", "value": "0x9", "input": "0x03", "v": "0x0",
        "sourceHash": format!("0x{}", "5a".repeat(32)), "mint": "0x5", "isSystemTx": true,
    });
    let raw = deposit(5, true, TxKind::Call(TO));
    assert_eq!(shown(&raw), with(("0x7e", from, Some(TO), "0x0"), None, more.clone()));
    let object = more.as_object_mut().unwrap();
    object["mint"] = json!("0x0");
    object.remove("isSystemTx");
    assert_eq!(shown(&deposit(0, false, TxKind::Create)), with(("0x7e", from, None, "0x0"), None, more));
}

#[test]
fn a_post_exec_transaction_is_from_nobody() {
    let raw = post_exec();
    let more =
        json!({ "nonce": "0x0", "gas": "0x0", "value": "0x0", "input": hex::encode_prefixed(&raw[1..]), "v": "0x0" });
    assert_eq!(shown(&raw), with(("0x7d", Address::ZERO, None, "0x0"), None, more));
}

/// What is shown of bytes that are no known transaction.
fn unknown(raw: &[u8]) -> Value {
    let kind = raw.first().filter(|first| **first < 0xc0).copied().unwrap_or_default();
    json!({ "type": format!("{kind:#x}"), "raw": hex::encode_prefixed(raw) })
}

#[test]
fn what_cannot_be_decoded_is_shown_as_bytes() {
    let (known, _) = legacy(Some(10));
    let mut unsigned = TxLegacy { chain_id: None, to: TxKind::Call(TO), ..TxLegacy::default() };
    unsigned.gas_limit = 1;
    let zero = OpTxEnvelope::from(unsigned.into_signed(Signature::new(U256::ZERO, U256::ZERO, false))).encoded_2718();
    for raw in [
        vec![0x03],
        vec![0x7c, 0xc0],
        vec![0x7e],
        vec![0xff; 9],
        vec![0x80],
        vec![0xbf, 1],
        [&known[..], &[0]].concat(),
        [&[0], &known[..]].concat(),
        known[..known.len() - 1].to_vec(),
        [&[0x7d], &hex!("c3028080")[..]].concat(),
        zero,
    ] {
        assert_eq!(shown(&raw), unknown(&raw));
    }
}

#[test]
fn no_changed_byte_is_a_panic_or_of_the_same_sender() {
    let block = block_of(Vec::new());
    let shown = |raw: &[u8]| {
        let mut out = String::new();
        append(&mut out, &block, 0, raw);
        parsed(&out)
    };
    for right in every_type() {
        for at in 0..right.len() {
            for flipped in [1 << (at % 8), 0xff] {
                let mut raw = right.clone();
                raw[at] ^= flipped;
                let shown = shown(&raw);
                assert!(shown["raw"].is_string() != shown["from"].is_string(), "{shown}");
                assert_ne!(shown["from"], json!(lower(sender())), "byte {at} of type {}", right[0]);
            }
            assert!(shown(&right[..at])["raw"].is_string(), "the first {at} bytes of type {}", right[0]);
        }
    }
}

#[test]
fn every_recorded_transaction_is_decoded() {
    let mut types = std::collections::BTreeMap::new();
    for block in recorded() {
        let kept = block.kept();
        for (index, raw) in kept.payload.transactions().enumerate() {
            let mut out = String::new();
            append(&mut out, &kept, index, raw);
            let shown = parsed(&out);
            assert_eq!(shown["hash"], json!(keccak256(raw)));
            assert!(shown["from"].is_string(), "{shown}");
            if index == 0 {
                // The depositor of the L1 attributes.
                assert_eq!(shown["from"], "0xdeaddeaddeaddeaddeaddeaddeaddeaddead0001");
                assert_eq!(shown["to"], "0x4200000000000000000000000000000000000015");
            }
            *types.entry(shown["type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
        }
    }
    assert!(types["0x7e"] >= 26 && types.len() > 1, "{types:?}");
}
