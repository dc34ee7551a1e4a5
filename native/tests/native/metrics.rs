//! Metrics of a chain's reorgs, forks and block interval.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use petrel_core::{
    Event,
    chain::Chain,
    config::Config,
    event::{Reorg, ScheduleMismatch},
    node::Node,
    persistence::RestoredState,
    time::Now,
};
use petrel_node::{network::transport::TrafficCounters, serve::control::NodeSnapshot, serve::metrics::Metrics};

/// A time at which Denim is active on Base Mainnet.
const NOW: Now = Now { mono: Duration::ZERO, unix: Duration::from_secs(1_796_013_600) };

/// The snapshot of a node of Base Mainnet that has received no block yet.
fn snapshot() -> NodeSnapshot {
    let config = Config::new(Chain::preset("base-mainnet").unwrap()).settle().unwrap();
    NodeSnapshot { status: Node::new(config, &RestoredState::default(), [0; 32], NOW).status(NOW), peers: Vec::new() }
}

/// The values by name with labels.
fn values(metrics: &Metrics, now: &NodeSnapshot) -> BTreeMap<String, f64> {
    let text = metrics.text(now).unwrap();
    let values = text.lines().filter(|line| !line.starts_with('#')).map(|line| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    });
    values.collect()
}

fn reorg(depth: u64) -> Event {
    Event::Reorg(Reorg { from: 10, to: 9 + depth, depth, hashes: Vec::new() })
}

fn mismatch(fork: &'static str) -> Event {
    Event::ScheduleMismatch(ScheduleMismatch { number: 7, timestamp: 1_000, fork, remedy: String::new() })
}

#[test]
fn reorgs_forks_and_the_block_interval_are_measured() {
    let metrics = Metrics::new(TrafficCounters::default(), Arc::default()).unwrap();
    let mut now = snapshot();
    let before = values(&metrics, &now);
    assert_eq!((before["petrel_reorgs_total"], before["petrel_reorg_depth_count"]), (0.0, 0.0));
    assert_eq!((before["petrel_sequencer_skew"], before["petrel_clock_skew"]), (0.0, 0.0));
    assert_eq!(before["petrel_block_interval_seconds"], 0.2);
    assert!(!before.keys().any(|name| name.starts_with("petrel_schedule_mismatch")));

    [reorg(1), reorg(3), reorg(600), mismatch("lagoon"), mismatch("denim")]
        .iter()
        .for_each(|event| metrics.on_event(event));
    now.status.validation.sequencer_skew = true;
    now.status.interval_ms = 2000;
    let after = values(&metrics, &now);
    assert_eq!((after["petrel_reorgs_total"], after["petrel_reorg_depth_sum"]), (3.0, 604.0));
    assert_eq!(
        (after["petrel_reorg_depth_bucket{le=\"1\"}"], after["petrel_reorg_depth_bucket{le=\"500\"}"]),
        (1.0, 2.0)
    );
    for fork in ["lagoon", "denim"] {
        assert_eq!(after[&format!("petrel_schedule_mismatch{{fork=\"{fork}\"}}")], 1.0);
    }
    assert_eq!((after["petrel_sequencer_skew"], after["petrel_clock_skew"]), (1.0, 0.0));
    // The names of version 0.1 are still served.
    assert_eq!((after["petrel_sequencer_clock_doubt"], after["petrel_clock_doubt"]), (1.0, 0.0));
    assert_eq!(after["petrel_block_interval_seconds"], 2.0);
}

/// The rules of promtool: each metric has a help text, counters and no other metrics end in `_total`, and units are whole words.
#[test]
fn our_names_and_help_texts_follow_prometheus_rules() {
    let metrics = Metrics::new(TrafficCounters::default(), Arc::default()).unwrap();
    metrics.on_event(&mismatch("jovian"));
    let text = metrics.text(&snapshot()).unwrap();
    let lines = |kind: &str| -> BTreeMap<String, String> {
        let found = text.lines().filter_map(|line| line.strip_prefix(kind)?.split_once(' '));
        found.map(|(name, rest)| (name.to_owned(), rest.to_owned())).collect()
    };
    let (helps, types) = (lines("# HELP "), lines("# TYPE "));
    let ours = types.iter().filter(|(name, _)| name.starts_with("petrel_"));
    for (name, kind) in ours.clone() {
        assert!(helps[name].len() > 10 && !helps[name].ends_with('.'), "{name}: {}", helps[name]);
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
        assert!(!["_count", "_sum", "_bucket", "_ms", "_info"].iter().any(|end| name.ends_with(end)), "{name}");
    }
    let expected = ["reorgs_total", "reorg_depth", "schedule_mismatch", "block_interval_seconds", "sequencer_skew"];
    for name in expected {
        assert!(ours.clone().any(|(found, _)| *found == format!("petrel_{name}")), "{name}");
    }
    assert_eq!(
        (types["petrel_reorg_depth"].as_str(), types["petrel_schedule_mismatch"].as_str()),
        ("histogram", "gauge")
    );
}
