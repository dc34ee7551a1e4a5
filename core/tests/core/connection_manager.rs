//! Too many peers.

use std::net::Ipv4Addr;

use petrel_core::{
    Event, Input, Output,
    config::{ConnectionLimits, StaticPeer},
    dialing::ConnectionManager,
    event::{Connected, Direction, DisconnectReason},
    peer::PeerId,
};

use crate::{
    driven::{Test, connected, connected_at, drops, peer},
    forge::config,
    reputation::{block, first, public, scored},
};

#[test]
fn of_sixty_who_came_in_the_useful_and_the_old_stay_and_each_is_told_why() {
    let mut config = config();
    config.static_peers = vec![StaticPeer { peer: peer(60), addresses: vec!["/ip4/10.0.0.60/tcp/1".to_owned()] }];
    let mut test = Test::of(config);
    for seed in 1..=60 {
        test.give(connected(seed));
        test.pass(100);
    }
    // Leaves beside them are not counted.
    for seed in 61..=160 {
        let leaf = Connected { leaf: true, ..first(&connected(seed)) };
        test.give(Input::Connected(leaf));
    }
    // 50 brings blocks, 1 has points against it.
    let scores: Vec<(u8, f64)> = (1..=60).map(|seed| (seed, if seed == 1 { -5.0 } else { 0.0 })).collect();
    assert!(drops(&test.give(scored(&scores))).is_empty(), "all of them have their grace");
    for number in 1..=3 {
        test.judged(50, block(number).message());
        test.pass(15_000);
    }
    let outputs = test.give(scored(&scores));
    let gone: Vec<PeerId> = drops(&outputs).iter().map(|(peer, _)| *peer).collect();
    assert!(drops(&outputs).iter().all(|(_, reason)| *reason == DisconnectReason::Pruned));
    let expected: Vec<PeerId> = (20..50).chain(51..60).chain([1]).map(peer).collect();
    assert_eq!(gone, expected, "the static one, the useful one and the eighteen that came first stay");
    let tided = outputs.iter().find_map(|output| match output {
        Output::Emit(Event::Pruned(tided)) => Some(tided.clone()),
        _ => None,
    });
    let tided = tided.unwrap();
    assert_eq!((tided.stay.len(), tided.gone.len()), (20, 40));
    let why =
        |seed| tided.stay.iter().chain(&tided.gone).find(|fared| fared.peer == peer(seed)).unwrap().why.to_string();
    assert_eq!(why(60), "static");
    assert!(why(50).starts_with("rank 1: score 0.0, inbound, usefulness 2.7, connected for 4"), "{}", why(50));
    assert!(why(1).starts_with("place 59: score -5.0"), "{}", why(1));
    for seed in (20..50).chain(51..60).chain([1]) {
        test.give(Input::Disconnected { peer: peer(seed), reason: String::new() });
    }
    assert!(drops(&test.give(scored(&[]))).is_empty());
}

#[test]
fn nobody_comes_in_beyond_twice_the_high_tide_but_those_whom_we_dial() {
    let mut config = config();
    config.connections = ConnectionLimits { low: 2, high: 3, ..ConnectionLimits::default() };
    let mut test = Test::of(config);
    for seed in 1..=6 {
        assert!(drops(&test.give(connected(seed))).is_empty());
    }
    assert_eq!(drops(&test.give(connected(7))), [(peer(7), DisconnectReason::Full)]);
    let dialled = Connected { direction: Direction::Outbound, ..first(&connected(8)) };
    assert!(drops(&test.give(Input::Connected(dialled))).is_empty());
    // The one that is going makes room.
    test.give(Input::Disconnected { peer: peer(8), reason: String::new() });
    test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(drops(&test.give(connected(9))).is_empty());
}

#[test]
fn one_public_address_or_network_does_not_take_all_places() {
    let mut config = config();
    config.connections = ConnectionLimits { low: 100, high: 100, ..ConnectionLimits::default() };
    let mut test = Test::of(config.clone());
    let crowded: Vec<u8> =
        (1..=12).filter(|seed| !drops(&test.give(connected_at(*seed, public(1)))).is_empty()).collect();
    assert_eq!(crowded, [9, 10, 11, 12]);
    let mut test = Test::of(config.clone());
    let crowded: Vec<u8> =
        (1..=20).filter(|seed| !drops(&test.give(connected_at(*seed, public(*seed)))).is_empty()).collect();
    assert_eq!(crowded, [17, 18, 19, 20]);
    let mut test = Test::of(config);
    let ip = Ipv4Addr::new(172, 16, 0, 1).into();
    assert!((1..=40).all(|seed| drops(&test.give(connected_at(seed, ip))).is_empty()), "private ones may be many");
}

#[test]
fn who_comes_back_all_the_time_takes_nobodys_place() {
    let standing = |seed: u8, since: u64, useful: f64| petrel_core::dialing::PruneCandidate {
        peer: peer(seed),
        is_static: false,
        outbound: false,
        since: core::time::Duration::from_secs(since),
        score: 0.0,
        useful,
    };
    let old = (1..=10).map(|seed| standing(seed, 0, 1.0));
    let peers = old.chain((11..=42).map(|seed| standing(seed, 95, 0.0))).collect();
    let fates = ConnectionManager::new(ConnectionLimits::default()).prune(core::time::Duration::from_secs(100), peers);
    assert!(fates.len() == 42 && fates.iter().all(|fate| fate.stays), "{fates:?}");
}

#[test]
fn leaves_have_a_cap_of_their_own() {
    let mut config = config();
    config.connections.leaves = 3;
    let mut test = Test::of(config);
    let leaf = |seed: u8| Input::Connected(Connected { leaf: true, ..first(&connected(seed)) });
    for seed in 1..=3 {
        assert!(drops(&test.give(leaf(seed))).is_empty());
    }
    assert_eq!(drops(&test.give(leaf(4))), [(peer(4), DisconnectReason::FullOfLeaves)]);
    test.give(Input::Disconnected { peer: peer(4), reason: String::new() });
    // Nodes are not counted among them.
    assert!(drops(&test.give(connected(5))).is_empty());
    test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(drops(&test.give(leaf(6))).is_empty());
}
