//! Requests to a running node through its control socket: `petrel peers` and `petrel bans`.

use std::{
    fs,
    io::{Read, Write},
    os::unix::{fs::PermissionsExt, net::UnixStream},
    path::Path,
    time::{Duration, Instant},
};

use petrel_tests::{
    petrel::output,
    sequencer::{Sequencer, unix},
};
use serde_json::Value;

use crate::node::{arguments, block, start};

/// Runs `petrel` with these arguments and this data directory. Returns its exit status, stdout and stderr.
fn run_petrel(datadir: &Path, words: &[&str]) -> (Option<i32>, String, String) {
    let datadir = format!("--datadir={}", datadir.display());
    let output = output(&[words, &[&datadir]].concat());
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn id(address: &str) -> &str {
    address.rsplit('/').next().unwrap()
}

#[test]
fn peers_are_listed_with_the_parts_of_their_scores() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = start(&arguments(&sequencer, near.path(), &sequencer.address), &["--p2p.listen.ws=0"]);
    let leaf = arguments(&sequencer, far.path(), &node.address(true));
    let mut leaf = start(&leaf, &[]);
    block(&mut leaf, None);
    let (code, text, error) = run_petrel(near.path(), &["peers", "--json"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let peers = lines(&text);
    assert_eq!(peers.len(), 2, "{text}");
    let kept = peers.iter().find(|peer| peer["peer"] == id(&sequencer.address)).unwrap();
    assert_eq!((&kept["transport"], &kept["direction"]), (&"tcp".into(), &"outbound".into()));
    assert_eq!((&kept["static"], &kept["leaf"], &kept["agent"]), (&true.into(), &false.into(), &"test".into()));
    assert!(kept["earned"]["delivered"].as_f64().unwrap() > 0.0, "{kept}");
    for field in ["score", "application", "gossip", "invalid_messages", "total"] {
        assert!(kept[field].is_number(), "{field}: {kept}");
    }
    let came = peers.iter().find(|peer| peer["direction"] == "inbound").unwrap();
    assert_eq!((&came["transport"], &came["leaf"], &came["static"]), (&"ws".into(), &true.into(), &false.into()));

    let (code, text, _) = run_petrel(near.path(), &["peers"]);
    assert_eq!((code, text.lines().count()), (Some(0), 2));
    let line = text.lines().find(|line| line.starts_with(id(&sequencer.address))).unwrap();
    assert!(line.contains(" tcp outbound static ") && line.contains("(gossip ") && line.ends_with(" test"), "{line}");
    assert!(text.contains(" ws leaf inbound "), "{text}");
}

#[test]
fn bans_of_a_running_node_are_listed_added_and_lifted() {
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut node = start(&arguments(&sequencer, near.path(), &sequencer.address), &[]);
    let address = node.address(false);
    let mut other = start(&arguments(&sequencer, far.path(), &address), &[]);
    let listening = other.address(false);
    let who = id(&listening);
    let by = |event: &Value, name: &str| event["event"] == name && event["peer"] == who;
    node.until("its connection", |event| by(event, "connected"));
    let bans = |words: &[&str]| run_petrel(near.path(), &[&["bans"], words].concat());
    assert_eq!(bans(&["list"]), (Some(0), String::new(), String::new()));

    let (code, text, _) = bans(&["add", who, "--for=1h", "--reason", "not ours"]);
    assert_eq!(code, Some(0));
    let listed = lines(&text);
    assert_eq!((&listed[0]["who"], &listed[0]["reason"]), (&who.into(), &"not ours".into()));
    assert!(listed[0]["until"].as_u64().unwrap() > unix().as_secs() + 3_500);
    assert_eq!(node.event("banned")["reason"], "not ours");
    let gone = node.until("its end", |event| by(event, "disconnected"));
    assert!(gone["reason"].as_str().unwrap().starts_with("banned"), "{gone}");
    assert_eq!(lines(&bans(&["list"]).1), listed);
    // It replaces the existing ban, even if that one is longer.
    assert_eq!(bans(&["add", who, "--for=30m"]).0, Some(0));
    assert!(lines(&bans(&["list"]).1)[0]["until"].as_u64() < listed[0]["until"].as_u64());
    assert_eq!(bans(&["add", "198.51.100.7/24"]).0, Some(0));

    let refused = |words: &[&str], why: &str| {
        let (code, said, error) = bans(words);
        assert!(code == Some(2) && said.is_empty() && error.contains(why), "{words:?}: {code:?} {said} {error}");
    };
    refused(&["add", id(&sequencer.address)], "a static peer is never banned");
    refused(&["add", "nobody"], "neither a peer id");
    refused(&["add", "192.0.2.1", "--for=2y"], "--for");
    refused(&["add", "192.0.2.1", "--reason", &"x".repeat(300)], "--reason");
    refused(&["lift", "192.0.2.9"], "is not banned");

    // An operator's bans are on disk when the node ends.
    block(&mut node, None);
    node.end("TERM");
    let kept = lines(&bans(&["list"]).1);
    assert_eq!(kept.len(), 2, "{kept:?}");
    let port = format!("--p2p.listen.tcp={}", address.split('/').nth(4).unwrap());
    let mut words = arguments(&sequencer, near.path(), &sequencer.address);
    words.retain(|word| word != "--p2p.listen.tcp=0");
    let mut node = start(&words, &[&port]);
    node.address(false);
    assert_eq!(bans(&["lift", who]), (Some(0), String::new(), String::new()));
    assert_eq!(node.event("unbanned")["who"], who);
    node.until("its return", |event| by(event, "connected"));
}

/// A socket's address has room for some hundred bytes.
#[test]
fn a_node_is_reached_in_a_folder_with_a_long_path() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let deep = folder.path().join("x".repeat(120)).join("y".repeat(120));
    fs::create_dir_all(&deep).unwrap();
    let (code, _, error) = run_petrel(&deep, &["peers"]);
    assert!(code == Some(2) && error.contains("no node runs with this --datadir"), "{error}");
    let mut node = start(&arguments(&sequencer, &deep, &sequencer.address), &[]);
    block(&mut node, None);
    let (code, text, error) = run_petrel(&deep, &["peers"]);
    assert_eq!((code, error.as_str(), text.lines().count()), (Some(0), "", 1), "{text}");
    assert_eq!(run_petrel(&deep, &["bans", "add", "192.0.2.1", "--for=1h"]).0, Some(0));
    node.end("TERM");
    assert!(!deep.join("petrel.sock").exists(), "it goes with the node");
}

#[test]
fn the_socket_belongs_to_the_owner_bounds_requests_and_is_replaced_after_a_kill() {
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let words = arguments(&sequencer, folder.path(), &sequencer.address);
    let socket = folder.path().join("petrel.sock");
    let mut node = start(&words, &[]);
    block(&mut node, None);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    let ask = |bytes: &[u8]| {
        let mut stream = UnixStream::connect(&socket).unwrap();
        // A request that is too long gets its response before its end.
        let _broken = stream.write_all(bytes);
        let mut answer = String::new();
        let _reset = stream.read_to_string(&mut answer);
        answer
    };
    for wrong in ["\n", "{}\n", "{\"ask\":\"peers\",\"more\":1}\n", "{\"ask\":\"nothing\"}\n", "[[[[\n"] {
        let answer = ask(wrong.as_bytes());
        assert!(answer.starts_with("{\"error\":\"not a request") && answer.ends_with("\n"), "{wrong}: {answer}");
    }
    assert!(ask("{\"ask\":\"ban\",\"who\":\"192.0.2.1\",\"secs\":0,\"reason\":\"\"}\n".as_bytes()).contains("error"));
    assert!(ask(&[b' '; 64 << 10]).contains("one line of at most 65536 bytes"));
    assert!(ask(b"{\"ask\":\"bans\"}\n").starts_with("{\"bans\":[]}"));

    // Clients that send nothing are disconnected after their timeout, and then others are served. The node continues meanwhile.
    let began = Instant::now();
    let silent: Vec<UnixStream> = (0..8).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    assert!(ask(b"{\"ask\":\"bans\"}\n").starts_with("{\"bans\":[]}"));
    let waited = began.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(60)).contains(&waited), "{waited:?}");
    drop(silent);
    block(&mut node, None);

    node.end("KILL");
    assert!(socket.exists(), "a kill does not remove it");
    let (code, _, error) = run_petrel(folder.path(), &["peers"]);
    assert!(code == Some(2) && error.contains("no node runs with this --datadir"), "{error}");
    assert_eq!(run_petrel(folder.path(), &["bans", "list"]).0, Some(0));
    let mut node = start(&words, &[]);
    block(&mut node, None);
    assert_eq!(run_petrel(folder.path(), &["peers"]).1.lines().count(), 1);
    node.end("TERM");
    assert!(!socket.exists(), "the node removes it at its end");

    // A file that is not a socket belongs to someone else: the node does not remove it, logs a warning and continues.
    fs::write(&socket, "mine").unwrap();
    let mut node = start(&words, &[]);
    block(&mut node, None);
    node.until_stderr("there is no socket");
    assert_eq!(fs::read_to_string(&socket).unwrap(), "mine");
}
