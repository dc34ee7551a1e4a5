//! The chain, its cadence, and what follows from it.

use std::{fs, time::Duration};

use petrel_core::chain::Chain;
use serde_json::json;

use super::harness::{assert_reported, node, steps};

#[test]
fn one_existing_chain_must_be_given() {
    assert_reported(&node(&["--network=op-manet"]).unwrap_err(), &["\"op-manet\""]);
    assert!(node(&["--network=op-manet"]).unwrap_err()[0].contains("op-mainnet"), "similar names are suggested");
    assert_reported(&node(&["--network=op-mainnet", "--rollup.config=x.json"]).unwrap_err(), &["both given"]);
    assert_reported(&node(&["--rollup.config=/nowhere/x.json"]).unwrap_err(), &["cannot read /nowhere/x.json"]);
    let folder = tempfile::tempdir().unwrap();
    let rollup = folder.path().join("rollup.json");
    fs::write(&rollup, r#"{"l2_chain_id": 7}"#).unwrap();
    let mistakes = node(&["--rollup.config", rollup.to_str().unwrap()]).unwrap_err();
    assert!(mistakes[0].contains("rollup.json") && mistakes[0].contains("genesis.l2 is missing"), "{mistakes:?}");
}

#[test]
fn a_network_may_be_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("base.json");
    let preset = Chain::preset("base-mainnet").unwrap();
    fs::write(&file, preset.to_rollup_json().to_string()).unwrap();
    let settings = node(&["--network", file.to_str().unwrap()]).unwrap();
    assert_eq!(settings.config.chain, preset);
    assert_eq!(settings.config.signer, preset.signer);
    assert_reported(&node(&["--network=/nowhere/x.json"]).unwrap_err(), &["--network: cannot read /nowhere/x.json"]);
    fs::write(&file, "{}").unwrap();
    let mistakes = node(&["--network", file.to_str().unwrap()]).unwrap_err();
    assert!(mistakes[0].starts_with("--network: ") && mistakes[0].contains("base.json"), "{mistakes:?}");
}

#[test]
fn a_given_cadence_follows_the_configured_one() {
    let genesis = Chain::preset("op-mainnet").unwrap().genesis;
    let since = genesis.time + 1_000_001;
    let given = [format!("{since}=200ms"), format!("{}=50ms", since + 9)];
    let given = node(&["--network=op-mainnet", &format!("--rollup.cadence={}", given.join(","))]).unwrap();
    // The step begins with the first block that is due at that time or later.
    let first = genesis.number + 500_001;
    assert_eq!(steps(&given.config.chain.cadence), [(genesis.number, 2000), (first, 200), (first + 40, 50)]);
    assert!(!given.config.chain.certain, "the operator's cadence gives no rule on block times");
    let usual = node(&["--network=op-mainnet"]).unwrap();
    assert_eq!((steps(&usual.config.chain.cadence), usual.config.chain.certain), (vec![(genesis.number, 2000)], true));
    // The number of stored blocks follows from the cadence.
    let quick = node(&["--network=op-mainnet", "--rollup.cadence=1700000000=200ms"]).unwrap();
    assert_eq!(quick.budget.blocks, 432_000);
}

#[test]
fn an_invalid_cadence_is_reported() {
    for (given, why) in [
        ("1900000000", "expected UNIX=INTERVAL"),
        ("soon=200ms", "expected UNIX=INTERVAL"),
        ("1900000000=200", "no duration"),
        ("1900000000=0", "the interval is 0 ms"),
        ("1900000000=1500us", "expected whole milliseconds"),
        ("1900000000=2h", "must be 1 to 3600000"),
        // Not in rising order, and two steps at the same block.
        ("1900000000=200ms,1800000000=100ms", "\"1800000000=100ms\": step 2 goes back"),
        ("1900000000=200ms,1900000000=100ms", "\"1900000000=100ms\": step 2 goes back"),
    ] {
        let mistakes = node(&["--network=op-mainnet", &format!("--rollup.cadence={given}")]).unwrap_err();
        assert_reported(&mistakes, &[why]);
        assert!(mistakes[0].starts_with("--rollup.cadence: "), "{mistakes:?}");
    }
    // Base's preset has Denim's step already.
    let mistakes = node(&["--network=base-mainnet", "--rollup.cadence=1793901600=200ms"]).unwrap_err();
    assert_reported(&mistakes, &["--rollup.cadence: \"1793901600=200ms\": step 2 goes back"]);
    // A file with overlapping steps.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rollup.json");
    let mut json = Chain::preset("op-mainnet").unwrap().to_rollup_json();
    let step = |number: u64, time_ms: u64| json!({ "number": number, "time_ms": time_ms, "interval_ms": 2000 });
    json["petrel"]["cadence"] = json!([step(0, 1_000_000), step(100, 1_100_000)]);
    fs::write(&file, json.to_string()).unwrap();
    let mistakes = node(&["--rollup.config", file.to_str().unwrap()]).unwrap_err();
    assert_reported(&mistakes, &["petrel.cadence: step 1 overlaps the one before it"]);
}

#[test]
fn times_are_converted_to_blocks_by_the_cadence() {
    let blocks = |network: &str, kept: &str| {
        node(&["--network", network, &format!("--store.blocks={kept}")]).unwrap().budget.blocks
    };
    assert_eq!((blocks("base-mainnet", "24h"), blocks("op-mainnet", "24h")), (432_000, 43_200));
    assert_eq!((blocks("base-mainnet", "100"), blocks("op-mainnet", "100")), (100, 100));
    assert_eq!(blocks("base-mainnet", "0"), 0);
    let mistakes = node(&["--network=base-mainnet", "--store.blocks=a day"]).unwrap_err();
    assert_reported(&mistakes, &["--store.blocks: \"a day\""]);
    // Twelve hours of such blocks are 216,000, which is allowed.
    let base = node(&["--network=base-mainnet"]).unwrap();
    assert_eq!((base.config.sync.max_gap, base.budget.blocks), (Duration::from_secs(12 * 3600), 432_000));
    // One second is longer than the block interval.
    assert!(node(&["--network=base-mainnet", "--p2p.sync.max-gap=1s"]).is_ok());
    let mistakes = node(&["--network=base-mainnet", "--p2p.sync.max-gap=100ms"]).unwrap_err();
    assert_reported(&mistakes, &["shorter than the block interval of 200ms"]);
    // Limits that are not given follow from the cadence.
    let by_cadence =
        |more: &[&str]| node(&[&["--network=base-mainnet"], more].concat()).unwrap().config.sync.limits.by_cadence;
    assert!(by_cadence(&[]));
    assert!(!by_cadence(&["--p2p.sync.limit=20/40"]) && !by_cadence(&["--p2p.sync.peer-limit=4/15"]));
}
