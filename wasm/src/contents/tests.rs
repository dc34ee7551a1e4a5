use alloy_primitives::B256;
use petrel_core::event::HeadReason;
use serde_json::json;

use super::{
    Contents,
    fixtures::{contents_of_chain, contents_with, devnet, head, line, parsed, recorded},
    hash_of,
};
use crate::error::ErrorCode;

#[test]
fn a_block_is_given_by_tag_number_and_hash() {
    let block = recorded().pop().unwrap();
    let contents = contents_with(&block.event);
    let (number, hash) = (block.stated["number"].to_string(), block.stated["hash"].as_str().unwrap());
    let given = ["latest", &number, hash].map(|which| contents.block(which, "hashes").unwrap().unwrap());
    assert!(given.iter().all(|json| parsed(json)["hash"] == hash && *json == given[0]));
    for none in ["0", &B256::ZERO.to_string()] {
        assert_eq!(contents.block(none, "full").unwrap(), None);
    }
    for (which, form) in [("safe", "hashes"), ("latest", "objects")] {
        assert_eq!(contents.block(which, form).unwrap_err().code, ErrorCode::BadRequest);
    }
}

#[test]
fn the_block_of_another_branch_says_that_it_is_not_of_the_chain() {
    let old = line(1, 3, B256::ZERO, 0);
    let new = line(3, 3, old[1].block.hash, 1);
    let mut contents = Contents::default();
    for block in [&old[..], &new[..]].concat() {
        contents.observe(&petrel_core::Event::Block(block));
    }
    contents.observe(&head(&old[2], HeadReason::Extended));
    contents.observe(&head(&new[0], HeadReason::Reorged));
    let canonical =
        |which: &str| parsed(&contents.block(which, "raw").unwrap().unwrap())["petrel"]["canonical"].clone();
    assert_eq!(canonical(&old[2].block.hash.to_string()), false);
    assert_eq!([canonical("3"), canonical("2"), canonical("latest")], [true, true, true]);
}

#[test]
fn the_next_base_fee_is_that_of_the_block_that_follows() {
    let (blocks, chain) = (recorded(), devnet());
    let number = |at: usize| blocks[at].event.block.payload.number();
    let mut forks = std::collections::BTreeSet::new();
    for at in (1..blocks.len()).filter(|at| number(*at) == number(at - 1) + 1) {
        let (before, after) = (&blocks[at - 1].event, &blocks[at].event.block.payload);
        let shown = parsed(&contents_of_chain(&chain, before).block("latest", "hashes").unwrap().unwrap());
        assert_eq!(shown["petrel"]["nextBaseFee"], format!("{:#x}", after.base_fee_per_gas()), "{}", number(at));
        forks.insert(chain.fork_at(before.block.payload.timestamp()));
    }
    assert!(forks.len() >= 6, "{forks:?}");
    // Without the chain's parameters it is not known before Holocene.
    let first = parsed(&contents_with(&blocks[0].event).block("latest", "hashes").unwrap().unwrap());
    assert_eq!(first["petrel"]["nextBaseFee"], serde_json::Value::Null);
}

#[test]
fn a_transaction_is_given_as_in_its_block() {
    let block = recorded().into_iter().max_by_key(|block| block.stated["txCount"].as_u64()).unwrap();
    let contents = contents_with(&block.event);
    let full = parsed(&contents.block("latest", "full").unwrap().unwrap());
    let transactions = full["transactions"].as_array().unwrap();
    assert!(transactions.len() > 1);
    for transaction in transactions {
        let given = contents.transaction(transaction["hash"].as_str().unwrap()).unwrap().unwrap();
        assert_eq!(&parsed(&given), transaction);
    }
    assert_eq!(contents.transaction(&B256::ZERO.to_string()).unwrap(), None);
    assert_eq!(contents.transaction("0x").unwrap_err().code, ErrorCode::BadRequest);
}

#[test]
fn the_window_says_what_is_kept() {
    assert_eq!(parsed(&Contents::default().window()), json!({ "from": null, "to": null, "blocks": 0, "bytes": 0 }));
    let block = recorded().pop().unwrap();
    let number = block.stated["number"].clone();
    let window = parsed(&contents_with(&block.event).window());
    assert_eq!((&window["from"], &window["to"], &window["blocks"]), (&number, &number, &json!(1)));
    assert!(window["bytes"].as_u64() > block.stated["decodedLen"].as_u64());
}

#[test]
fn code_is_hashed() {
    let empty = "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470";
    assert_eq!(hash_of("0x").unwrap(), empty);
    assert_ne!(hash_of("0x00").unwrap(), empty);
    assert_eq!(hash_of("00").unwrap_err().code, ErrorCode::BadRequest);
}
