//! A store on a disk that is full or fails: it opens again, and nothing that was acknowledged is lost.

use std::{
    fs,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use petrel_core::{
    ban::{Ban, BanTarget},
    persistence::{Persist, Persisted},
};
use petrel_node::store::{BanStore, Store, StoreBudget, StoreSource};

use crate::{
    fault_disk::{Fault, SharedDisk},
    store::{chain, link, run},
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn on(disk: &SharedDisk, folder: &Path) -> Store {
    let source = StoreSource::new(folder, &chain(10), StoreBudget::default());
    Store::open_from(StoreSource { disk: Arc::new(disk.clone()), ..source }).unwrap().0
}

/// Persists until it succeeds.
fn until_on_disk(store: &Store, name: &'static str) {
    let end = Instant::now() + PATIENCE;
    while store.persist_value(name, name.into()).blocking_recv().unwrap() != Persisted::OnDisk {
        assert!(Instant::now() < end, "{name} is never on disk");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_store_that_is_removed_while_the_disk_is_full_is_a_whole_one_when_there_is_room() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = on(&disk, folder.path());
    until_on_disk(&store, "before");
    fs::remove_file(folder.path().join("petrel.redb")).unwrap();
    disk.0.set(Fault::Full);
    for _ in 0..3 {
        let told = store.persist_value("full", vec![7; 100]).blocking_recv().unwrap();
        assert!(matches!(told, Persisted::Failed(_)), "{told:?}");
    }
    disk.0.set(Fault::None);
    until_on_disk(&store, "after");
    drop(store);
    let (store, _) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!(store.value("after").unwrap(), Some(b"after".to_vec()));
    assert_eq!(store.value("before").unwrap(), None, "that file was removed");
}

#[test]
fn a_store_whose_creation_was_cut_off_before_its_first_table_is_created() {
    let folder = tempfile::tempdir().unwrap();
    drop(redb::Database::create(folder.path().join("petrel.redb")).unwrap());
    let (store, _) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    until_on_disk(&store, "first");
    drop(store);
    let (store, _) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!(store.value("first").unwrap(), Some(b"first".to_vec()));
}

#[test]
fn a_store_that_cannot_be_created_on_a_full_disk_can_be_created_later() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    disk.0.set(Fault::Full);
    let source = StoreSource::new(folder.path(), &chain(10), StoreBudget::default());
    let error = Store::open_from(StoreSource { disk: Arc::new(disk.clone()), ..source }).unwrap_err();
    assert!(error.to_string().contains("space"), "{error}");
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.collect::<Vec<_>>(), ["petrel.redb.lock"], "nothing else takes space");
    disk.0.set(Fault::None);
    until_on_disk(&on(&disk, folder.path()), "first");
}

/// Each number of writes may be the last that the disk takes: what was acknowledged before is there afterwards.
#[test]
fn whichever_write_fails_nothing_that_was_acknowledged_is_lost_and_the_store_opens() {
    let blocks = run(1, 12, B256::ZERO, 3_000);
    for writes in 0..40 {
        let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
        let store = on(&disk, folder.path());
        disk.0.fail_after(writes);
        let acknowledged: Vec<_> = blocks
            .iter()
            .filter(|block| store.persist(Persist::Block((*block).clone())).blocking_recv().unwrap() == Persisted::OnDisk)
            .collect();
        let head = store.persist(Persist::Head(link(blocks.last().unwrap()))).blocking_recv().unwrap();
        drop(store);
        let (store, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
        for block in acknowledged {
            let found = store.load(block.payload.number());
            assert_eq!(found.map(|found| found.hash), Some(block.hash), "{writes} writes");
        }
        assert!(head != Persisted::OnDisk || !memory.chain.is_empty(), "{writes} writes");
    }
}

#[test]
fn peers_and_bans_that_cannot_be_read_are_skipped_and_counted_and_blocks_are_there() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    let blocks = run(1, 3, B256::ZERO, 300);
    blocks.iter().for_each(|block| _ = store.persist(Persist::Block(block.clone())).blocking_recv().unwrap());
    let _on_disk = store.persist(Persist::Head(link(&blocks[2]))).blocking_recv().unwrap();
    let ban = Ban { until: None, secs: 0, reason: "by hand".to_owned(), ip: None };
    let who: BanTarget = "203.0.113.1".parse().unwrap();
    let _on_disk = store.persist(Persist::Ban(who, Some(ban.clone()))).blocking_recv().unwrap();
    drop(store);
    let database = redb::Database::create(folder.path().join("petrel.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let peers: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("peers");
    let bans: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("bans");
    write.open_table(peers).unwrap().insert([7; 39].as_slice(), b"{".as_slice()).unwrap();
    for (subject, ban) in [("203.0.113.2", "{}"), ("nobody at all", "{}")] {
        write.open_table(bans).unwrap().insert(subject, ban.as_bytes()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let (store, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!((memory.chain.len(), memory.peers.len(), memory.bans), (3, 0, vec![(who, ban)]));
    assert_eq!(store.usage().unreadable_rows(), 3);
    assert!(blocks.iter().all(|block| store.load(block.payload.number()).is_some()));
    drop(store);
    let (bans, unreadable) = BanStore::open(folder.path()).unwrap().all().unwrap();
    assert_eq!((bans.len(), unreadable), (1, 2));
}
