//! A node whose disk hangs: it follows the chain, what waits for the disk is bounded in bytes, and it stops in time and says what may
//! be lost.

use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::B256;
use futures::StreamExt;
use petrel_core::{
    Event,
    chain::{Chain, Genesis},
    config::Config,
    fork::{Fork, Forks},
    persistence::{Persist, Persisted},
    sign::Key,
};
use petrel_node::{
    command::devnet::BlockBuilder,
    identity::Identity,
    network::{DriverResources, NetworkConfig, build_driver},
    store::{Store, StoreBudget, StoreCloseError, StoreSource},
};

use crate::{
    fault_disk::{Fault, SharedDisk},
    store::{chain, run},
};

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn on(disk: &SharedDisk, folder: &std::path::Path, chain: &Chain) -> Store {
    let source = StoreSource::new(folder, chain, StoreBudget::default());
    Store::open_from(StoreSource { disk: Arc::new(disk.clone()), ..source }).unwrap().0
}

/// Builds a chain whose first 20 blocks are due.
fn builder() -> BlockBuilder {
    let key = Key::from_bytes(&[1; 32]).unwrap();
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let genesis = Genesis { time: now - 40, ..chain.genesis };
    chain = chain.begun(genesis, Duration::from_secs(2)).unwrap();
    chain.signer = Some(key.address());
    BlockBuilder::new(chain, key, 5_000)
}

#[tokio::test]
async fn a_node_whose_disk_hangs_follows_the_chain_and_stops_in_time_and_says_what_may_be_lost() {
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let mut builder = builder();
    let store = on(&disk, folder.path(), builder.chain());
    let resources = DriverResources { store: Some(store.clone()), ..DriverResources::default() };
    let config = Config::new(builder.chain().clone()).settle().unwrap();
    let mut driver =
        build_driver(&Identity::generate(), config, &NetworkConfig::new(Vec::new(), "test"), resources).unwrap();
    disk.0.set(Fault::Hangs);
    for _ in 0..15 {
        let built = builder.build().unwrap();
        driver.publish(built.version, built.message.into());
        let followed = async {
            loop {
                match driver.next().await.unwrap() {
                    Event::Head(head) if head.hash == built.payload.block_hash => return,
                    Event::Stored(stored) => panic!("{stored:?}"),
                    _ => {}
                }
            }
        };
        tokio::time::timeout(PATIENCE, followed).await.expect("the node follows");
    }
    driver.persist_rest();
    drop(driver);
    let begin = Instant::now();
    let closed = store.close(Duration::from_millis(200)).await.unwrap_err();
    assert!(begin.elapsed() < PATIENCE);
    // Each block and the head.
    assert!(matches!(closed, StoreCloseError::TimedOut { changes, .. } if changes >= 16), "{closed:?}");
    assert!(closed.to_string().contains("they may be lost"), "{closed}");
    // The thread of this test's store has to end.
    disk.0.set(Fault::None);
}

#[test]
fn blocks_that_wait_for_a_disk_that_hangs_are_bounded_in_bytes() {
    const MOST: usize = 256 << 20;
    let (folder, disk) = (tempfile::tempdir().unwrap(), SharedDisk::default());
    let store = on(&disk, folder.path(), &chain(10));
    disk.0.set(Fault::Hangs);
    let block = run(1, 1, B256::ZERO, 1_000_000).remove(0);
    let mut waiting = 0;
    let refused = loop {
        match store.persist(Persist::Block(block.clone())).try_recv() {
            Ok(refused) => break refused,
            Err(_) => waiting += block.bytes,
        }
        assert!(waiting <= MOST, "{waiting} bytes");
    };
    assert!(matches!(&refused, Persisted::Failed(error) if error.contains("too many bytes")), "{refused:?}");
    assert!(waiting > MOST / 2, "{waiting} bytes");
    disk.0.set(Fault::None);
}
