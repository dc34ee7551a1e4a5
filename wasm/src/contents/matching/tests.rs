use alloy_primitives::{Address, B256, Bloom, hex};
use petrel_core::{
    Event,
    block::ExecutionPayload,
    event::{HeadReason, NewBlock, Via},
};
use serde_json::{Value, json};

use super::MAX_JSON;
use crate::{
    contents::{
        Contents,
        fixtures::{head, made, parsed, payload},
    },
    error::ErrorCode,
};

const EMITTER: Address = Address::repeat_byte(0xa1);
const OTHER: Address = Address::repeat_byte(0xb2);

fn topic(byte: u8) -> B256 {
    B256::repeat_byte(byte)
}

/// Blocks 1 to 4: the first has no logs, the second one of EMITTER with a topic, the third one of OTHER, the fourth both.
fn blocks() -> Vec<NewBlock> {
    let mut parent = B256::ZERO;
    let logs: [&[(Address, B256)]; 4] =
        [&[], &[(EMITTER, topic(1))], &[(OTHER, topic(2))], &[(EMITTER, topic(1)), (OTHER, topic(2))]];
    let blocks = (1..).zip(logs).map(|(number, logs)| {
        let mut bloom = Bloom::ZERO;
        logs.iter().for_each(|(address, topic)| bloom.accrue_raw_log(*address, &[*topic]));
        let block = made(ExecutionPayload { logs_bloom: bloom, ..payload(number, parent) }, Via::Gossip);
        parent = block.block.hash;
        block
    });
    blocks.collect()
}

fn contents(blocks: &[NewBlock]) -> Contents {
    let mut contents = Contents::default();
    blocks.iter().for_each(|block| contents.observe(&Event::Block(block.clone())));
    contents.observe(&head(blocks.last().unwrap(), HeadReason::Extended));
    contents
}

fn hexes<T: AsRef<[u8]>>(values: &[T]) -> Value {
    values.iter().map(hex::encode_prefixed).collect()
}

#[test]
fn the_blocks_of_a_range_are_those_whose_blooms_have_a_value_of_each_position() {
    let blocks = blocks();
    let contents = contents(&blocks);
    let numbers = |any: Value| -> Vec<String> {
        let found = parsed(&contents.matching(&json!({ "from": 1, "to": 4, "any": any }).to_string()).unwrap());
        let found = found.as_array().unwrap().iter().map(|block| {
            let number = block["number"].as_str().unwrap().to_owned();
            let at: usize = number[2..].parse().unwrap();
            assert_eq!(*block, json!({ "number": number, "hash": blocks[at - 1].block.hash }));
            number
        });
        found.collect()
    };
    assert_eq!(numbers(json!([])), ["0x1", "0x2", "0x3", "0x4"]);
    assert_eq!(numbers(json!([hexes(&[EMITTER])])), ["0x2", "0x4"]);
    assert_eq!(numbers(json!([hexes(&[EMITTER, OTHER])])), ["0x2", "0x3", "0x4"]);
    assert_eq!(numbers(json!([hexes(&[EMITTER]), hexes(&[topic(2)])])), ["0x4"]);
    assert_eq!(numbers(json!([hexes(&[topic(2)]), hexes(&[topic(3), topic(1)])])), ["0x4"]);
    assert_eq!(numbers(json!([hexes(&[topic(3)])])), [""; 0]);
    // No value can be there.
    assert_eq!(numbers(json!([[]])), [""; 0]);
}

#[test]
fn one_block_is_named_by_its_hash() {
    let blocks = blocks();
    let contents = contents(&blocks);
    let found = |block: &NewBlock, of: Address| {
        let filter = json!({ "hash": block.block.hash, "any": [hexes(&[of])] });
        parsed(&contents.matching(&filter.to_string()).unwrap())
    };
    assert_eq!(found(&blocks[1], EMITTER), json!([{ "number": "0x2", "hash": blocks[1].block.hash }]));
    assert_eq!(found(&blocks[1], OTHER), json!([]));
}

#[test]
fn a_block_that_is_not_kept_is_an_error_and_an_end_before_the_begin_is_nothing() {
    let contents = contents(&blocks()[1..]);
    let ask = |filter: Value| contents.matching(&filter.to_string());
    for (from, to) in [(1, 4), (2, 5), (0, u64::MAX), (u64::MAX, u64::MAX)] {
        let error = ask(json!({ "from": from, "to": to, "any": [] })).unwrap_err();
        assert_eq!(error.code, ErrorCode::NoBlock, "{from} {to}");
    }
    assert_eq!(ask(json!({ "hash": B256::ZERO, "any": [] })).unwrap_err().code, ErrorCode::NoBlock);
    assert_eq!(ask(json!({ "from": 3, "to": 2, "any": [] })).unwrap(), "[]");
}

#[test]
fn what_is_no_filter_is_a_bad_request() {
    let contents = contents(&blocks());
    let hash = B256::ZERO;
    let wrong = [
        json!(null),
        json!({}),
        json!({ "any": [] }),
        json!({ "from": 1, "any": [] }),
        json!({ "from": 1, "to": 2, "hash": hash, "any": [] }),
        json!({ "from": -1, "to": 2, "any": [] }),
        json!({ "from": 1, "to": 2 }),
        json!({ "from": 1, "to": 2, "any": ["0x00"] }),
        json!({ "from": 1, "to": 2, "any": [["00"]] }),
        json!({ "from": 1, "to": 2, "any": [], "all": [] }),
        json!({ "hash": "0x", "any": [] }),
    ];
    for filter in wrong {
        assert_eq!(contents.matching(&filter.to_string()).unwrap_err().code, ErrorCode::BadRequest, "{filter}");
    }
    assert_eq!(contents.matching(&" ".repeat(MAX_JSON + 1)).unwrap_err().code, ErrorCode::BadRequest);
}
