//! SIGHUP: what it reads again, and that it ends nothing.

use std::{fs, process::Command};

use petrel_tests::{petrel, process::Process, sequencer::Sequencer};

use crate::node::{arguments, block};

/// A node that does not ignore SIGHUP, also where the tests themselves do (`nohup`): a process inherits that.
fn start(words: &[String]) -> Process {
    let mut command = if cfg!(target_os = "linux") { Command::new("env") } else { Command::new(petrel::binary()) };
    if cfg!(target_os = "linux") {
        command.arg("--default-signal=HUP").arg(petrel::binary());
    }
    Process::start("petrel", command.args(words).args(["--log.level=warn", "--events", "json"]))
}

#[test]
fn a_hangup_reads_the_log_level_again_and_ends_nothing() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = start(&arguments(&sequencer, folder.path(), &sequencer.address));
    block(&mut node, None);
    let file = folder.path().join("log.level");
    fs::write(&file, "info,petrel_node::serve=debug\n").unwrap();
    node.signal("HUP");
    let said = node.until_stderr("SIGHUP: the log level and the certificate are read again");
    assert!(!said.contains("block verified"), "it was not said before\n{said}");
    block(&mut node, None);
    node.until_stderr("block verified");

    // What is no level changes nothing.
    fs::write(&file, "loud").unwrap();
    node.signal("HUP");
    node.until_stderr("SIGHUP: the log level stays as it is");
    // Without the file the level is that of the start, which has no line of this one.
    fs::remove_file(&file).unwrap();
    node.signal("HUP");
    let mut last = 0;
    loop {
        let now = node.until_stderr("").matches("block verified").count();
        if std::mem::replace(&mut last, now) == now {
            break;
        }
        for _ in 0..3 {
            block(&mut node, None);
        }
    }
    assert!(node.is_running());
    assert_eq!(node.end("TERM").code(), Some(0));
}

/// A process that was started by `nohup` ignores SIGHUP.
#[test]
fn an_ignored_hangup_stays_ignored() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let mut command = Command::new("nohup");
    command.arg(petrel::binary()).args(&words).args(["--events", "json"]);
    let mut node = Process::start("petrel", &mut command);
    block(&mut node, None);
    node.signal("HUP");
    block(&mut node, None);
    block(&mut node, None);
    assert!(!node.until_stderr("block verified").contains("SIGHUP"));
    assert!(node.is_running());
    assert_eq!(node.end("TERM").code(), Some(0));
}
