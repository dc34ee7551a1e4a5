//! `petrel devnet`: a chain, a follower and a page in one command.

use serde_json::Value;

use crate::process::{Process, output};

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
    let mut next = || devnet.until("a block", |event| event["event"] == "block" && event["via"] == "gossip");
    let mut blocks: Vec<Value> = (0..6).map(|_| next()).collect();
    // Those that came at once are judged at once.
    blocks.sort_by_key(|block| block["number"].as_u64());
    let mut versions = Vec::new();
    let mut parent = Value::Null;
    for (number, block) in (1..).zip(blocks) {
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
