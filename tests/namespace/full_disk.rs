//! A full disk that gets free space again, below a store of nearly 2 GiB: looking at the whole of it for each block, as opening it
//! again after an error does, would take more time than there is between two blocks.

use std::{
    fs::{self, File},
    io::{ErrorKind, Write},
    path::Path,
};

use petrel_core::chain::Chain;
use petrel_node::store::{Store, StoreBudget};
use petrel_tests::{resources, sequencer::Sequencer};
use redb::TableDefinition;

use crate::{block, node, require_namespace, system};

/// Bytes of the disk, and of the blocks in the store that nobody needs.
const DISK: &str = "2g";
const OLD_BLOCKS: u64 = 1800 << 20;
/// Bytes of each: a value takes a power of two of pages.
const OLD_BLOCK: usize = (8 << 20) - 4096;
/// What the store has of a block besides its bytes: the parent's hash, and two numbers.
type Link = ([u8; 32], u64, u64);
/// CPU seconds that the node may use for each block while the disk is full, in a debug build on a slow machine. Looking at the file
/// once takes more.
const CPU: f64 = 0.5;

/// Creates a store with blocks, above all others, so that they are never on the chain.
fn fill_store(folder: &Path, chain: &Chain) {
    drop(Store::open(folder, chain, StoreBudget::default()).unwrap());
    let database = redb::Builder::new().set_cache_size(64 << 20).open(folder.join("petrel.redb")).unwrap();
    let blocks: TableDefinition<'_, (u64, [u8; 32]), &[u8]> = TableDefinition::new("blocks");
    let links: TableDefinition<'_, (u64, [u8; 32]), Link> = TableDefinition::new("links");
    let contents = vec![7; OLD_BLOCK];
    let numbers: Vec<u64> = (0..OLD_BLOCKS / (8 << 20)).map(|index| (1 << 40) + index).collect();
    for numbers in numbers.chunks(8) {
        let write = database.begin_write().unwrap();
        for number in numbers {
            let key = (*number, [7; 32]);
            write.open_table(blocks).unwrap().insert(key, contents.as_slice()).unwrap();
            write.open_table(links).unwrap().insert(key, ([7; 32], 0, OLD_BLOCK as u64)).unwrap();
        }
        write.commit().unwrap();
    }
    database.close().unwrap();
}

/// Writes a file until the disk is full.
fn fill_disk(file: &Path) {
    let mut file = File::create(file).unwrap();
    let mut piece = vec![7; 1 << 20];
    while !piece.is_empty() {
        match file.write_all(&piece) {
            Ok(()) => {}
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::StorageFull);
                // Smaller pieces may find room.
                piece.truncate(piece.len() / 2);
            }
        }
    }
}

#[test]
fn a_full_disk_stops_only_the_store_which_continues_when_there_is_free_space() {
    require_namespace();
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    system(&format!("mount -t tmpfs -o size={DISK} none {}", folder.path().display()));
    let peers = sequencer.address.clone();
    fill_store(folder.path(), sequencer.chain());
    let mut first = node(&sequencer, folder.path(), &peers, &["--p2p.listen.tcp=0"]);
    first.event("stored");
    let filler = folder.path().join("filler");
    fill_disk(&filler);
    let event = first.until("that no blocks are stored", |event| event["event"] == "store" && event["keeps"] == false);
    println!("{event}");
    // The node still follows the chain, and leaves the disk alone.
    let before = resources::cpu(first.id());
    for _ in 0..8 {
        block(&mut first);
    }
    let used = (resources::cpu(first.id()) - before) / 8.0;
    println!("{used:.2} CPU seconds a block");
    assert!(used < CPU, "{used} CPU seconds a block");
    fs::remove_file(&filler).unwrap();
    first.until("that blocks are stored again", |event| event["event"] == "store" && event["keeps"] == true);
    let stored = first.event("stored")["number"].as_u64().unwrap();
    // Its head is written after it.
    block(&mut first);
    first.event("stored");
    first.end("KILL");

    let mut second = node(&sequencer, folder.path(), &peers, &["--p2p.listen.tcp=0"]);
    let said = second.until_stderr("head of the last run");
    let head = said.split("number=").nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
    assert!(head.parse::<u64>().unwrap() >= stored, "{said}");
    block(&mut second);
    second.end("TERM");
    system(&format!("umount {}", folder.path().display()));
}
