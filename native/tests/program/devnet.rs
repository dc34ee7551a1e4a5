//! `petrel devnet`: a chain, a follower and a page in one command.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use serde_json::Value;

use crate::process::{Process, output};

/// The body of a GET.
fn get(url: &str) -> String {
    let rest = url.strip_prefix("http://").unwrap();
    let (host, path) = rest.split_once('/').unwrap();
    let mut stream = TcpStream::connect(host).unwrap();
    write!(stream, "GET /{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    body.to_owned()
}

#[test]
fn it_ends_after_so_many_verified_blocks_and_had_shown_the_page() {
    let output = output(&["devnet", "--blocks", "3", "--block-time", "1s", "--block-bytes", "10kB"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("http://127.0.0.1:"), "{text}");
    let blocks = text.lines().filter(|line| line.contains("0x")).count();
    assert!(blocks >= 3, "{text}");
}

#[test]
fn forks_are_crossed_while_it_runs() {
    let schedule = "regolith,canyon@2,ecotone@3,isthmus@4,jovian@5";
    let mut devnet =
        Process::start(&["devnet", "--block-time=1s", "--block-bytes=5kB", "--blocks=6", "--fork", schedule]);
    let mut versions = Vec::new();
    let mut parent = Value::Null;
    for number in 1..=6 {
        let block = devnet.until("a block", |event| event["event"] == "block" && event["via"] == "gossip");
        assert_eq!(block["number"], number);
        assert!(parent.is_null() || block["parent"] == parent, "{block}");
        versions.push(block["version"].as_str().unwrap().to_owned());
        parent = block["hash"].clone();
    }
    versions.dedup();
    assert_eq!(versions, ["V1", "V2", "V3", "V4"]);
    assert_eq!(devnet.wait().code(), Some(0));
}

#[test]
fn followers_that_lose_messages_close_their_gaps_and_end_at_one_block() {
    let mut devnet = Process::start(&[
        "devnet",
        "--block-time=1s",
        "--block-bytes=5kB",
        "--blocks=8",
        "--followers=3",
        "--drop=0.4",
    ]);
    let mut closed = 0;
    let mut heads = [Value::Null, Value::Null, Value::Null];
    let end = devnet.until("the end", |event| {
        let which = event["follower"].as_u64().unwrap_or(1) as usize - 1;
        match event["event"].as_str() {
            Some("gap") => closed += u32::from(event["state"] == "closed"),
            Some("head") => heads[which] = event["hash"].clone(),
            _ => {}
        }
        event["event"] == "heads"
    });
    assert_eq!(devnet.wait().code(), Some(0));
    assert_eq!(end["equal"], true, "{end}");
    assert!(heads.iter().all(|head| *head == heads[0] && !head.is_null()), "{heads:?}");
    assert!(closed > 0, "0.4 of some thirty messages were lost, and no gap was closed");
}

#[test]
fn the_page_is_served_with_the_relay_it_needs() {
    let mut devnet = Process::start(&["devnet", "--block-time=1s"]);
    devnet.event("block");
    let said = devnet.said("/\n");
    let url = said.split_whitespace().find(|word| word.starts_with("http://")).expect("the page's address");
    let url = format!("{}/", url.trim_end_matches('/'));
    assert!(get(&url).contains("<html"));
    get(&format!("{url}healthz"));
    let relay: Value = serde_json::from_str(&get(&format!("{url}relay.json"))).unwrap();
    assert_eq!(relay["chain"]["l2_chain_id"], 9_022_110);
    assert!(relay["signer"].as_str().unwrap().starts_with("0x"));
    assert!(relay["relays"][0].as_str().unwrap().contains("/ws/p2p/16Uiu2HA"), "{relay}");
    assert_eq!(devnet.end("TERM").code(), Some(0));
}
