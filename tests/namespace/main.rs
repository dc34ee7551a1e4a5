//! Connections that break and come back, and a disk that is full, where a test may do that: in a network namespace and with
//! mounts of its own.
//! `cargo xtask test network` makes both; elsewhere these tests refuse to run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod cut_network;
mod full_disk;
mod moved_peer;
mod nameserver;

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use petrel_tests::{petrel, process::Process, sequencer::Sequencer};

/// How soon the node must be back after its network or its peer is, on a slow machine too: it dials every eight seconds at
/// least. The times themselves are printed.
const BACK: Duration = Duration::from_secs(40);

/// Nothing here may happen to the network of the machine itself.
fn alone() {
    let namespace = std::env::var_os("PETREL_NAMESPACE").is_some();
    assert!(namespace, "this needs a network namespace of its own: cargo xtask test network");
}

/// Runs a program that must succeed.
fn system(words: &str) {
    let mut words = words.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success());
}

/// A node that keeps `peers` (multiaddrs, comma-separated), with its files in `folder`.
fn node(sequencer: &Sequencer, folder: &Path, peers: &str, more: &[&str]) -> Process {
    let (rollup, signer) = sequencer.files(folder);
    let (rollup, folder) = (rollup.to_str().unwrap(), folder.to_str().unwrap());
    let mut words = vec!["node", "--rollup.config", rollup, "--datadir", folder, "--p2p.no-discovery"];
    words.extend(["--p2p.unsafe-block-signer", &signer, "--p2p.listen.ip=127.0.0.1", "--p2p.static", peers]);
    words.extend(more);
    petrel::start(&words)
}

/// Waits for a block that is new to this node, and how long that takes.
fn block(node: &mut Process) -> Duration {
    let since = Instant::now();
    node.pass();
    node.event("block");
    since.elapsed()
}

fn back(node: &mut Process) {
    let took = block(node);
    println!("back after {:.1} s", took.as_secs_f64());
    assert!(took <= BACK, "back only after {took:?}");
}
