//! The blocks of one height.

use core::time::Duration;
use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::{B256, U256, uint};
use petrel_core::{
    context::{Context, Machine},
    fault::{Acceptance, BlockFault},
    fork::Version,
    message::{Message, MessageId},
    peer_store::PeerStore,
    peers::Peers,
    primitives::Primitives,
    schedule::ChainSchedule,
    validation::{Seen, Validation, ValidationInput, ValidationOutput},
};

use crate::{
    driven::peer,
    forge::{after, config, forge},
};

fn hash(seed: u64) -> B256 {
    B256::left_padding_from(&seed.to_be_bytes())
}

#[test]
fn six_blocks_of_a_height_are_accepted_and_the_seventh_is_not() {
    let mut seen = Seen::default();
    for block in 1..=6 {
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Ok(()));
    }
    assert_eq!(seen.accept(Version::V4, 9, hash(7)), Err(BlockFault::TooManyAtHeight { number: 9 }));
    assert_eq!(seen.accept(Version::V4, 10, hash(7)), Ok(()));
}

#[test]
fn a_repeat_is_ignored_until_the_height_is_full() {
    let mut seen = Seen::default();
    for block in 1..=5 {
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Ok(()));
        assert_eq!(seen.accept(Version::V4, 9, hash(block)), Err(BlockFault::Seen));
    }
    assert_eq!(seen.accept(Version::V4, 9, hash(6)), Ok(()));
    assert_eq!(seen.accept(Version::V4, 9, hash(1)), Err(BlockFault::TooManyAtHeight { number: 9 }));
}

#[test]
fn each_topic_has_its_own_entries() {
    let mut seen = Seen::default();
    for version in Version::ALL {
        assert_eq!(seen.accept(version, 9, hash(1)), Ok(()));
    }
}

#[test]
fn the_least_recently_used_height_is_removed_first() {
    let mut seen = Seen::default();
    for number in 0..1000 {
        seen.accept(Version::V4, number, hash(number)).unwrap();
    }
    // Access to the first one makes the second the least recently used.
    assert_eq!(seen.accept(Version::V4, 0, hash(0)), Err(BlockFault::Seen));
    seen.accept(Version::V4, 1000, hash(1000)).unwrap();
    assert_eq!(seen.accept(Version::V4, 0, hash(0)), Err(BlockFault::Seen));
    assert_eq!(seen.accept(Version::V4, 1, hash(1)), Ok(()));
}

#[test]
fn descending_heights_do_not_evict_themselves() {
    let mut seen = Seen::default();
    for number in (1..2000).rev() {
        assert_eq!(seen.accept(Version::V4, number, hash(number)), Ok(()));
        assert_eq!(seen.accept(Version::V4, number, hash(number)), Err(BlockFault::Seen));
    }
}

/// The order of secp256k1.
const ORDER: U256 = uint!(0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141_U256);

/// The same block in another valid envelope: with the other `s`, and so another message id.
fn twin(message: &Message) -> Message {
    let mut data = message.data.to_vec();
    let s = U256::from_be_slice(&data[32..64]);
    data[32..64].copy_from_slice(&(ORDER - s).to_be_bytes::<32>());
    data[64] ^= 1;
    Message { data: data.into(), ..message.clone() }
}

/// Validates a message, and returns what is reported of it.
fn validate(validation: &mut Validation, context: &mut Context, id: u8, message: Message) -> Option<Acceptance> {
    let gossiped = ValidationInput::Gossiped { peer: peer(1), id: MessageId([id; 20]), version: Version::V4, message };
    validation.handle(context, gossiped);
    validation.handle_timeout(context);
    let mut reported = None;
    while let Some(output) = validation.poll_output() {
        match output {
            ValidationOutput::Validate(id, task) => {
                let outcome = task.run(Primitives::PORTABLE);
                validation.handle(context, ValidationInput::Validated(id, outcome));
            }
            ValidationOutput::Report { acceptance, .. } => reported = Some(acceptance),
            _ => {}
        }
    }
    reported
}

#[test]
fn a_long_gap_that_is_fetched_does_not_push_out_new_blocks() {
    let config = config().settle().unwrap();
    let schedule = Arc::new(ChainSchedule::new(&config.chain));
    let interval = Duration::from_secs(2);
    let mut validation = Validation::new(config, schedule, interval);
    let mut context = Context {
        now: after(0),
        interval,
        peers: Peers::default(),
        store: PeerStore::new(interval, after(0), []),
        static_peers: BTreeSet::new(),
        blocked: BTreeSet::new(),
    };
    let at = |number: u64| forge(Version::V4).with(|payload| payload.block_number = number);
    let block = at(10_000).message();
    assert_eq!(validate(&mut validation, &mut context, 1, block.clone()), Some(Acceptance::Accept));
    // A copy of this one can still be in time.
    let (message, recent) = (at(9_500).message(), at(9_500).hash());
    for number in (5_000..10_000).rev() {
        let hash = if number == 9_500 { recent } else { hash(number) };
        validation.handle(&mut context, ValidationInput::Fetched { version: Version::V4, number, hash });
    }
    assert_eq!(validate(&mut validation, &mut context, 2, twin(&block)), Some(Acceptance::Ignore));
    assert_eq!(validate(&mut validation, &mut context, 3, message), Some(Acceptance::Ignore));
}
