//! The devnet's blocks pass the core's own rules, at every fork and across forks.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use petrel_core::{
    chain::{Chain, Genesis},
    fork::{Fork, Forks, Version},
    gossip::{ChainSchedule, Check, Form, MAX_MESSAGE, Message, Signers},
    sign::Key,
};
use petrel_node::{
    devnet::{Made, Maker},
    primitives::FASTEST,
};

const GENESIS: u64 = 1_800_000_000;

fn maker(forks: Forks, bytes: usize) -> Maker {
    let key = Key::from_bytes(&[1; 32]).unwrap();
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = forks;
    let genesis = Genesis { time: GENESIS, ..chain.genesis };
    chain = chain.begun(genesis, Duration::from_secs(2)).unwrap();
    chain.signer = Some(key.address());
    Maker::new(chain, key, bytes)
}

/// Judged as a follower would, the moment it was made.
fn judge(maker: &Maker, made: &Made) {
    let chain = maker.chain();
    let data = Bytes::from(made.message.clone());
    let check = Check {
        chain_id: chain.id,
        schedule: Arc::new(ChainSchedule::new(chain, true)),
        version: made.version,
        message: Message { form: Form::Snappy, wire: data.len(), data },
        signers: Signers::new(chain.signer),
        at: made.payload.timestamp,
        past: 60,
    };
    let block = check.run(FASTEST).result.unwrap_or_else(|fault| panic!("{fault}: {:?}", made.payload));
    assert_eq!(block.payload.block_hash(), made.payload.block_hash);
    assert_eq!(block.payload.transaction_count(), made.payload.transactions.len());
}

#[test]
fn blocks_are_valid_at_every_fork() {
    for fork in Fork::TIMED {
        let mut maker = maker(Forks::all_until(fork), 20_000);
        let mut parent = None;
        for _ in 0..3 {
            let made = maker.make().unwrap();
            judge(&maker, &made);
            assert!(parent.is_none_or(|parent| parent == made.payload.parent_hash));
            parent = Some(made.payload.block_hash);
        }
    }
}

#[test]
fn a_schedule_is_crossed_while_running() {
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
    let mut maker = maker(forks, 5_000);
    let mut versions = Vec::new();
    for _ in 0..12 {
        let made = maker.make().unwrap();
        judge(&maker, &made);
        versions.push(made.version);
    }
    versions.dedup();
    assert_eq!(versions, Version::ALL);
}

#[test]
fn blocks_are_as_large_as_wanted_and_never_larger_than_a_message() {
    for bytes in [100_000, 1_000_000, MAX_MESSAGE] {
        let mut maker = maker(Forks::all_until(Fork::Jovian), bytes);
        for _ in 0..2 {
            let made = maker.make().unwrap();
            judge(&maker, &made);
            let len = made.message.len();
            assert!(len <= bytes && len + 1000 > bytes, "{len} of {bytes}");
        }
    }
}
