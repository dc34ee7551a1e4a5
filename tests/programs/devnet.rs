//! `petrel devnet`: a chain, a follower and a page in one command.

use std::collections::BTreeSet;

use serde_json::Value;

use petrel_tests::petrel::{self, output};

#[test]
fn it_ends_after_the_given_number_of_verified_blocks_and_prints_the_pages_address() {
    let output = output(&["devnet", "--blocks", "3", "--block-time", "1s", "--block-bytes", "10kB"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{text}");
    assert!(text.contains("http://127.0.0.1:"), "{text}");
    let blocks = text.lines().filter(|line| line.contains("0x")).count();
    assert!(blocks >= 3, "{text}");
}

#[test]
fn forks_activate_while_it_runs() {
    let schedule = "regolith,canyon@2,ecotone@3,isthmus@4,jovian@5";
    let mut devnet =
        petrel::start(&["devnet", "--block-time=1s", "--block-bytes=5kB", "--blocks=6", "--fork", schedule]);
    let mut next = || devnet.until("a block", |event| event["event"] == "block" && event["via"] == "gossip");
    let mut blocks: Vec<Value> = (0..6).map(|_| next()).collect();
    // Blocks that arrived together are validated together.
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
fn followers_with_packet_loss_close_their_gaps_and_end_at_the_same_block() {
    let mut devnet =
        petrel::start(&["devnet", "--block-time=1s", "--block-bytes=5kB", "--blocks=8", "--followers=3", "--drop=0.4"]);
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

/// Runs a devnet until it exits with status 0. Returns its blocks, and its last event if there are several followers.
fn to_the_end(args: &[&str]) -> (Vec<Value>, Option<Value>) {
    let mut devnet = petrel::start(&[&["devnet", "--block-bytes=5kB"], args].concat());
    assert_eq!(devnet.wait().code(), Some(0));
    devnet.pass_all();
    let passed = devnet.passed();
    let of = |name: &'static str| passed.iter().filter(move |event| event["event"] == name);
    assert_eq!(of("schedule_mismatch").next(), None);
    assert_eq!(of("rejected").next(), None);
    (of("block").cloned().collect(), of("heads").next().cloned())
}

/// The milliseconds within the second of the blocks' times.
fn millis(blocks: &[Value]) -> BTreeSet<u64> {
    let own = |block: &Value| block["timestamp_ms"].as_u64().unwrap();
    assert!(blocks.iter().all(|block| block["timestamp"].as_u64() == Some(own(block) / 1000)), "{blocks:?}");
    blocks.iter().map(|block| own(block) % 1000).collect()
}

/// A block's number and its own time, Unix milliseconds.
fn times(blocks: &[Value]) -> BTreeSet<(u64, u64)> {
    let pair = |block: &Value| (block["number"].as_u64().unwrap(), block["timestamp_ms"].as_u64().unwrap());
    blocks.iter().map(pair).collect()
}

#[test]
fn denims_blocks_arrive_every_200_ms_and_followers_with_packet_loss_get_all_of_them() {
    let args = ["--block-time=200ms", "--fork=denim", "--followers=3", "--drop=0.1", "--blocks=100"];
    let (blocks, end) = to_the_end(&args);
    let end = end.unwrap();
    assert_eq!((&end["equal"], &end["followers"]), (&true.into(), &3.into()), "{end}");
    // Some of the hundred blocks may wait for a lost one.
    assert!(end["number"].as_u64() >= Some(80), "{end}");
    assert_eq!(millis(&blocks), BTreeSet::from([0, 200, 400, 600, 800]));
    assert!(times(&blocks).iter().zip(times(&blocks).iter().skip(1)).all(|(a, b)| b.1 - a.1 == 200 * (b.0 - a.0)));
    for follower in 1..=3 {
        let verified = blocks.iter().filter(|block| block["follower"] == follower).count();
        assert!(verified >= 80, "{follower} has {verified}");
    }
    assert!(
        blocks.iter().any(|block| block["via"] == "sync"),
        "a tenth of the messages is lost, and no block was fetched"
    );
}

#[test]
fn a_devnet_changes_to_denims_interval_while_it_runs() {
    let (blocks, _) = to_the_end(&["--fork=denim@5", "--block-time=1s", "--blocks=25"]);
    assert_eq!(millis(&blocks), BTreeSet::from([0, 200, 400, 600, 800]));
    let times = times(&blocks);
    assert!(times.len() >= 25);
    // The old interval is before Denim's first block, the new one after it.
    let (_, first) = *times.iter().find(|(number, _)| *number == 5).unwrap();
    for (number, time) in times {
        let due = if number <= 5 { first - 1000 * (5 - number) } else { first + 200 * (number - 5) };
        assert_eq!(time, due, "block {number}");
    }
}

#[test]
fn a_devnet_without_denim_has_its_milliseconds_in_the_mix_digest() {
    let (blocks, _) = to_the_end(&["--block-time=250ms", "--blocks=20"]);
    assert_eq!(millis(&blocks), BTreeSet::from([0, 250, 500, 750]));
    assert!(times(&blocks).len() >= 20);
}
