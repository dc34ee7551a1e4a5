//! The vectors, embedded: wasm32 has no file system. Their origin is in `tests/vectors/README.md`.

use alloy_primitives::{Address, hex};
use include_dir::{Dir, include_dir};
use petrel_core::{
    block::{engine, engine::EngineBlock},
    chain::Chain,
};
use serde_json::Value;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../tests/vectors");

/// A file's bytes.
pub(crate) fn bytes(path: &str) -> &'static [u8] {
    FILES.get_file(path).unwrap_or_else(|| panic!("no vector {path}")).contents()
}

pub(crate) fn json(path: &str) -> Value {
    serde_json::from_slice(bytes(path)).unwrap()
}

/// The list `vectors` or `messages` of a file.
pub(crate) fn list(path: &str, key: &str) -> Vec<Value> {
    json(path)[key].as_array().unwrap().clone()
}

pub(crate) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("{key} of {value}"))
}

pub(crate) fn unhex(value: &Value, key: &str) -> Vec<u8> {
    hex::decode(text(value, key)).unwrap()
}

/// The chain of the 26 messages, and who signed them.
pub(crate) fn devnet() -> (Chain, Address) {
    let chain = Chain::from_rollup_json(bytes("gossip/op-node-devnet/rollup.json")).unwrap();
    let index = json("gossip/op-node-devnet/index.json");
    (chain, index["signer"][0].as_str().unwrap().parse().unwrap())
}

/// Every real block with its chain id.
pub(crate) fn blocks() -> Vec<(u64, EngineBlock)> {
    let files = FILES.get_dir("blocks").unwrap().dirs().flat_map(Dir::files);
    let lines = files.flat_map(|file| {
        let text = file.contents_utf8().unwrap();
        let lined = file.path().extension().is_some_and(|extension| extension == "jsonl");
        if lined { text.lines().collect() } else { vec![text] }
    });
    let blocks: Vec<_> = lines
        .map(|line| {
            let value: Value = serde_json::from_str(line).unwrap();
            let block = engine::read(line.as_bytes()).unwrap();
            assert_eq!(block.version.topic() as u64 + 1, value["payloadVersion"].as_u64().unwrap());
            assert_eq!(block.payload.block_hash.to_string(), text(&value, "blockHash"));
            (value["chainId"].as_u64().unwrap(), block)
        })
        .collect();
    assert!(blocks.len() > 100, "only {} blocks", blocks.len());
    blocks
}
