//! Forks, presets, `rollup.json`, configuration.

use core::time::Duration;

use alloy_primitives::address;
use petrel_core::{
    chain::{Chain, Origin, SNAPSHOT_DATE, preset_names},
    config::{Config, Mesh, Static},
    fork::{Fork, Forks, Version},
    peer::PeerId,
};

use crate::{forge, vectors};

#[test]
fn a_fork_is_active_from_its_own_second() {
    let (chain, _) = vectors::devnet();
    for fork in Fork::TIMED.into_iter().skip(1) {
        let time = chain.forks.time(fork).unwrap();
        assert!(chain.forks.active(fork, time), "{fork}");
        assert!(!chain.forks.active(fork, time - 1), "{fork}");
        assert_eq!(chain.fork_at(time), fork);
    }
}

#[test]
fn the_version_follows_the_fork() {
    let (chain, _) = vectors::devnet();
    let at = |fork| chain.forks.time(fork).unwrap();
    assert_eq!(chain.version_at(at(Fork::Canyon) - 1), Version::V1);
    assert_eq!(chain.version_at(at(Fork::Canyon)), Version::V2);
    assert_eq!(chain.version_at(at(Fork::Ecotone) - 1), Version::V2);
    assert_eq!(chain.version_at(at(Fork::Ecotone)), Version::V3);
    assert_eq!(chain.version_at(at(Fork::Isthmus) - 1), Version::V3);
    assert_eq!(chain.version_at(at(Fork::Isthmus)), Version::V4);
    assert_eq!(chain.version_at(u64::MAX), Version::V4);
    assert_eq!(Forks::none().version_at(u64::MAX), Version::V1);
}

#[test]
fn op_mainnet_is_as_the_registry_says() {
    let chain = Chain::preset("op-mainnet").unwrap();
    assert_eq!((chain.id, chain.l1, chain.block_time), (10, 1, 2));
    assert_eq!((chain.genesis.number, chain.genesis.time), (105_235_063, 1_686_068_903));
    assert_eq!(chain.forks.time(Fork::Karst), Some(1_783_526_401));
    assert_eq!(chain.signer, Some(address!("AAAA45d9549EDA09E70937013520214382Ffc4A2")));
    assert_eq!(chain.topic(Version::V4), "/optimism/10/3/blocks");
    assert_eq!(chain.origin, Origin::Preset);
    assert_eq!(Chain::preset("10"), Some(chain));
    assert_eq!(SNAPSHOT_DATE.len(), "2026-08-04".len());
}

#[test]
fn every_preset_is_found_by_each_of_its_names_and_can_be_settled() {
    for name in preset_names() {
        let chain = Chain::preset(name.slug).unwrap_or_else(|| panic!("{}", name.slug));
        assert_eq!(Chain::preset(&name.id.to_string()).map(|chain| chain.id), Some(name.id));
        assert_eq!(chain.slug(), Some(name.slug));
        Config::new(chain).settle().unwrap_or_else(|error| panic!("{}: {error}", name.slug));
    }
    assert!(preset_names().count() > 50);
    assert_eq!(Chain::preset("no-such-chain"), None);
}

#[test]
fn a_rollup_json_is_read_and_written_the_same() {
    let (chain, _) = vectors::devnet();
    assert_eq!((chain.id, chain.l1, chain.block_time), (90_210, 900, 2));
    assert_eq!(chain.signer, None);
    assert_eq!(chain.number_at(chain.genesis.time + 7), Some(3));
    assert_eq!(chain.number_at(chain.genesis.time - 1), None);
    let written = chain.to_rollup_json().to_string();
    assert_eq!(Chain::from_rollup_json(written.as_bytes()), Ok(chain));
}

#[test]
fn an_unknown_later_fork_is_carried() {
    let mut json = vectors::json("gossip/op-node-devnet/rollup.json");
    json["lagoon_time"] = 1_900_000_000.into();
    let chain = Chain::from_rollup_json(json.to_string().as_bytes()).unwrap();
    assert_eq!(chain.forks.later(), [("lagoon".to_owned(), 1_900_000_000)]);
    assert_eq!(chain.version_at(2_000_000_000), Version::V4);
}

#[test]
fn every_mistake_of_a_rollup_json_is_named_at_once() {
    let json = r#"{ "block_time": 0, "l2_chain_id": "ten", "genesis": { "l2_time": 1 }, "canyon_time": 9, "delta_time": 5,
        "ecotone_time": "soon" }"#;
    let error = Chain::from_rollup_json(json.as_bytes()).unwrap_err().to_string();
    for part in [
        "block_time",
        "l2_chain_id",
        "l1_chain_id",
        "genesis.l2",
        "hash",
        "ecotone_time must",
        "delta_time 5",
        "regolith",
    ] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    for json in ["", "[]", "{", "nonsense"] {
        assert!(Chain::from_rollup_json(json.as_bytes()).is_err());
    }
}

#[test]
fn every_mistake_of_a_configuration_is_named_at_once() {
    let mut config = forge::config();
    config.chain.block_time = 0;
    config.mesh = Mesh { d: 5, lo: 6, hi: 0, lazy: 1001, flood_publish: false };
    config.statics = vec![Static { peer: PeerId::from_bytes(&[1]).unwrap(), addresses: Vec::new() }];
    let error = config.settle().unwrap_err().to_string();
    for part in ["block time is 0", "dhi is 0", "dlazy is 1001", "lo 6 ≤ d 5", "has no address"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn addresses_of_one_static_peer_are_merged_in_their_order() {
    let peer = PeerId::from_bytes(&[1, 2]).unwrap();
    let mut config = forge::config();
    config.statics = ["b", "a", "b"].map(|address| Static { peer, addresses: vec![address.to_owned()] }).into();
    let settled = config.settle().unwrap();
    assert_eq!(settled.statics, [Static { peer, addresses: vec!["b".to_owned(), "a".to_owned()] }]);
}

#[test]
fn the_gap_patience_is_bounded_whatever_the_block_time() {
    for (block_time, patience) in [(1, 10), (2, 10), (12, 36), (u64::MAX, 60)] {
        let mut chain = forge::config().chain;
        chain.block_time = block_time;
        assert_eq!(Config::new(chain).gap_patience, Duration::from_secs(patience));
    }
}

#[test]
fn a_peer_id_is_text_and_back() {
    let text = "16Uiu2HAmAWoxNyJhxwDfwVhqaCvXiUUjJQSFyMc6nLbKBwwuHr9B";
    assert_eq!(text.parse::<PeerId>().unwrap().to_string(), text);
    assert!("".parse::<PeerId>().is_err());
    assert!("0OIl".parse::<PeerId>().is_err());
    assert!("1".repeat(129).parse::<PeerId>().is_err());
    assert!(PeerId::from_bytes(&[0; 65]).is_err());
}
