//! SIGHUP: what it reads again, and that it ends nothing.

use std::{fs, process::Command, time::Duration};

use libp2p::Multiaddr;
use petrel_core::fork::Version;
use petrel_tests::{
    petrel,
    process::{DEADLINE, Process},
    sequencer::{Sequencer, id},
};

use crate::{
    node::{arguments, block},
    wss_client::{certificate, follow, is_presented, until_presented, write},
};

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

/// The files are read every five seconds too, counted from the last time. So without the signal each but the first of these rounds would
/// take almost as long.
#[test]
fn a_hangup_reads_the_certificate_again_and_open_connections_stay() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let first = certificate();
    write(folder.path(), &first);
    let mut words = arguments(&sequencer, folder.path(), &sequencer.address);
    let file = |name: &str| folder.path().join(name).display().to_string();
    words.push("--p2p.listen.wss=0".to_owned());
    words.extend([format!("--p2p.wss.cert={}", file("cert.pem")), format!("--p2p.wss.key={}", file("key.pem"))]);
    let mut node = start(&words);
    let listening = node.until("its secure address", |event| {
        event["event"] == "listening" && event["address"].as_str().unwrap().contains("/tls/ws")
    });
    let listening = listening["address"].as_str().unwrap();
    let (port, peer) = (listening.split('/').nth(4).unwrap(), id(listening));
    // The certificates are for this name.
    let address: Multiaddr = format!("/ip4/127.0.0.1/tcp/{port}/tls/sni/localhost/ws/p2p/{peer}").parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let events = follow(&runtime, &first, address.clone(), sequencer.chain().topic(Version::V4));
    assert!(events.recv_timeout(DEADLINE).unwrap(), "a block");

    let mut times = Vec::new();
    for _ in 0..3 {
        let next = certificate();
        write(folder.path(), &next);
        node.signal("HUP");
        times.push(runtime.block_on(until_presented(&next, &address)));
    }
    assert!(times[1..].iter().any(|time| *time < Duration::from_millis(2_500)), "{times:?}");
    assert!(!runtime.block_on(is_presented(&first, &address)));
    assert!(events.try_iter().all(|is_block| is_block), "the open connection has ended");
    assert!(events.recv_timeout(DEADLINE).unwrap(), "a block over the open connection");
    runtime.shutdown_background();
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
