//! What an L1 node says about the signer: headers of real blocks, and the slot of SystemConfig.

use alloy_primitives::{B256, b256, keccak256};
use petrel_core::{
    l1::{L1Block, NoAddress, SIGNER_SLOT, header_hash, signer_in, signer_word},
    state_proof::AccountProof,
};
use serde_json::{Value, json};

use crate::vectors;

fn headers() -> impl Iterator<Item = Value> {
    vectors::list("l1/headers.json", "headers").into_iter().map(|vector| vector["header"].clone())
}

/// Another value of a field.
fn changed(value: &str) -> String {
    let last = if value.ends_with('1') { "2" } else { "1" };
    format!("{}{last}", &value[..value.len() - 1])
}

#[test]
fn headers_of_real_blocks_of_every_kind_have_their_hashes() {
    let fields: Vec<usize> = headers().map(|header| header.as_object().unwrap().len() - 1).collect();
    assert_eq!(fields, [15, 16, 21, 21, 23]);
    for header in headers() {
        let block: L1Block = serde_json::from_value(header.clone()).unwrap();
        assert_eq!(header_hash(&header).unwrap(), block.hash);
        assert_eq!(format!("{:#x}", block.number()), header["number"].as_str().unwrap());
        assert_eq!(format!("{:#x}", block.timestamp()), header["timestamp"].as_str().unwrap());
        assert_eq!(block.state_root.to_string(), header["stateRoot"].as_str().unwrap());
    }
}

#[test]
fn every_field_of_a_header_is_part_of_its_hash() {
    for header in headers() {
        let hash = header_hash(&header).unwrap();
        for (name, value) in header.as_object().unwrap().iter().filter(|(name, _)| *name != "hash") {
            let mut other = header.clone();
            other[name] = changed(value.as_str().unwrap()).into();
            assert_ne!(header_hash(&other).unwrap(), hash, "{name}");
            let mut without = header.clone();
            without.as_object_mut().unwrap().remove(name);
            assert!(header_hash(&without).map_or(true, |other| other != hash), "{name}");
        }
    }
}

#[test]
fn the_access_lists_hash_has_two_names() {
    let mut header = headers().last().unwrap();
    let hash = header_hash(&header).unwrap();
    let list = header.as_object_mut().unwrap().remove("blockAccessListHash").unwrap();
    header["balHash"] = list;
    assert_eq!(header_hash(&header).unwrap(), hash);
}

#[test]
fn a_header_that_is_malformed_is_an_error() {
    let header = headers().next().unwrap();
    for (name, wrong) in
        [("number", json!("seven")), ("logsBloom", json!("0x00")), ("miner", Value::Null), ("nonce", json!(-1))]
    {
        let mut other = header.clone();
        other[name] = wrong;
        assert!(header_hash(&other).is_err(), "{name}");
    }
    assert!(header_hash(&json!([])).is_err() && header_hash(&Value::Null).is_err());
}

#[test]
fn the_slot_has_the_hash_of_its_name() {
    assert_eq!(SIGNER_SLOT, keccak256("systemconfig.unsafeblocksigner"));
}

#[test]
fn the_signer_is_the_word_of_the_slot_where_there_is_a_contract() {
    let contract = vectors::text(&vectors::json("l1/signers.json"), "systemConfig").parse().unwrap();
    for case in vectors::list("l1/signers.json", "cases") {
        let block: L1Block = serde_json::from_value(case["header"].clone()).unwrap();
        assert_eq!(header_hash(&case["header"]).unwrap(), block.hash);
        let proof: AccountProof = serde_json::from_value(case["proof"].clone()).unwrap();
        let word = signer_word(block.state_root, contract, &proof).unwrap();
        match (word.map(signer_in), case["error"].as_str()) {
            (Some(Ok(Some(signer))), None) => {
                assert_eq!(signer, vectors::text(&case, "signer").parse::<alloy_primitives::Address>().unwrap());
            }
            (Some(Ok(None) | Err(_)), Some("no_l1_signer")) | (None, Some("no_contract")) => {}
            other => panic!("{other:?} of {}", case["of"]),
        }
    }
}

#[test]
fn a_word_with_more_than_an_address_is_none() {
    assert_eq!(signer_in(B256::ZERO), Ok(None));
    let word = b256!("0000000000000000000000000100000000000000000000000000000000000000");
    assert_eq!(signer_in(word).map(|signer| signer.is_some()), Ok(true));
    let word = b256!("0000000000000000000000010000000000000000000000000000000000000001");
    assert_eq!(signer_in(word), Err(NoAddress(word)));
}
