//! The power of the disk is cut while the store writes, so that the last pages are there, torn, or missing: the store opens again, and
//! nothing that was acknowledged is lost.

use std::{path::Path, sync::Arc};

use alloy_primitives::B256;
use petrel_core::{
    block::{Block, Verified},
    persistence::{Persist, Persisted},
};
use petrel_node::store::{Store, StoreBudget, StoreError, StoreSource};

use crate::{
    power_cut_disk::PowerCutDisk,
    store::{chain, link, load, run},
};

/// What is on the disk after a cut.
struct AfterCut {
    store: Result<Store, StoreError>,
    acknowledged: Vec<Arc<Verified<Block>>>,
}

impl AfterCut {
    fn missing(&self) -> usize {
        let Ok(store) = &self.store else { return self.acknowledged.len() };
        let is_missing = |block: &&Arc<Verified<Block>>| {
            load(store, block.payload.number()).map(|found| found.hash) != Some(block.hash)
        };
        self.acknowledged.iter().filter(is_missing).count()
    }
}

/// Persists blocks until the power is cut after this many operations, and opens the store again.
fn cut(disk: &PowerCutDisk, folder: &Path, blocks: &[Arc<Verified<Block>>], operations: u64, seed: u64) -> AfterCut {
    let source = StoreSource::new(folder, &chain(10), StoreBudget::default());
    let (store, _) = Store::open_from(StoreSource { disk: Arc::new(disk.clone()), ..source }).unwrap();
    // None, some or all of the sectors are on the disk.
    disk.cut_after(operations, [0, 10, 50, 90, 100][seed as usize % 5], seed);
    let is_on_disk = |request| store.persist(request).blocking_recv().unwrap() == Persisted::OnDisk;
    let stored = blocks.iter().filter(|block| {
        let is_stored = is_on_disk(Persist::Block((*block).clone()));
        is_on_disk(Persist::Head(link(block)));
        is_stored
    });
    let acknowledged = stored.cloned().collect();
    disk.cut();
    drop(store);
    AfterCut { store: Store::open(folder, &chain(10), StoreBudget::default()).map(|(store, _)| store), acknowledged }
}

#[test]
fn wherever_the_power_is_cut_the_store_opens_and_nothing_that_was_acknowledged_is_lost() {
    // Pages of one block each, of several blocks, and values of several pages.
    let mut blocks = run(1, 6, B256::ZERO, 300);
    blocks.extend(run(7, 6, blocks[5].hash, 9_000));
    let (mut acknowledged, mut cut_off) = (0, 0);
    for seed in 1..=150 {
        let folder = tempfile::tempdir().unwrap();
        let after = cut(&PowerCutDisk::default(), folder.path(), &blocks, seed % 90, seed);
        if let Err(error) = &after.store {
            panic!("cut {seed}: {error}");
        }
        assert_eq!(after.missing(), 0, "cut {seed}");
        acknowledged += after.acknowledged.len();
        cut_off += usize::from(after.acknowledged.len() < blocks.len());
    }
    assert!(acknowledged > 150 && cut_off > 100, "{acknowledged} acknowledged, {cut_off} cut off");
}

/// That the test above finds what is lost.
#[test]
fn a_disk_that_only_says_that_it_has_synced_loses_blocks() {
    let blocks = run(1, 8, B256::ZERO, 3_000);
    let missing = (1..=20).map(|seed| {
        let (folder, disk) = (tempfile::tempdir().unwrap(), PowerCutDisk::default());
        let source = StoreSource::new(folder.path(), &chain(10), StoreBudget::default());
        drop(Store::open_from(StoreSource { disk: Arc::new(disk.clone()), ..source }).unwrap());
        disk.lie();
        cut(&disk, folder.path(), &blocks, 1_000, seed).missing()
    });
    assert!(missing.sum::<usize>() > 0);
}
