//! Reputation, range sync and store.

use std::time::Duration;

use petrel_core::config::{Rate, ReputationConfig};
use petrel_node::store::StoreBudget;

use super::harness::{PEER, assert_reported, node};

#[test]
fn reputation_defaults_are_op_nodes_and_can_be_set() {
    let usual = node(&["--network", "op-mainnet"]).unwrap().config.reputation.clone();
    assert_eq!(usual, ReputationConfig::default());
    assert_eq!((usual.ban_threshold, usual.min_score, usual.ban_duration.as_secs()), (-100.0, None, 3600));
    let given = node(&[
        "--network=op-mainnet",
        "--p2p.scoring=none",
        "--p2p.ban.peers=false",
        "--p2p.ban.threshold=-50",
        "--p2p.ban.duration=90s",
        "--p2p.netrestrict=10.1.2.3/8,2001:db8::/32",
        "--p2p.peers.lo=5",
        "--p2p.peers.hi=9",
        "--p2p.peers.grace=1m",
    ]);
    let given = given.unwrap().config;
    assert_eq!((given.connections.low, given.connections.high, given.connections.grace.as_secs()), (5, 9, 60));
    let given = given.reputation.clone();
    assert!(!given.scoring && !given.bans);
    assert_eq!((given.ban_threshold, given.min_score, given.ban_duration.as_secs()), (-50.0, None, 90));
    assert_eq!(given.restrict.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "2001:db8::/32"]);
    let own = node(&["--network=op-mainnet", "--p2p.gate.min-score", "-20"]).unwrap();
    assert_eq!(own.config.reputation.min_score, Some(-20.0));
}

#[test]
fn all_invalid_values_of_reputation_are_reported() {
    let statics = format!("--p2p.static=/ip4/1.2.3.4/tcp/9222/p2p/{PEER}");
    let mistakes = node(&[
        "--network=op-mainnet",
        "--p2p.scoring=hard",
        "--p2p.ban.threshold=much",
        "--p2p.ban.duration=0s",
        "--p2p.gate.min-score=5",
        "--p2p.netrestrict=10.0.0.0/33,10.0.0.0/8",
        "--p2p.peers.lo=40",
        "--p2p.peers.grace=soon",
        &statics,
    ])
    .unwrap_err();
    let expected = [
        "--p2p.scoring: \"hard\"",
        "--p2p.ban.threshold: \"much\"",
        "a ban of 0ns is not possible: it must last a second to a year",
        "the minimum score is 5",
        "the low watermark is 40 and the high",
        "--p2p.peers.grace",
        "--p2p.netrestrict: \"10.0.0.0/33\"",
        "1.2.3.4 is in none of the networks",
    ];
    assert_reported(&mistakes, &expected);
    let endless = node(&["--network=op-mainnet", "--p2p.ban.duration=9000h", "--p2p.ban.threshold=nan"]).unwrap_err();
    assert_reported(&endless, &["it must last a second to a year", "the ban threshold is NaN"]);
}

#[test]
fn sync_and_store_defaults_are_op_nodes_and_can_be_set() {
    let settings = node(&["--network", "op-mainnet"]).unwrap();
    let sync = settings.config.sync;
    assert!(sync.enabled && sync.serve && !sync.static_only);
    assert_eq!(sync.max_gap, Duration::from_secs(12 * 3600));
    assert_eq!((sync.limits.all, sync.limits.peer), (Some(Rate::new(20, 40)), Some(Rate::new(4, 15))));
    assert_eq!(settings.budget, StoreBudget { blocks: 43_200, bytes: 8 << 30 });

    let settings = node(&[
        "--network=op-mainnet",
        "--p2p.sync.req-resp=false",
        "--p2p.sync.onlyreqtostatic",
        "--p2p.gossip.mesh.floodpublish=false",
        "--p2p.sync.max-gap=10m",
        "--p2p.sync.limit=0",
        "--p2p.sync.peer-limit=8/30",
        "--p2p.sync.leaf-bytes=0",
        "--store.blocks=100",
        "--store.bytes=1GiB",
    ])
    .unwrap();
    let sync = settings.config.sync;
    assert!(!sync.enabled && sync.static_only);
    assert_eq!(sync.max_gap, Duration::from_secs(600));
    assert_eq!((sync.limits.all, sync.limits.peer, sync.limits.leaf_bytes), (None, Some(Rate::new(8, 30)), None));
    assert_eq!(settings.budget, StoreBudget { blocks: 100, bytes: 1 << 30 });
}

#[test]
fn all_invalid_values_of_sync_and_store_are_reported() {
    let mistakes = node(&[
        "--network=op-mainnet",
        "--p2p.sync.max-gap=much",
        "--p2p.sync.limit=20",
        "--p2p.sync.peer-limit=0/5",
        "--p2p.sync.leaf-bytes=much",
        "--store.blocks",
        "-1",
        "--store.bytes=1TB",
    ])
    .unwrap_err();
    let expected = [
        "--p2p.sync.max-gap",
        "--p2p.sync.limit",
        "--p2p.sync.peer-limit",
        "--p2p.sync.leaf-bytes",
        "--store.blocks",
        "--store.bytes",
    ];
    assert_reported(&mistakes, &expected);
    let mistakes =
        node(&["--network=op-mainnet", "--p2p.sync.max-gap=1s", "--p2p.sync.leaf-bytes=4kB", "--store.bytes=0"])
            .unwrap_err();
    assert_reported(&mistakes, &["shorter than the block interval", "1MiB", "--store.blocks=0"]);
    let none = node(&["--network=op-mainnet", "--p2p.sync.max-gap=0", "--p2p.sync.leaf-bytes=0"]).unwrap();
    assert_eq!((none.config.sync.max_gap, none.config.sync.limits.leaf_bytes), (Duration::ZERO, None));
}
