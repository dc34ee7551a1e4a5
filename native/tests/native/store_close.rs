//! The end of a store: what waits is on disk or said to be lost, and the next start needs no repair.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use petrel_core::persistence::{Persist, Persisted};
use petrel_node::store::{Store, StoreBudget, StoreCloseError};

use crate::{
    fault_disk::{Fault, PATIENCE, SharedDisk, open_on},
    store::{chain, link, run},
};

/// Whether the next open needs to look at the whole file.
fn needs_repair(folder: &Path) -> bool {
    let repaired = Arc::new(AtomicBool::default());
    let seen = repaired.clone();
    let mut builder = redb::Builder::new();
    builder.set_repair_callback(move |_| seen.store(true, Ordering::Relaxed));
    builder.open(folder.join("petrel.redb")).unwrap();
    repaired.load(Ordering::Relaxed)
}

#[tokio::test]
async fn what_waits_is_written_and_the_file_is_closed_whoever_else_holds_the_store() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    let another = store.clone();
    let blocks = run(1, 50, B256::ZERO, 300);
    let results: Vec<_> = blocks.iter().map(|block| store.persist(Persist::Block(block.clone()))).collect();
    store.persist(Persist::Head(link(blocks.last().unwrap())));
    store.close(PATIENCE).await.unwrap();
    for result in results {
        assert_eq!(result.await.unwrap(), Persisted::OnDisk);
    }
    assert!(!needs_repair(folder.path()));
    assert!(another.load(1).is_err());
    assert!(matches!(another.persist_value("late", Vec::new()).await.unwrap(), Persisted::Failed(_)));
    drop((store, another));
    let (_, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!(memory.chain.len(), 50);
}

#[tokio::test]
async fn changes_that_the_disk_refuses_at_the_end_are_said_to_be_lost() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    disk.0.set(Fault::Hangs);
    // The first is being written, or is the first of what waits.
    let results: Vec<_> = (0..3).map(|_| store.persist_value("name", vec![7; 10])).collect();
    let closing = store.clone();
    let closing = tokio::spawn(async move { closing.close(PATIENCE).await });
    let is_closed = || match store.persist_value("late", Vec::new()).try_recv() {
        Ok(Persisted::Failed(error)) => error.contains("closed"),
        _ => false,
    };
    while !is_closed() {
        tokio::task::yield_now().await;
    }
    disk.0.set(Fault::Fails);
    let Err(StoreCloseError::Lost { changes, .. }) = closing.await.unwrap() else { panic!("nothing is said") };
    assert!(changes >= 3, "{changes}");
    for result in results {
        assert!(matches!(result.await.unwrap(), Persisted::Failed(_)));
    }
}

#[tokio::test]
async fn a_disk_that_hangs_does_not_hold_up_the_end_and_what_waits_is_told() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    disk.0.set(Fault::Hangs);
    let waiting = [store.persist_value("a", Vec::new()), store.persist_value("b", Vec::new())];
    let begin = Instant::now();
    let closed = store.close(Duration::from_millis(100)).await;
    assert!(begin.elapsed() < PATIENCE);
    assert!(matches!(closed, Err(StoreCloseError::TimedOut { changes: 2, .. })), "{closed:?}");
    // The thread of this test's store has to end.
    disk.0.set(Fault::None);
    for result in waiting {
        assert_eq!(result.await.unwrap(), Persisted::OnDisk);
    }
}

/// Each of them is small; it is their number that would fill the memory.
#[tokio::test]
async fn small_requests_for_a_disk_that_hangs_are_bounded_too() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    disk.0.set(Fault::Hangs);
    let head = link(&run(1, 1, B256::ZERO, 300)[0]);
    let mut waiting = 0;
    let refused = loop {
        match store.persist(Persist::Head(head)).try_recv() {
            Ok(refused) => break refused,
            Err(_) => waiting += 1,
        }
        assert!(waiting < 1 << 20, "no bound");
    };
    assert!(matches!(&refused, Persisted::Failed(error) if error.contains("too many bytes")), "{refused:?}");
    assert!(waiting > 1_000, "{waiting}");
    disk.0.set(Fault::None);
    store.close(PATIENCE).await.unwrap();
}
