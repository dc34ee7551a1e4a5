//! A store on a disk that is full or fails: it opens again, and nothing that was acknowledged is lost.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use alloy_primitives::B256;
use petrel_core::{
    ban::{Ban, BanTarget},
    persistence::{Persist, Persisted},
};
use petrel_node::store::{StoppedStore, Store, StoreBudget};

use crate::{
    fault_disk::{EIO, ENOSPC, Fault, PATIENCE, SharedDisk, open_on, source_on},
    store::{chain, link, load, run},
};

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
    let store = open_on(&disk, folder.path());
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
    let error = Store::open_from(source_on(&disk, folder.path())).unwrap_err();
    assert!(error.to_string().contains("space"), "{error}");
    let left = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(left.collect::<Vec<_>>(), ["petrel.redb.lock"], "nothing else takes space");
    disk.0.set(Fault::None);
    until_on_disk(&open_on(&disk, folder.path()), "first");
}

/// Each number of writes may be the last that the disk takes, as it fails or is full: what was acknowledged before is served by the same store, whose disk
/// still fails, and by the next one.
#[test]
fn whichever_write_fails_nothing_that_was_acknowledged_is_lost_and_the_store_opens() {
    let blocks = run(1, 12, B256::ZERO, 3_000);
    for (writes, error) in (0..40).flat_map(|writes| [(writes, EIO), (writes, ENOSPC)]) {
        let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
        let store = open_on(&disk, folder.path());
        disk.0.fail_after(writes, error);
        let acknowledged: Vec<_> = blocks
            .iter()
            .filter(|block| {
                store.persist(Persist::Block((*block).clone())).blocking_recv().unwrap() == Persisted::OnDisk
            })
            .collect();
        let head = store.persist(Persist::Head(link(blocks.last().unwrap()))).blocking_recv().unwrap();
        for block in &acknowledged {
            let found = load(&store, block.payload.number());
            assert_eq!(found.map(|found| found.hash), Some(block.hash), "before the end, {writes} writes");
        }
        drop(store);
        let (store, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
        for block in acknowledged {
            let found = load(&store, block.payload.number());
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
    let ban = Ban { until: None, secs: 0, reason: "by hand".to_owned(), ip: None, by_operator: true };
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
    assert!(blocks.iter().all(|block| load(&store, block.payload.number()).is_some()));
    drop(store);
    let (bans, unreadable) = StoppedStore::open(folder.path()).unwrap().bans().unwrap();
    assert_eq!((bans.len(), unreadable), (1, 2));
}

#[test]
fn a_full_disk_is_noticed_before_a_write_fails_and_the_open_file_goes_on_to_serve() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    let blocks = run(1, 3, B256::ZERO, 300);
    assert_eq!(store.persist(Persist::Block(blocks[0].clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    let opened = disk.0.opened();
    disk.0.set_free(Some(100_000));
    // A write would fail.
    disk.0.set(Fault::Full);
    for _ in 0..100 {
        let told = store.persist(Persist::Block(blocks[1].clone())).blocking_recv().unwrap();
        assert!(matches!(&told, Persisted::Failed(error) if error.contains("full")), "{told:?}");
    }
    assert!(load(&store, 1).is_some());
    disk.0.set(Fault::None);
    disk.0.set_free(Some(100 << 20));
    assert_eq!(store.persist(Persist::Block(blocks[2].clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    assert_eq!(disk.0.opened(), opened, "the file was opened again");
}

#[test]
fn a_disk_that_fails_is_left_alone_for_a_while_and_then_tried_again() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    disk.0.set(Fault::Fails);
    let opened = disk.0.opened();
    let begin = Instant::now();
    for _ in 0..1_000 {
        let told = store.persist_value("name", Vec::new()).blocking_recv().unwrap();
        assert!(matches!(told, Persisted::Failed(_)), "{told:?}");
    }
    // At once, and then after at least a second each.
    let most = 1 + begin.elapsed().as_secs() as usize;
    assert!(disk.0.opened() - opened <= most, "{} opens", disk.0.opened() - opened);
    disk.0.set(Fault::None);
    until_on_disk(&store, "again");
    assert_eq!(store.value("again").unwrap(), Some(b"again".to_vec()));
}

/// That may take minutes: redb looks at the whole file.
#[test]
fn blocks_are_served_while_the_file_is_opened_again() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    let block = &run(1, 1, B256::ZERO, 300)[0];
    assert_eq!(store.persist(Persist::Block(block.clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    let opened = disk.0.opened();
    disk.0.fail_after(0, EIO);
    // Each read of the file that is opened next waits.
    disk.0.hang_reads(true);
    let failing = store.persist_value("name", Vec::new());
    let end = Instant::now() + PATIENCE;
    while disk.0.opened() == opened {
        assert!(Instant::now() < end, "it is not opened again");
        std::thread::yield_now();
    }
    let (sender, loaded) = std::sync::mpsc::channel();
    let reader = store.clone();
    std::thread::spawn(move || sender.send(reader.load(1)));
    let found = loaded.recv_timeout(PATIENCE).expect("a reader waits for the file").unwrap();
    assert_eq!(found.map(|found| found.hash), Some(block.hash));
    disk.0.hang_reads(false);
    assert!(matches!(failing.blocking_recv().unwrap(), Persisted::Failed(_)));
}

/// A peer that is told that a block does not exist here asks another one, or believes that the chain has none.
#[test]
fn a_reader_finds_every_acknowledged_block_while_writes_fail_and_succeed_again() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = open_on(&disk, folder.path());
    let blocks = run(1, 40, B256::ZERO, 9_000);
    let (first, next) = blocks.split_at(10);
    for block in first {
        assert_eq!(store.persist(Persist::Block(block.clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    }
    let ends = Arc::new(AtomicBool::default());
    let (reader, end, expected) = (store.clone(), ends.clone(), first.to_vec());
    let reading = std::thread::spawn(move || {
        let mut read = 0;
        while !end.load(Ordering::Relaxed) {
            let block = &expected[read % expected.len()];
            let found = reader.load(block.payload.number()).expect("the disk reads");
            assert_eq!(found.map(|found| found.hash), Some(block.hash));
            read += 1;
        }
        read
    });
    let mut refused = 0;
    for (block, writes) in next.iter().zip([0, 1, 3, 5].into_iter().cycle()).take(4) {
        disk.0.fail_after(writes, EIO);
        let end = Instant::now() + PATIENCE;
        while store.persist(Persist::Block(block.clone())).blocking_recv().unwrap() == Persisted::OnDisk {
            assert!(Instant::now() < end, "no write fails");
        }
        refused += 1;
        disk.0.heal();
        until_on_disk(&store, "healed");
        assert_eq!(store.persist(Persist::Block(block.clone())).blocking_recv().unwrap(), Persisted::OnDisk);
        assert!(load(&store, block.payload.number()).is_some());
    }
    ends.store(true, Ordering::Relaxed);
    assert!(reading.join().unwrap() > refused);
}
