//! Responses of peers: a changed valid response is either the same block or an error.

use petrel_core::{
    fork::{Fork, Version},
    payload_by_number::{Reply, StoredBlock},
    primitives::Primitives,
    range_sync::ResponseTask,
};
use petrel_tests::forge::{Forge, schedule};
use proptest::{collection::vec, prelude::*};

const NUMBER: u64 = 1000;

fn version() -> impl Strategy<Value = Version> {
    prop::sample::select(Version::ALL.to_vec())
}

/// A block's hash, and the response with the block.
fn answer(version: Version, bytes: usize) -> ([u8; 32], Vec<u8>) {
    let forge = Forge::new(10, Fork::Jovian, NUMBER, 1_800_000_000, bytes).encoded_as(version);
    let (message, hash) = forge.sealed();
    let reply = Reply::Block(StoredBlock { version, hash, body: message[65..].to_vec().into() });
    (hash.0, reply.pieces().flatten().collect())
}

fn read(number: u64, bytes: Vec<u8>) -> Option<[u8; 32]> {
    let read = ResponseTask { number, bytes: bytes.into(), schedule: schedule() }.run(Primitives::PORTABLE);
    read.ok().map(|fetched| fetched.hash().0)
}

// 256 cases each, or PROPTEST_CASES.
proptest! {
    #[test]
    fn a_valid_response_is_accepted_for_its_number_only(version in version(), bytes in 1..5_000_usize, other in any::<u64>()) {
        let (hash, sent) = answer(version, bytes);
        prop_assert_eq!(read(NUMBER, sent.clone()), Some(hash));
        prop_assert_eq!(read(other, sent), (other == NUMBER).then_some(hash));
    }

    #[test]
    fn a_changed_response_is_never_another_block(
        version in version(),
        changes in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in 0..40_usize,
        more in vec(any::<u8>(), 0..20),
    ) {
        let (hash, mut sent) = answer(version, 1_000);
        for (at, byte) in changes {
            let at = at.index(sent.len());
            sent[at] = byte;
        }
        sent.truncate(sent.len().saturating_sub(cut));
        sent.extend(more);
        if let Some(found) = read(NUMBER, sent) {
            prop_assert_eq!(found, hash);
        }
    }

    #[test]
    fn arbitrary_bytes_are_never_a_block(number in any::<u64>(), bytes in vec(any::<u8>(), 0..2_000)) {
        prop_assert_eq!(read(number, bytes), None);
    }
}
