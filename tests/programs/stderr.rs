//! A reader of the log that goes away, or that reads nothing.

use std::{
    io::{PipeWriter, Read},
    path::Path,
    time::{Duration, Instant},
};

use petrel_tests::{petrel, ports, process::Process, sequencer::Sequencer};

use crate::{
    metrics::get,
    node::{arguments, block},
};

/// How soon SIGTERM ends a node, whoever reads its log.
const END: Duration = Duration::from_secs(2);

/// A node whose stderr is this pipe.
fn start(sequencer: &Sequencer, folder: &Path, stderr: PipeWriter, more: &[&str]) -> Process {
    let mut command = petrel::command(&[]);
    command.args(arguments(sequencer, folder, &sequencer.address)).args(["--events", "json"]).args(more);
    Process::start_logged("petrel", &mut command, stderr)
}

/// Ends it with SIGTERM.
fn ends_at_once(node: Process) {
    let begin = Instant::now();
    assert_eq!(node.end("TERM").code(), Some(0));
    assert!(begin.elapsed() < END, "{:?}", begin.elapsed());
}

#[test]
fn a_reader_of_the_log_that_went_away_does_not_end_the_node() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let (mut reader, stderr) = std::io::pipe().unwrap();
    let mut node = start(&sequencer, folder.path(), stderr, &["--log.level=debug"]);
    reader.read_exact(&mut [0; 100]).unwrap();
    drop(reader);
    node.pass();
    for _ in 0..3 {
        block(&mut node, None);
    }
    ends_at_once(node);
}

#[test]
fn a_reader_of_the_log_that_reads_nothing_neither_delays_the_node_nor_its_end() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let (reader, stderr) = std::io::pipe().unwrap();
    let port = ports::tcp();
    let more = ["--log.level=trace", "--metrics.enabled", &format!("--metrics.port={port}")];
    let mut node = start(&sequencer, folder.path(), stderr, &more);
    // The pipe and the queue are full.
    let lost = || {
        let (_, text) = get(port, "/metrics");
        let value = text.lines().find_map(|line| line.strip_prefix("petrel_log_lines_lost_total "));
        value.map_or(0, |value| value.parse().unwrap())
    };
    while block(&mut node, None).0 > 0 && lost() == 0 {}
    node.pass();
    block(&mut node, None);
    ends_at_once(node);
    drop(reader);
}
