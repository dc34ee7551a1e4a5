//! An operator's settings of op-node start the daemon, and it says what it does not use; the formats of the log.

use std::process::Command;

use petrel_tests::{petrel, process::Process};
use serde_json::Value;

const ENVIRONMENT: &str = include_str!("../../native/tests/native/operators/unichain-mainnet.env");

/// The daemon without a network of its own, with these arguments in addition.
fn isolated(folder: &std::path::Path, more: &[&str]) -> Command {
    let mut command = petrel::command(&["node", "--p2p.disable", "--p2p.no-discovery", "--datadir"]);
    command.arg(folder).args(more);
    command
}

#[test]
fn the_environment_of_an_operator_starts_the_daemon_with_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = isolated(folder.path(), &["--metrics.port=0", "--metrics.addr=127.0.0.1", "--p2p.priv.path"]);
    command.arg(folder.path().join("p2p_priv.txt"));
    command.envs(ENVIRONMENT.lines().filter_map(|line| line.split_once('=')));
    let node = Process::start("petrel", &mut command);
    let lines = node.until_stderr("OP_NODE_SYNCMODE is not used: Petrel gives its blocks to no execution client");
    let line = lines.lines().find(|line| line.contains("OP_NODE_SYNCMODE")).unwrap();
    assert!(line.contains("level=warn") && line.contains("ts="), "OP_NODE_LOG_FORMAT=logfmt: {line}");
    node.until_stderr("OP_NODE_L2_ENGINE_RPC is not used");
    // Signals are heard by now.
    node.until_stderr("as gathered on");
    assert_eq!(node.end("TERM").code(), Some(0));
}

#[test]
fn a_json_log_has_one_object_on_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = isolated(
        folder.path(),
        &["--network=op-sepolia", "--log.format=JSON", "--log.level=CRIT,petrel_node=warn", "--l2", "x"],
    );
    let node = Process::start("petrel", &mut command);
    let lines = node.until_stderr("--l2 is not used");
    let line = lines.lines().find(|line| line.contains("--l2 is not used")).unwrap();
    let object: Value = serde_json::from_str(line).unwrap();
    assert_eq!((&object["level"], &object["message"].is_string()), (&"WARN".into(), &true), "{object}");
    assert!(object["timestamp"].is_string() && object["target"].is_string(), "{object}");
}
