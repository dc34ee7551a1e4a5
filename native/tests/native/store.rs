//! The store: restored state after a restart, and refused files.

use std::{fs, path::Path, sync::Arc};

use alloy_primitives::B256;
use petrel_core::{
    ban::{Ban, BanTarget},
    block::{Block, BlockInfo, Verified},
    chain::{Chain, Genesis},
    config::Config,
    event::Event,
    fault::Offence,
    fork::{Fork, Forks, Version},
    node::{Input, Node, Output},
    payload_by_number::StoredBlock,
    peer::PeerId,
    peer_store::PeerEntry,
    persistence::{Persist, Persisted, RestoredState},
    primitives::Primitives,
    score::Score,
    sign::{Key, seal_body},
    time::Now,
};
use petrel_node::store::{Store, StoreBudget, StoreError};

const START: u64 = 1_800_000_000;

pub(crate) fn chain(id: u64) -> Chain {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.id = id;
    let genesis = Genesis { number: 0, hash: B256::ZERO, time: START - 10_000 };
    chain = chain.begun(genesis, std::time::Duration::from_secs(2)).unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key().address());
    chain
}

fn key() -> Key {
    Key::from_bytes(&[1; 32]).unwrap()
}

/// A verified block, which only validation creates.
pub(crate) fn block(number: u64, parent: B256, bytes: usize) -> Arc<Verified<Block>> {
    let now = Now { mono: std::time::Duration::ZERO, unix: std::time::Duration::from_secs(START) };
    let mut payload = petrel_core::block::ExecutionPayload {
        parent_hash: parent,
        block_number: number,
        timestamp: START,
        transactions: vec![vec![number as u8; bytes].into()],
        ..Default::default()
    };
    let body = payload.finish(Version::V4).unwrap();
    let mut node = Node::new(Config::new(chain(10)).settle().unwrap(), &RestoredState::default(), [0; 32], now);
    node.handle(now, Input::Produced { version: Version::V4, data: seal_body(&key(), 10, &body).into() });
    let outputs: Vec<Output> = std::iter::from_fn(|| node.poll_output()).collect();
    let [Output::Validate { id, task }] = outputs.as_slice() else { panic!("{outputs:?}") };
    node.handle(now, Input::Validated { id: *id, outcome: task.clone().run(Primitives::PORTABLE) });
    let results = std::iter::from_fn(|| node.poll_output()).find_map(|output| match output {
        Output::Emit(Event::Block(new)) => Some(new.block),
        _ => None,
    });
    results.expect("a valid block")
}

/// Linked blocks above `parent`.
pub(crate) fn run(first: u64, count: u64, mut parent: B256, bytes: usize) -> Vec<Arc<Verified<Block>>> {
    (first..first + count)
        .map(|number| {
            let block = block(number, parent, bytes);
            parent = block.hash;
            block
        })
        .collect()
}

pub(crate) fn link(block: &Verified<Block>) -> BlockInfo {
    let payload = &block.payload;
    let (timestamp, timestamp_ms) = (payload.timestamp(), payload.timestamp() * 1000);
    BlockInfo { number: payload.number(), hash: block.hash, parent: payload.parent_hash(), timestamp, timestamp_ms }
}

/// The stored block of this number, from a disk that reads.
pub(crate) fn load(store: &Store, number: u64) -> Option<StoredBlock> {
    store.load(number).unwrap()
}

fn open(folder: &Path) -> (Store, Vec<BlockInfo>) {
    let (store, memory) = Store::open(folder, &chain(10), StoreBudget::default()).unwrap();
    (store, memory.chain)
}

/// Persists blocks, and the last one as the head.
fn persist(store: &Store, blocks: &[Arc<Verified<Block>>]) {
    assert!(try_persist(store, blocks).iter().all(|kept| *kept == Persisted::OnDisk));
}

/// The same. Returns the results of the blocks and of the head.
fn try_persist(store: &Store, blocks: &[Arc<Verified<Block>>]) -> Vec<Persisted> {
    let mut results: Vec<_> = blocks.iter().map(|block| store.persist(Persist::Block(block.clone()))).collect();
    results.push(store.persist(Persist::Head(link(blocks.last().unwrap()))));
    results.into_iter().map(|result| result.blocking_recv().unwrap()).collect()
}

#[test]
fn blocks_and_the_chain_are_restored_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = run(5, 20, B256::ZERO, 300);
    let (store, kept) = open(folder.path());
    assert!(kept.is_empty());
    persist(&store, &blocks);
    drop(store);
    let (store, kept) = open(folder.path());
    assert_eq!(kept, blocks.iter().map(|block| link(block)).collect::<Vec<_>>());
    for block in &blocks {
        let found = load(&store, block.payload.number()).unwrap();
        assert_eq!((found.hash, found.version, &found.body), (block.hash, Version::V4, block.payload.body()));
    }
    assert!(load(&store, 4).is_none() && load(&store, 25).is_none());
}

#[test]
fn of_two_branches_the_one_of_the_head_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let first = run(5, 6, B256::ZERO, 300);
    persist(&store, &first);
    let other = run(8, 5, first[2].hash, 301);
    persist(&store, &other);
    assert_eq!(load(&store, 7).unwrap().hash, first[2].hash);
    for block in &other {
        assert_eq!(load(&store, block.payload.number()).unwrap().hash, block.hash);
    }
    // Back to the first branch: the head may move to a lower number.
    persist(&store, &first[..5]);
    assert_eq!(load(&store, 9).unwrap().hash, first[4].hash);
    drop(store);
    assert_eq!(open(folder.path()).1, first[..5].iter().map(|block| link(block)).collect::<Vec<_>>());
}

/// Not all blocks of the new branch are gossiped: the lower ones are fetched later, from the upper end downwards, and then the node
/// persists its head again.
#[test]
fn after_a_reorg_whose_lower_blocks_arrive_later_the_canonical_chain_is_served_at_every_height() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    // Blocks 5 to 20, and from 12 on another branch, of which 17 and 18 are gossiped.
    let old = run(5, 16, B256::ZERO, 300);
    persist(&store, &old);
    let new = run(12, 7, old[6].hash, 301);
    let (fetched, gossiped) = new.split_at(5);
    persist(&store, gossiped);
    let leads = |block: &Arc<Verified<Block>>| load(&store, block.payload.number()).unwrap().hash == block.hash;
    assert!(gossiped.iter().all(leads) && old[..7].iter().all(leads), "what is known to lead is served");
    for block in fetched.iter().rev() {
        assert_eq!(store.persist(Persist::Block(block.clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    }
    let head = gossiped.last().unwrap();
    assert_eq!(store.persist(Persist::Head(link(head))).blocking_recv().unwrap(), Persisted::OnDisk);
    assert!(new.iter().all(leads), "above the fork point the new branch");
    assert!(old[..7].iter().all(leads), "below it the shared history");
    drop(store);
    let (store, kept) = open(folder.path());
    let leading: Vec<BlockInfo> = old[..7].iter().chain(&new).map(|block| link(block)).collect();
    assert_eq!(kept, leading, "and they hang together after a restart");
    // The chain continues from there.
    let next = run(19, 2, head.hash, 300);
    persist(&store, &next);
    assert_eq!(load(&store, 19).unwrap().hash, next[0].hash);
    assert_eq!(load(&store, 12).unwrap().hash, new[0].hash);
}

/// The node ended before it had all blocks of the new branch: the canonical chain is known down to the gap, and below it the old
/// branch. When the missing blocks arrive, the chain is complete.
#[test]
fn a_gap_below_the_canonical_chain_can_be_closed_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let old = run(5, 10, B256::ZERO, 300);
    persist(&store, &old);
    let new = run(10, 6, old[4].hash, 301);
    persist(&store, &new[4..]);
    assert_eq!(store.persist(Persist::Block(new[3].clone())).blocking_recv().unwrap(), Persisted::OnDisk);
    drop(store);
    let (store, kept) = open(folder.path());
    assert_eq!(kept, old[..8].iter().chain(&new[3..]).map(|block| link(block)).collect::<Vec<_>>());
    new[..3].iter().rev().for_each(|block| _ = store.persist(Persist::Block(block.clone())).blocking_recv().unwrap());
    let next = run(16, 1, new[5].hash, 300);
    persist(&store, &next);
    for block in old[..5].iter().chain(&new).chain(&next) {
        assert_eq!(load(&store, block.payload.number()).unwrap().hash, block.hash);
    }
    drop(store);
    assert_eq!(open(folder.path()).1.len(), 12);
}

#[test]
fn a_head_above_a_gap_starts_a_new_chain() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    let (before, after) = (run(5, 3, B256::ZERO, 300), run(20, 3, B256::repeat_byte(7), 300));
    persist(&store, &before);
    persist(&store, &after);
    assert!(load(&store, 6).is_some(), "what is below is still served");
    drop(store);
    assert_eq!(open(folder.path()).1, after.iter().map(|block| link(block)).collect::<Vec<_>>());
}

#[test]
fn the_oldest_blocks_are_removed_above_the_limit() {
    let folder = tempfile::tempdir().unwrap();
    let chain = chain(10);
    let (store, _) = Store::open(folder.path(), &chain, StoreBudget { blocks: 8, bytes: 1 << 30 }).unwrap();
    let blocks = run(1, 20, B256::ZERO, 300);
    let kept = try_persist(&store, &blocks);
    assert!(load(&store, 12).is_none());
    assert!((13..=20).all(|number| load(&store, number).is_some()));
    assert!(kept[12..].iter().all(|kept| *kept == Persisted::OnDisk), "{kept:?}");
    // If the writer is faster than this thread, each block has its own transaction; this does not happen ten times.
    let is_unconfirmed = |_| {
        let folder = tempfile::tempdir().unwrap();
        let (store, _) = Store::open(folder.path(), &chain, StoreBudget { blocks: 8, bytes: 1 << 30 }).unwrap();
        try_persist(&store, &blocks)[..12].contains(&Persisted::Unconfirmed)
    };
    let unconfirmed = kept[..12].contains(&Persisted::Unconfirmed) || (0..10).any(is_unconfirmed);
    assert!(unconfirmed, "a block that is removed in the transaction that stores it is not confirmed");
    // A gap is closed from its upper end: its blocks are the oldest, and the head stays.
    let below = run(1000, 20, B256::ZERO, 300);
    persist(&store, &below[19..]);
    let below = below.iter().rev().skip(1).cloned().collect::<Vec<_>>();
    for block in &below {
        store.persist(Persist::Block(block.clone())).blocking_recv().unwrap();
    }
    assert!(load(&store, 1019).is_some());
    drop(store);
    let (store, kept) = Store::open(folder.path(), &chain, StoreBudget { blocks: 8, bytes: 1 << 30 }).unwrap();
    assert_eq!(kept.chain.last().map(|head| head.number), Some(1019));
    drop(store);
}

#[test]
fn a_store_of_another_chain_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    persist(&open(folder.path()).0, &run(1, 2, B256::ZERO, 300));
    let error = Store::open(folder.path(), &chain(11), StoreBudget::default()).unwrap_err();
    assert!(matches!(error, StoreError::OtherChain { found: 10, wanted: 11, .. }), "{error}");
    assert_eq!(open(folder.path()).1.len(), 2);
}

#[test]
fn a_damaged_or_foreign_file_is_refused_and_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("petrel.redb");
    for content in [b"no database".to_vec(), vec![7; 100_000]] {
        fs::write(&file, &content).unwrap();
        let error = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap_err();
        assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
        assert!(error.to_string().contains("move it away"), "{error}");
        assert_eq!(fs::read(&file).unwrap(), content);
    }
}

#[test]
fn a_store_of_a_later_version_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let database = redb::Database::create(folder.path().join("petrel.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    write.open_table(meta).unwrap().insert("layout", 4).unwrap();
    write.commit().unwrap();
    drop(database);
    let error = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap_err();
    assert!(matches!(error, StoreError::Later { layout: 4, .. }), "{error}");
}

#[test]
fn a_store_of_an_earlier_layout_is_converted() {
    let folder = tempfile::tempdir().unwrap();
    persist(&open(folder.path()).0, &run(1, 2, B256::ZERO, 300));
    let meta: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("meta");
    let words: redb::TableDefinition<'_, &str, [u8; 32]> = redb::TableDefinition::new("words");
    let notes: redb::TableDefinition<'_, &str, &[u8]> = redb::TableDefinition::new("notes");
    for layout in [2, 1] {
        let database = redb::Database::create(folder.path().join("petrel.redb")).unwrap();
        let write = database.begin_write().unwrap();
        write.open_table(meta).unwrap().insert("layout", layout).unwrap();
        write.delete_table(notes).unwrap();
        if layout == 1 {
            write.delete_table(words).unwrap();
        }
        write.commit().unwrap();
        drop(database);
        let (store, kept) = open(folder.path());
        assert_eq!((kept.len(), store.value("signer").unwrap()), (2, None));
    }
    let mut other = chain(10);
    other.genesis.hash = B256::repeat_byte(1);
    let error = Store::open(folder.path(), &other, StoreBudget::default()).unwrap_err();
    assert!(matches!(error, StoreError::OtherGenesis { .. }), "{error}");
    assert_eq!(open(folder.path()).1.len(), 2);
}

#[test]
fn peers_and_bans_are_restored_after_a_restart_until_they_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let peer = |seed: u8| PeerId::from_bytes(&[seed; 39]).unwrap();
    let mut score = Score::default();
    score.penalize(Offence::InvalidMessage);
    let record = PeerEntry {
        addresses: vec!["/ip4/203.0.113.1/tcp/9222".to_owned()],
        agent: Some("op-node \u{1b} \"quoted\"".to_owned()),
        proven: true,
        seen: 1_800_000_000,
        found: 5,
        score,
        scored: 1_800_000_100,
        ip: "203.0.113.1".parse().ok(),
        leaf: true,
    };
    let ban = Ban {
        until: Some(1_800_003_600),
        secs: 3600,
        reason: "invalid messages".to_owned(),
        ip: "203.0.113.1".parse().ok(),
        by_operator: true,
    };
    let subjects =
        [BanTarget::Peer(peer(1)), BanTarget::Ip("203.0.113.1".parse().unwrap()), "2001:db8::1".parse().unwrap()];
    let mut items: Vec<_> = subjects.iter().map(|subject| Persist::Ban(*subject, Some(ban.clone()))).collect();
    items.extend([1, 2].map(|seed| Persist::Peer(peer(seed), Some(record.clone()))));
    let all = |store: &Store, items: Vec<Persist>| {
        let results: Vec<_> = items.into_iter().map(|item| store.persist(item)).collect();
        results.into_iter().for_each(|result| assert_eq!(result.blocking_recv().unwrap(), Persisted::OnDisk));
    };
    // Also with a limit of no blocks.
    let none = StoreBudget { blocks: 0, bytes: 1 << 30 };
    all(&Store::open(folder.path(), &chain(10), none).unwrap().0, items);
    let (store, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!(memory.peers, [(peer(1), record.clone()), (peer(2), record.clone())]);
    assert_eq!(memory.bans.len(), 3);
    assert!(subjects.iter().all(|subject| memory.bans.contains(&(*subject, ban.clone()))));
    all(&store, vec![Persist::Peer(peer(1), None), Persist::Ban(subjects[1], None)]);
    drop(store);
    let (_, memory) = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap();
    assert_eq!((memory.peers.len(), memory.bans.len()), (1, 2));
}

#[test]
fn a_note_replaces_the_one_before_it_and_is_restored_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let (store, _) = open(folder.path());
    assert_eq!(store.value("signer").unwrap(), None);
    for text in ["first", "second"] {
        assert_eq!(store.persist_value("signer", text.into()).blocking_recv().unwrap(), Persisted::OnDisk);
    }
    drop(store);
    assert_eq!(open(folder.path()).0.value("signer").unwrap(), Some(b"second".to_vec()));
}

#[test]
fn with_a_limit_of_no_blocks_none_is_stored_or_served_and_existing_ones_stay() {
    let folder = tempfile::tempdir().unwrap();
    let blocks = run(1, 4, B256::ZERO, 300);
    persist(&open(folder.path()).0, &blocks[..3]);
    let none = StoreBudget { blocks: 0, bytes: 1 << 30 };
    let (store, memory) = Store::open(folder.path(), &chain(10), none).unwrap();
    assert!(memory.chain.is_empty() && load(&store, 2).is_none());
    assert_eq!(try_persist(&store, &blocks[3..]), [Persisted::Unconfirmed, Persisted::Unconfirmed]);
    assert_eq!(store.persist_value("signer", b"known".to_vec()).blocking_recv().unwrap(), Persisted::OnDisk);
    drop(store);
    let (store, links) = open(folder.path());
    assert_eq!(links.len(), 3);
    assert!(load(&store, 4).is_none());
}

#[test]
fn a_first_start_that_was_killed_does_not_damage_the_store() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("petrel.new"), b"half a store").unwrap();
    persist(&open(folder.path()).0, &run(1, 2, B256::ZERO, 300));
    assert_eq!(open(folder.path()).1.len(), 2);
}

#[test]
fn a_second_user_is_refused_with_the_process_that_has_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let _first = open(folder.path());
    let error = Store::open(folder.path(), &chain(10), StoreBudget::default()).unwrap_err();
    let own = format!("process {}", std::process::id());
    assert!(error.to_string().contains(&own), "{error}");
}
