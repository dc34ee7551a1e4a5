//! Broken connections, moved peers and a full disk, in a network and mount namespace of the test's own, which `cargo xtask test
//! network` creates. Outside of it these tests fail.

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

/// Maximum time from the return of the network or of the peer to the next block, on a slow machine too: the node redials at least every
/// eight seconds. The times themselves are printed.
const BACK: Duration = Duration::from_secs(40);

/// Checks that the test is in its namespace: it must not change the network of the machine.
fn require_namespace() {
    let namespace = std::env::var_os("PETREL_NAMESPACE").is_some();
    assert!(namespace, "this test needs its own network namespace: cargo xtask test network");
}

/// Runs a program that must succeed.
fn system(words: &str) {
    let mut words = words.split(' ');
    let status = Command::new(words.next().unwrap()).args(words).status().unwrap();
    assert!(status.success());
}

/// A node with `peers` (multiaddrs, comma-separated) as static peers, with its files in `folder`.
fn node(sequencer: &Sequencer, folder: &Path, peers: &str, more: &[&str]) -> Process {
    let (rollup, signer) = sequencer.files(folder);
    let (rollup, folder) = (rollup.to_str().unwrap(), folder.to_str().unwrap());
    let mut words = vec!["node", "--rollup.config", rollup, "--datadir", folder, "--p2p.no-discovery"];
    words.extend(["--p2p.unsafe-block-signer", &signer, "--p2p.listen.ip=127.0.0.1", "--p2p.static", peers]);
    words.extend(more);
    petrel::start(&words)
}

/// Waits for the next block; returns the time that it took.
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
