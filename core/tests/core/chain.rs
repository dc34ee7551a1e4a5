//! Forks, presets, `rollup.json`, configuration.

use core::time::Duration;

use alloy_primitives::address;
use petrel_core::{
    chain::{Cadence, Chain, FeeParameters, Origin, Step, Subsecond, preset_names},
    config::{Config, Mesh, StaticPeer},
    fork::{CarriedFork, Family, Fork, Forks, Version},
    peer::PeerId,
};

use crate::{forge, vectors};

#[test]
fn a_fork_is_active_from_its_own_second() {
    let (chain, _) = vectors::devnet();
    for fork in Fork::TIMED.into_iter().skip(1).filter(|fork| *fork <= Fork::Karst) {
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
fn op_mainnet_equals_the_registry() {
    let chain = Chain::preset("op-mainnet").unwrap();
    assert_eq!((chain.id, chain.l1, chain.cadence.interval_at(0)), (10, Some(1), Duration::from_secs(2)));
    assert_eq!((chain.genesis.number, chain.genesis.time), (105_235_063, 1_686_068_903));
    assert_eq!(chain.forks.time(Fork::Karst), Some(1_783_526_401));
    assert_eq!(chain.signer, Some(address!("AAAA45d9549EDA09E70937013520214382Ffc4A2")));
    assert_eq!(chain.topic(Version::V4), "/optimism/10/3/blocks");
    assert!(matches!(&chain.origin, Origin::Preset { signer_date, .. } if signer_date.len() == "2026-08-04".len()));
    assert_eq!(chain.forks.time(Fork::Lagoon), Some(1_799_683_201));
    assert_eq!(Chain::preset("10"), Some(chain));
}

#[test]
fn every_preset_is_found_by_each_of_its_names_and_can_be_settled() {
    for name in preset_names() {
        let chain = Chain::preset(name.slug).unwrap_or_else(|| panic!("{}", name.slug));
        assert_eq!(Chain::preset(&name.id.to_string()).map(|chain| chain.id), Some(name.id));
        assert_eq!((chain.slug.as_deref(), chain.name.as_str()), (Some(name.slug), name.name));
        Config::new(chain).settle().unwrap_or_else(|error| panic!("{}: {error}", name.slug));
    }
    assert!(preset_names().count() > 50);
    assert_eq!(Chain::preset("no-such-chain"), None);
}

#[test]
fn a_rollup_json_is_read_and_written_the_same() {
    let (chain, _) = vectors::devnet();
    assert_eq!((chain.id, chain.l1), (90_210, Some(900)));
    assert_eq!(chain.signer, None);
    assert_eq!(chain.cadence.number_at(chain.genesis.time * 1000 + 7999), Some(3));
    assert_eq!(chain.cadence.number_at(chain.genesis.time * 1000 - 1), None);
    let written = chain.to_rollup_json().to_string();
    assert_eq!(Chain::from_rollup_json(written.as_bytes()), Ok(chain));
}

#[test]
fn the_parameters_of_the_base_fee_are_read_where_they_are_complete() {
    let (chain, _) = vectors::devnet();
    let fees = FeeParameters { elasticity: 6, denominator: 50, denominator_canyon: Some(250) };
    assert_eq!(chain.fees, Some(fees));
    let with = |config: serde_json::Value| {
        let mut json = vectors::json("gossip/op-node-devnet/rollup.json");
        json["chain_op_config"] = config;
        Chain::from_rollup_json(json.to_string().as_bytes()).unwrap().fees
    };
    let without_canyon = serde_json::json!({ "eip1559Elasticity": 6, "eip1559Denominator": 50 });
    assert_eq!(with(without_canyon), Some(FeeParameters { denominator_canyon: None, ..fees }));
    for incomplete in [
        serde_json::Value::Null,
        serde_json::json!({ "eip1559Elasticity": 6 }),
        serde_json::json!({ "eip1559Elasticity": 0, "eip1559Denominator": 50 }),
        serde_json::json!({ "eip1559Elasticity": "6", "eip1559Denominator": 50 }),
    ] {
        assert_eq!(with(incomplete), None);
    }
}

#[test]
fn an_unknown_later_fork_is_carried() {
    let mut json = vectors::json("gossip/op-node-devnet/rollup.json");
    json["monsoon_time"] = 1_900_000_000.into();
    let chain = Chain::from_rollup_json(json.to_string().as_bytes()).unwrap();
    let monsoon = CarriedFork { name: "monsoon".to_owned(), time: 1_900_000_000, family: Family::OpStack };
    assert_eq!(chain.forks.carried(), [monsoon]);
    assert_eq!(chain.version_at(2_000_000_000), Version::V4);
    assert_eq!((chain.forks.name_at(2_000_000_000), chain.forks.name_at(1_899_999_999)), ("monsoon", "karst"));
    let written = chain.to_rollup_json().to_string();
    assert_eq!(Chain::from_rollup_json(written.as_bytes()), Ok(chain));
}

#[test]
fn all_mistakes_of_a_rollup_json_are_reported_at_once() {
    let json = r#"{ "block_time": 0, "l2_chain_id": "ten", "genesis": { "l2_time": 1 }, "canyon_time": 9, "delta_time": 5,
        "ecotone_time": "soon" }"#;
    let error = Chain::from_rollup_json(json.as_bytes()).unwrap_err().to_string();
    for part in ["block_time", "l2_chain_id", "genesis.l2", "hash", "ecotone_time must", "delta_time 5", "regolith"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
    for json in ["", "[]", "{", "nonsense"] {
        assert!(Chain::from_rollup_json(json.as_bytes()).is_err());
    }
}

#[test]
fn all_mistakes_of_a_configuration_are_reported_at_once() {
    let mut config = forge::config();
    config.mesh = Mesh { d: 5, lo: 6, hi: 0, lazy: 1001, flood_publish: false };
    config.static_peers = vec![StaticPeer { peer: PeerId::from_bytes(&[1]).unwrap(), addresses: Vec::new() }];
    let error = config.settle().unwrap_err().to_string();
    for part in ["dhi is 0", "dlazy is 1001", "lo 6 ≤ d 5", "has no address"] {
        assert!(error.contains(part), "{part} is not in: {error}");
    }
}

#[test]
fn addresses_of_one_static_peer_are_merged_in_their_order() {
    let peer = PeerId::from_bytes(&[1, 2]).unwrap();
    let mut config = forge::config();
    config.static_peers =
        ["b", "a", "b"].map(|address| StaticPeer { peer, addresses: vec![address.to_owned()] }).into();
    let settled = config.settle().unwrap();
    assert_eq!(settled.static_peers, [StaticPeer { peer, addresses: vec!["b".to_owned(), "a".to_owned()] }]);
}

#[test]
fn the_gap_timeout_is_bounded_for_every_block_time() {
    for (millis, timeout) in [(200, 10), (2000, 10), (12_000, 36), (3_600_000, 60)] {
        let chain = forge::config().chain;
        let genesis = chain.genesis;
        let chain = chain.begun(genesis, Duration::from_millis(millis)).unwrap();
        assert_eq!(Config::new(chain).gap_timeout, Duration::from_secs(timeout));
    }
}

#[test]
fn a_rollup_json_with_unusual_fields_is_read() {
    let json = vectors::json("gossip/op-node-devnet/rollup.json");
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = json.clone();
        change(&mut json);
        Chain::from_rollup_json(json.to_string().as_bytes())
    };
    // Without the id of L1; alt-DA; the execution client's configuration; an L3; an id above 32 bits; unknown fields.
    let chain = with(&|json| {
        let map = json.as_object_mut().unwrap();
        map.remove("l1_chain_id");
        map.insert("da_challenge_window".to_owned(), 160.into());
        map.insert("use_plasma".to_owned(), true.into());
        map.insert(
            "alt_da".to_owned(),
            serde_json::json!({ "da_commitment_type": "GenericCommitment", "da_resolve_window": 9 }),
        );
        map.insert("chain_op_config".to_owned(), serde_json::json!({ "eip1559Elasticity": 6 }));
        map.insert("keep_karst_upgrade_gas".to_owned(), true.into());
        map.insert("l2_chain_id".to_owned(), 9_999_999_999_u64.into());
        map.insert("interop_message_expiry_window".to_owned(), "x".into());
        map.insert("pectra_blob_schedule_time".to_owned(), 1_742_486_400.into());
    })
    .unwrap();
    assert_eq!((chain.id, chain.l1), (9_999_999_999, None));
    let numbered = with(&|json| json["genesis"]["l2"]["number"] = 105_235_063.into()).unwrap();
    assert_eq!(numbered.cadence.time_ms(105_235_064), Some((numbered.genesis.time + 2) * 1000));
    let null = with(&|json| json["karst_time"] = serde_json::Value::Null).unwrap();
    assert_eq!(null.forks.time(Fork::Karst), None);
    // An error names its key.
    for (key, value) in [("l1_chain_id", "one".into()), ("l2_chain_id", serde_json::json!(-1)), ("base", 7.into())] {
        let error = with(&|json| json[key] = value.clone()).unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
}

#[test]
fn the_upgrades_of_base_are_read_by_either_name_and_set_the_cadence() {
    let mut json = vectors::json("gossip/op-node-devnet/rollup.json");
    let genesis = json["genesis"]["l2_time"].as_u64().unwrap();
    json["base"] = serde_json::json!({ "v1": genesis, "beryl": genesis, "v3": genesis, "denim": genesis + 7, "later": genesis + 99 });
    let chain = Chain::from_rollup_json(json.to_string().as_bytes()).unwrap();
    let names: Vec<&str> = chain.forks.carried().iter().map(|upgrade| upgrade.name.as_str()).collect();
    assert_eq!(names, ["azul", "beryl", "cobalt", "denim", "later"]);
    let steps: Vec<Step> = chain.cadence.steps().collect();
    assert_eq!(steps[1], Step { number: 4, time_ms: (genesis + 8) * 1000, interval_ms: 200 });
    assert_eq!(chain.subsecond, Subsecond::BaseTime);
    let written = chain.to_rollup_json().to_string();
    assert_eq!(Chain::from_rollup_json(written.as_bytes()), Ok(chain));
}

#[test]
fn an_invalid_cadence_is_refused_with_its_key() {
    let json = vectors::json("gossip/op-node-devnet/rollup.json");
    let refused = |key: &str, value: serde_json::Value| {
        let mut json = json.clone();
        json[key] = value;
        Chain::from_rollup_json(json.to_string().as_bytes()).unwrap_err().to_string()
    };
    let step = |number: u64, time_ms: u64, interval_ms: u64| serde_json::json!({ "number": number, "time_ms": time_ms, "interval_ms": interval_ms });
    assert!(refused("block_time", 0.into()).contains("block_time: step 0: the interval is 0 ms"));
    let steps = |steps: Vec<serde_json::Value>| refused("petrel", serde_json::json!({ "cadence": steps }));
    assert!(steps(vec![step(0, 0, 2000), step(9, 16_000, 200)]).contains("petrel.cadence: step 1 overlaps"));
    assert!(steps(vec![step(9, 0, 2000), step(8, 99_000, 200)]).contains("petrel.cadence: step 1 goes back"));
    assert!(steps(vec![step(9, 0, 0)]).contains("petrel.cadence: step 0"));
    assert!(refused("petrel", serde_json::json!({ "subsecond": "nanos" })).contains("petrel.subsecond"));
    let mut opbnb = json.clone();
    (opbnb["volta_time"], opbnb["fourier_time"]) = (1_900_000_000.into(), 1_890_000_000.into());
    let error = Chain::from_rollup_json(opbnb.to_string().as_bytes()).unwrap_err().to_string();
    assert!(error.contains("fourier_time: step 2 goes back"), "{error}");
    assert!(Cadence::constant(0, 0, Duration::ZERO).is_err());
}

#[test]
fn topics_are_unsubscribed_only_on_the_base_chains() {
    let (op, base) = (Chain::preset("op-mainnet").unwrap(), Chain::preset("base-mainnet").unwrap());
    assert_eq!(op.open_topics(u64::MAX).count(), 4);
    let isthmus = base.forks.time(Fork::Isthmus).unwrap();
    assert_eq!(base.open_topics(isthmus + 59).collect::<Vec<_>>(), [Version::V3, Version::V4]);
    assert_eq!(base.open_topics(isthmus + 60).collect::<Vec<_>>(), [Version::V4]);
}

#[test]
fn a_topics_name_has_the_id_of_its_chain() {
    let topic = Chain::preset("base-mainnet").unwrap().topic(Version::V4);
    assert_eq!(Chain::id_in_topic(&topic), Some(8453));
    assert_eq!(Chain::id_in_topic("/optimism/18446744073709551615/7/blocks"), Some(u64::MAX));
    for other in [
        "",
        "/optimism/10/blocks",
        "/optimism//3/blocks",
        "/optimism/+10/3/blocks",
        "/optimism/10//blocks",
        "/optimism/18446744073709551616/3/blocks",
        "/optimism/10/3/blocks/",
        "/optimism/10/3/4/blocks",
        "/eth2/10/3/blocks",
    ] {
        assert_eq!(Chain::id_in_topic(other), None, "{other}");
    }
}

#[test]
fn a_peer_id_converts_to_text_and_back() {
    let text = "16Uiu2HAmAWoxNyJhxwDfwVhqaCvXiUUjJQSFyMc6nLbKBwwuHr9B";
    assert_eq!(text.parse::<PeerId>().unwrap().to_string(), text);
    assert!("".parse::<PeerId>().is_err());
    assert!("0OIl".parse::<PeerId>().is_err());
    assert!("1".repeat(129).parse::<PeerId>().is_err());
    assert!(PeerId::from_bytes(&[0; 65]).is_err());
}
