//! Attackers of every kind against one daemon, while honest peers follow it: `cargo xtask flood --seconds N`.
//!
//! `petrel_tests::attackers` has the attackers, `petrel_tests::attacked_node` the honest peers. `report` has the limits: every honest
//! block is accepted in time, no honest peer is banned or disconnected, and a new browser gets its first block at any time.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod report;

use std::{env, fs, process::ExitCode};

use petrel_tests::attacked_node::AttackedNode;

use report::Report;

fn main() -> ExitCode {
    let seconds = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    let files = tempfile::tempdir().unwrap();
    let log = files.path().join("log");
    let mut node = AttackedNode::start(files.path(), &[], fs::File::create(&log).unwrap());
    let mut report = Report::new(node.daemon().id());
    for _ in 0..seconds {
        node.next_second(|daemon| report.take(daemon));
    }
    let ending = node.end(|daemon| report.take(daemon));
    let bytes = fs::metadata(&log).unwrap().len();
    if report.print(&ending, bytes) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
