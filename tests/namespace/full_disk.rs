//! A full disk that gets free space again.

use std::fs;

use petrel_tests::sequencer::Sequencer;

use crate::{block, node, require_namespace, system};

#[test]
fn a_full_disk_stops_only_the_store_which_continues_when_there_is_free_space() {
    require_namespace();
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    system(&format!("mount -t tmpfs -o size=6m none {}", folder.path().display()));
    let peers = sequencer.address.clone();
    let mut first = node(&sequencer, folder.path(), &peers, &["--p2p.listen.tcp=0"]);
    first.event("stored");
    let filler = folder.path().join("filler");
    let full = fs::write(&filler, vec![7; 6 << 20]).unwrap_err();
    println!("{full}");
    let event = first.until("that no blocks are stored", |event| event["event"] == "store" && event["keeps"] == false);
    println!("{event}");
    // The node still follows the chain.
    for _ in 0..3 {
        block(&mut first);
    }
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
