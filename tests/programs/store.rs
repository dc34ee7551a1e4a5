//! The store of a daemon: its end, its repair, its copies.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use petrel_tests::{petrel::output, sequencer::Sequencer};
use redb::{ReadableDatabase, ReadableTable, ReadableTableMetadata};
use serde_json::Value;

use crate::node::{arguments, start};

/// Whether the next open needs to look at the whole file.
pub(crate) fn needs_repair(datadir: &Path) -> bool {
    let repaired = Arc::new(AtomicBool::default());
    let seen = repaired.clone();
    let mut builder = redb::Builder::new();
    builder.set_repair_callback(move |_| seen.store(true, Ordering::Relaxed));
    builder.open(datadir.join("petrel.redb")).unwrap();
    repaired.load(Ordering::Relaxed)
}

#[test]
fn after_each_of_ten_clean_stops_with_discovery_the_store_opens_without_a_repair() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut words = arguments(&sequencer, folder.path(), &sequencer.address);
    words.retain(|word| word != "--p2p.no-discovery");
    for round in 0..10 {
        let mut node = start(&words, &[]);
        node.event("record");
        node.event("stored");
        assert_eq!(node.end("TERM").code(), Some(0));
        assert!(!needs_repair(folder.path()), "round {round}");
    }
}

/// Else they are written every 30 seconds.
#[test]
fn after_a_clean_stop_the_peers_of_the_last_seconds_are_on_disk() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &[]);
    node.event("identified");
    assert_eq!(node.end("TERM").code(), Some(0));
    let database = redb::Database::open(folder.path().join("petrel.redb")).unwrap();
    let peers: redb::TableDefinition<'_, &[u8], &[u8]> = redb::TableDefinition::new("peers");
    assert_eq!(database.begin_read().unwrap().open_table(peers).unwrap().len().unwrap(), 1);
}

#[test]
fn a_store_that_was_not_closed_is_repaired_and_that_is_said() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut node = start(&words, &[]);
    node.event("stored");
    node.end("KILL");
    let mut node = start(&words, &[]);
    node.until_stderr("was not closed by the last run");
    node.event("stored");
    assert_eq!(node.end("TERM").code(), Some(0));
    assert!(!needs_repair(folder.path()));
}

/// `petrel store` with these words: its status, and the object on stdout or the text on stderr.
fn petrel_store(datadir: &Path, words: &[&str]) -> (Option<i32>, Value, String) {
    let datadir = format!("--datadir={}", datadir.display());
    let output = output(&[&["store"], words, &[&datadir]].concat());
    let stdout = String::from_utf8(output.stdout).unwrap();
    let object = serde_json::from_str(&stdout).unwrap_or_default();
    (output.status.code(), object, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_running_nodes_store_is_copied_and_the_copy_is_whole_and_a_node_goes_on_from_it() {
    let sequencer = Sequencer::started();
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &[]);
    node.event("stored");
    node.event("stored");
    let (code, _, error) = petrel_store(folder.path(), &["verify"]);
    assert!(code == Some(2) && error.contains("in use by process"), "{error}");
    let copy = other.path().join("petrel.redb");
    let (code, exported, error) = petrel_store(folder.path(), &["export", copy.to_str().unwrap()]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    assert!(exported["blocks"].as_u64().unwrap() >= 2 && exported["file"] == copy.to_str().unwrap(), "{exported}");
    let (code, _, error) = petrel_store(folder.path(), &["export", copy.to_str().unwrap()]);
    assert!(code == Some(2) && error.contains("exists"), "{error}");
    // The node goes on.
    node.pass();
    node.event("stored");
    let (code, verified, error) = petrel_store(other.path(), &["verify"]);
    assert_eq!((code, error.as_str(), &verified["report"]["blocks"]), (Some(0), "", &exported["blocks"]));
    let second = start(&arguments(&sequencer, other.path(), &sequencer.address), &[]);
    second.until_stderr("head of the last run");
    assert_eq!(second.end("TERM").code(), Some(0));
    // Of a stopped node too.
    assert_eq!(node.end("TERM").code(), Some(0));
    let again = other.path().join("again");
    let (code, exported, error) = petrel_store(folder.path(), &["export", again.to_str().unwrap()]);
    assert!(code == Some(0) && exported["blocks"].as_u64().unwrap() >= 3, "{error}");
}

#[test]
fn a_block_that_was_changed_on_disk_is_found_and_a_store_is_compacted() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address), &[]);
    let number = node.event("stored")["number"].as_u64().unwrap();
    node.event("stored");
    assert_eq!(node.end("TERM").code(), Some(0));
    let (code, verified, _) = petrel_store(folder.path(), &["verify"]);
    assert_eq!((code, &verified["report"]["faults"]), (Some(0), &0.into()));
    let (code, compacted, _) = petrel_store(folder.path(), &["compact"]);
    assert_eq!(code, Some(0));
    assert!(compacted["file_bytes"].as_u64().unwrap() <= compacted["before_bytes"].as_u64().unwrap(), "{compacted}");

    let database = redb::Database::open(folder.path().join("petrel.redb")).unwrap();
    let write = database.begin_write().unwrap();
    let blocks: redb::TableDefinition<'_, (u64, [u8; 32]), &[u8]> = redb::TableDefinition::new("blocks");
    {
        let mut table = write.open_table(blocks).unwrap();
        let (key, mut bytes) = {
            let (key, value) = table.range((number, [0; 32])..).unwrap().next().unwrap().unwrap();
            (key.value(), value.value().to_vec())
        };
        // Within the state root.
        bytes[130] ^= 1;
        table.insert(key, bytes.as_slice()).unwrap();
    }
    write.commit().unwrap();
    drop(database);
    let (code, verified, _) = petrel_store(folder.path(), &["verify"]);
    assert_eq!((code, &verified["report"]["faults"]), (Some(1), &1.into()), "{verified}");
    let described = verified["report"]["described"][0].as_str().unwrap();
    assert!(described.starts_with(&format!("block {number}: its contents hash to 0x")), "{described}");
}
