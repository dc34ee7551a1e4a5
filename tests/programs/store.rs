//! The store of a daemon: its end, its repair.

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use petrel_tests::sequencer::Sequencer;

use crate::node::{arguments, start};

/// Whether the next open needs to look at the whole file.
fn needs_repair(datadir: &Path) -> bool {
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
