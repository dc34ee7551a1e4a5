//! Verified blocks for tests: recorded ones, and ones that are made, signed and validated here.

use std::sync::Arc;

use alloy_primitives::{B256, Bytes, U256};
use include_dir::{Dir, include_dir};
use petrel_core::{
    Event,
    block::{ExecutionPayload, Verified},
    chain::Chain,
    event::{HeadReason, NewBlock, NewHead, Via},
    fork::{Fork, Forks, Version},
    message::{Form, Message},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::{Key, seal},
    validation::{Signers, ValidationTask},
};
use serde_json::Value;

use super::{Contents, kept::KeptBlock};
use crate::settings::chain;

static DEVNET: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../tests/vectors/gossip/op-node-devnet");

/// The chain that made blocks are of.
const CHAIN: u64 = 10;
/// The time of the first made block, Unix seconds.
const TIME: u64 = 1_800_000_000;

/// A test key.
pub(super) fn key(seed: u8) -> Key {
    Key::from_bytes(&[seed; 32]).unwrap()
}

/// A recorded block, and what is said of it: see `tests/vectors/README.md`.
pub(super) struct RecordedBlock {
    pub(super) event: NewBlock,
    pub(super) stated: Value,
}

impl RecordedBlock {
    pub(super) fn kept(&self) -> KeptBlock {
        KeptBlock::new(&self.event)
    }
}

fn devnet_file(name: &str) -> &'static str {
    DEVNET.get_file(name).unwrap().contents_utf8().unwrap()
}

/// The chain of the recorded blocks.
pub(super) fn devnet() -> Chain {
    chain::of_json(devnet_file("rollup.json")).unwrap()
}

/// All 26 recorded blocks: the first of each fork, and others.
pub(super) fn recorded() -> Vec<RecordedBlock> {
    let index: Value = serde_json::from_str(devnet_file("index.json")).unwrap();
    let chain = devnet();
    let schedule = Arc::new(ChainSchedule::new(&chain));
    let signer = index["signer"][0].as_str().unwrap().parse().unwrap();
    let messages = index["messages"].as_array().unwrap();
    let blocks = messages.iter().map(|stated| {
        let wire = DEVNET.get_file(stated["file"].as_str().unwrap()).unwrap().contents();
        let task = ValidationTask {
            chain_id: chain.id,
            schedule: Arc::clone(&schedule),
            version: version(stated["version"].as_str().unwrap()),
            message: Message::decompress(wire),
            signers: Signers::new(Some(signer)),
            at: stated["timestamp"].as_u64().unwrap(),
            past: 60,
        };
        let block = task.run(Primitives::PORTABLE).result.unwrap();
        RecordedBlock { event: event(block, Via::Gossip), stated: stated.clone() }
    });
    blocks.collect()
}

fn version(name: &str) -> Version {
    Version::ALL.into_iter().find(|version| version.to_string() == name).unwrap()
}

/// A payload of this number, two seconds after the one before.
pub(super) fn payload(number: u64, parent: B256) -> ExecutionPayload {
    ExecutionPayload {
        parent_hash: parent,
        block_number: number,
        timestamp: TIME + 2 * number,
        gas_limit: 30_000_000,
        gas_used: 21_000,
        base_fee_per_gas: U256::from(252),
        withdrawals_root: B256::repeat_byte(0x77),
        parent_beacon_block_root: B256::repeat_byte(0x55),
        ..ExecutionPayload::default()
    }
}

/// The payload as a verified V4 block.
pub(super) fn made(payload: ExecutionPayload, via: Via) -> NewBlock {
    made_in(Version::V4, payload, via)
}

/// The payload as a verified block of a version.
pub(super) fn made_in(version: Version, mut payload: ExecutionPayload, via: Via) -> NewBlock {
    payload.block_hash = payload.compute_hash(version).unwrap();
    let data: bytes::Bytes = seal(&key(1), CHAIN, version, &payload).unwrap().into();
    let mut chain = chain::of_json(include_str!("../../../core/presets/op-mainnet.json")).unwrap();
    chain.forks = Forks::all_until(match version {
        Version::V1 => Fork::Regolith,
        Version::V2 => Fork::Delta,
        Version::V3 => Fork::Holocene,
        Version::V4 => Fork::Jovian,
    });
    let task = ValidationTask {
        chain_id: CHAIN,
        schedule: Arc::new(ChainSchedule::new(&chain)),
        version,
        message: Message { form: Form::Snappy, wire: data.len(), data },
        signers: Signers::new(Some(key(1).address())),
        at: payload.timestamp,
        past: 60,
    };
    event(task.run(Primitives::PORTABLE).result.unwrap(), via)
}

fn event(block: Verified<petrel_core::block::Block>, via: Via) -> NewBlock {
    let timestamp_ms = block.payload.timestamp() * 1000;
    NewBlock { block: Arc::new(block), via, peer: None, timestamp_ms, delay_ms: 0, judged_ms: 0 }
}

/// A kept block with these transactions.
pub(super) fn block_of(transactions: Vec<Bytes>) -> KeptBlock {
    KeptBlock::new(&made(ExecutionPayload { transactions, ..payload(1, B256::ZERO) }, Via::Gossip))
}

/// Gossiped blocks `first` to `last`, each the child of the one before. Chains with another `salt` have other hashes.
pub(super) fn line(first: u64, last: u64, parent: B256, salt: u8) -> Vec<NewBlock> {
    let mut parent = parent;
    let blocks = (first..=last).map(|number| {
        let transactions = vec![Bytes::from(vec![0x7e, salt, number as u8])];
        let block = made(ExecutionPayload { transactions, ..payload(number, parent) }, Via::Gossip);
        parent = block.block.hash;
        block
    });
    blocks.collect()
}

/// The event that a block is the head.
pub(super) fn head(block: &NewBlock, why: HeadReason) -> Event {
    let payload = &block.block.payload;
    Event::Head(NewHead {
        number: payload.number(),
        hash: block.block.hash,
        parent: payload.parent_hash(),
        timestamp: payload.timestamp(),
        timestamp_ms: block.timestamp_ms,
        why,
        replaces: None,
        omitted: 0,
    })
}

/// Contents with one block, which is the head.
pub(super) fn contents_with(block: &NewBlock) -> Contents {
    contents_of(Contents::default(), block)
}

/// The same of a chain.
pub(super) fn contents_of_chain(chain: &Chain, block: &NewBlock) -> Contents {
    contents_of(Contents::new(chain), block)
}

fn contents_of(mut contents: Contents, block: &NewBlock) -> Contents {
    contents.observe(&Event::Block(block.clone()));
    contents.observe(&head(block, HeadReason::Anchored));
    contents
}

/// JSON that was written.
pub(super) fn parsed(json: &str) -> Value {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}
