//! `--store.bytes` is the size of the file on disk.

use std::{os::unix::fs::MetadataExt, path::Path};

use alloy_primitives::B256;
use petrel_core::persistence::{Persist, Persisted};
use petrel_node::store::{Store, StoreBudget};

use crate::store::{chain, link, load, run};

const BUDGET: StoreBudget = StoreBudget { blocks: 10_000, bytes: 4 << 20 };

/// Bytes of the file on disk.
fn on_disk(folder: &Path) -> u64 {
    std::fs::metadata(folder.join("petrel.redb")).unwrap().blocks() * 512
}

/// A chain of `count` blocks, whose sizes are those of quiet and of busy ones; it is given to `each` in turn.
fn fill(store: &Store, count: u64, mut each: impl FnMut()) -> (u64, B256) {
    let mut parent = B256::ZERO;
    let mut payload_bytes = 0;
    for number in 1..=count {
        let bytes = [300, 2_500, 9_000, 60_000, 17_000][number as usize % 5];
        let block = run(number, 1, parent, bytes).remove(0);
        parent = block.hash;
        payload_bytes += block.payload.body().len() as u64;
        let head = store.persist(Persist::Head(link(&block)));
        assert_eq!(store.persist(Persist::Block(block)).blocking_recv().unwrap(), Persisted::OnDisk);
        assert_eq!(head.blocking_recv().unwrap(), Persisted::OnDisk);
        each();
    }
    (payload_bytes, parent)
}

#[test]
fn the_file_stays_within_the_budget_and_uses_half_of_it_at_least_and_a_smaller_budget_compacts_it() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), &chain(10), BUDGET).unwrap();
    let mut largest = 0;
    let (written, _) = fill(&store, 400, || largest = largest.max(on_disk(folder.path())));
    assert!(written > BUDGET.bytes, "{written} bytes are not enough for this test");
    assert!(largest <= BUDGET.bytes, "{largest} bytes on disk");
    let kept = store.usage().bytes();
    assert!(kept > BUDGET.bytes * 2 / 5, "{kept} bytes of payloads are few");
    assert!(store.usage().file_bytes() > kept);
    let blocks = store.usage().blocks();
    drop(store);

    let small = StoreBudget { bytes: 1 << 20, ..BUDGET };
    let (store, memory) = Store::open(folder.path(), &chain(10), small).unwrap();
    let size = on_disk(folder.path());
    assert!(size <= small.bytes, "{size} bytes on disk");
    assert!((2..blocks / 2).contains(&store.usage().blocks()), "{}", store.usage().blocks());
    assert_eq!(memory.chain.last().map(|head| head.number), Some(400));
    assert!(load(&store, 400).is_some() && load(&store, 399).is_some());
}
