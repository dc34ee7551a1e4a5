//! The devnet's blocks are valid by the core's rules, at every fork and across forks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use petrel_core::{
    block::Payload,
    chain::{Chain, Genesis, Subsecond},
    fork::{CarriedFork, Family, Fork, Forks, Version},
    message::{Form, MAX_MESSAGE, Message},
    schedule::ChainSchedule,
    sign::{Key, Signature},
    validation::{Signers, ValidationTask},
};
use petrel_node::{
    command::devnet::{BlockBuilder, BuiltBlock},
    primitives::FASTEST,
};

const GENESIS: u64 = 1_800_000_000;

fn key() -> Key {
    Key::from_bytes(&[1; 32]).unwrap()
}

fn builder(forks: Forks, bytes: usize) -> BlockBuilder {
    let key = key();
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = forks;
    let genesis = Genesis { time: GENESIS, ..chain.genesis };
    chain = chain.begun(genesis, Duration::from_secs(2)).unwrap();
    chain.signer = Some(key.address());
    BlockBuilder::new(chain, key, bytes)
}

/// Validates a block at the time when it was built, as a follower does.
fn validate(builder: &BlockBuilder, built: &BuiltBlock) {
    let chain = builder.chain();
    let data = Bytes::from(built.message.clone());
    let check = ValidationTask {
        chain_id: chain.id,
        schedule: Arc::new(ChainSchedule::new(chain)),
        version: built.version,
        message: Message { form: Form::Snappy, wire: data.len(), data },
        signers: Signers::new(chain.signer),
        at: built.payload.timestamp,
        past: 60,
    };
    let block = check.run(FASTEST).result.unwrap_or_else(|fault| panic!("{fault}: {:?}", built.payload));
    assert_eq!(block.payload.block_hash(), built.payload.block_hash);
    assert_eq!(block.payload.transaction_count(), built.payload.transactions.len());
}

#[test]
fn blocks_are_valid_at_every_fork() {
    for fork in Fork::TIMED {
        let mut builder = builder(Forks::all_until(fork), 20_000);
        let mut parent = None;
        for _ in 0..3 {
            let built = builder.build().unwrap();
            validate(&builder, &built);
            assert!(parent.is_none_or(|parent| parent == built.payload.parent_hash));
            parent = Some(built.payload.block_hash);
        }
    }
}

#[test]
fn forks_of_the_schedule_activate_while_it_runs() {
    let mut forks = Forks::all_until(Fork::Regolith);
    for (fork, block) in
        [(Fork::Canyon, 2), (Fork::Ecotone, 4), (Fork::Holocene, 6), (Fork::Isthmus, 8), (Fork::Jovian, 10)]
    {
        for earlier in Fork::TIMED.into_iter().filter(|earlier| *earlier <= fork) {
            if forks.time(earlier).is_none() {
                forks.set(earlier, Some(GENESIS + 2 * block));
            }
        }
    }
    let mut builder = builder(forks, 5_000);
    let mut versions = Vec::new();
    for _ in 0..12 {
        let built = builder.build().unwrap();
        validate(&builder, &built);
        versions.push(built.version);
    }
    versions.dedup();
    assert_eq!(versions, Version::ALL);
}

/// The milliseconds within the second of the next blocks, as a node that verifies them reads them.
fn millis(mut builder: BlockBuilder, blocks: usize) -> Vec<u64> {
    let subsecond = builder.chain().subsecond;
    let mut next = || {
        let due = builder.due_ms();
        let built = builder.build().unwrap();
        validate(&builder, &built);
        let body = Bytes::copy_from_slice(&built.message[Signature::LEN..]);
        let found = Payload::decode(built.version, body).unwrap().timestamp_ms(subsecond);
        assert_eq!((found, found / 1000), (due, built.payload.timestamp));
        found % 1000
    };
    (0..blocks).map(|_| next()).collect()
}

#[test]
fn the_mix_digest_has_the_milliseconds_on_chains_with_this_format() {
    let mut quick = builder(Forks::all_until(Fork::Jovian), 3_000).chain().clone();
    quick = quick.clone().begun(quick.genesis, Duration::from_millis(250)).unwrap();
    quick.subsecond = Subsecond::MixDigest;
    assert_eq!(millis(BlockBuilder::new(quick, key(), 3_000), 6), [250, 500, 750, 0, 250, 500]);
}

/// The rule on Base's times is applied too.
#[test]
fn blocks_have_milliseconds_from_denim_on_and_none_before() {
    let mut chain = builder(Forks::all_until(Fork::Jovian), 3_000).chain().clone();
    let denim = GENESIS + 5;
    for (name, time) in [("azul", 0), ("beryl", 0), ("cobalt", 0), ("denim", denim)] {
        assert!(chain.forks.carry(CarriedFork { name: name.to_owned(), time, family: Family::Base }));
    }
    chain.cadence = chain.cadence.then(denim * 1000, Duration::from_millis(200)).unwrap();
    // Blocks are due at 2 and 4 seconds, and from the sixth second on five times a second.
    assert_eq!(millis(BlockBuilder::new(chain, key(), 3_000), 9), [0, 0, 0, 200, 400, 600, 800, 0, 200]);
}

#[test]
fn blocks_have_the_given_size_and_are_never_larger_than_a_message() {
    for bytes in [100_000, 1_000_000, MAX_MESSAGE] {
        let mut builder = builder(Forks::all_until(Fork::Jovian), bytes);
        for _ in 0..2 {
            let built = builder.build().unwrap();
            validate(&builder, &built);
            let len = built.message.len();
            assert!(len <= bytes && len + 1000 > bytes, "{len} of {bytes}");
        }
    }
}
