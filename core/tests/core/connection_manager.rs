//! Connection manager: limits and pruning.

use std::net::Ipv4Addr;

use petrel_core::{
    Event, Input, Output,
    config::{ConnectionLimits, StaticPeer},
    dialing::ConnectionManager,
    event::{Connected, Direction, DisconnectReason},
    peer::PeerId,
};

use crate::{
    driven::{TestNode, connected, connected_at, disconnects, peer},
    forge::config,
    reputation::{block, connected_event, public_ip, scored},
};

#[test]
fn of_sixty_inbound_peers_the_useful_and_the_oldest_stay_with_a_stated_reason() {
    let mut config = config();
    config.static_peers = vec![StaticPeer { peer: peer(60), addresses: vec!["/ip4/10.0.0.60/tcp/1".to_owned()] }];
    let mut test = TestNode::with_config(config);
    for seed in 1..=60 {
        test.input(connected(seed));
        test.advance(100);
    }
    // Leaves do not count.
    for seed in 61..=160 {
        let leaf = Connected { leaf: true, ..connected_event(&connected(seed)) };
        test.input(Input::Connected(leaf));
    }
    // Peer 50 delivers blocks, peer 1 has a negative score.
    let scores: Vec<(u8, f64)> = (1..=60).map(|seed| (seed, if seed == 1 { -5.0 } else { 0.0 })).collect();
    assert!(disconnects(&test.input(scored(&scores))).is_empty(), "all peers are in their grace period");
    for number in 1..=3 {
        test.validate(50, block(number).message());
        test.advance(15_000);
    }
    let outputs = test.input(scored(&scores));
    let disconnected: Vec<PeerId> = disconnects(&outputs).iter().map(|(peer, _)| *peer).collect();
    assert!(disconnects(&outputs).iter().all(|(_, reason)| *reason == DisconnectReason::Pruned));
    let expected: Vec<PeerId> = (20..50).chain(51..60).chain([1]).map(peer).collect();
    assert_eq!(disconnected, expected, "the static one, the useful one and the eighteen oldest stay");
    let pruned = outputs.iter().find_map(|output| match output {
        Output::Emit(Event::Pruned(pruned)) => Some(pruned.clone()),
        _ => None,
    });
    let pruned = pruned.unwrap();
    assert_eq!((pruned.stay.len(), pruned.gone.len()), (20, 40));
    let why = |seed| {
        pruned.stay.iter().chain(&pruned.gone).find(|peer_info| peer_info.peer == peer(seed)).unwrap().why.to_string()
    };
    assert_eq!(why(60), "static");
    assert!(why(50).starts_with("rank 1: score 0.0, inbound, usefulness 2.7, connected for 4"), "{}", why(50));
    assert!(why(1).starts_with("rank 59: score -5.0"), "{}", why(1));
    for seed in (20..50).chain(51..60).chain([1]) {
        test.input(Input::Disconnected { peer: peer(seed), reason: String::new() });
    }
    assert!(disconnects(&test.input(scored(&[]))).is_empty());
}

#[test]
fn inbound_peers_are_refused_at_twice_the_high_watermark_and_dialled_ones_are_not() {
    let mut config = config();
    config.connections = ConnectionLimits { low: 2, high: 3, ..ConnectionLimits::default() };
    let mut test = TestNode::with_config(config);
    for seed in 1..=6 {
        assert!(disconnects(&test.input(connected(seed))).is_empty());
    }
    assert_eq!(disconnects(&test.input(connected(7))), [(peer(7), DisconnectReason::Full)]);
    let dialled = Connected { direction: Direction::Outbound, ..connected_event(&connected(8)) };
    assert!(disconnects(&test.input(Input::Connected(dialled))).is_empty());
    // A disconnected peer frees its place.
    test.input(Input::Disconnected { peer: peer(8), reason: String::new() });
    test.input(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(disconnects(&test.input(connected(9))).is_empty());
}

#[test]
fn one_public_address_or_network_has_a_limit_of_connections() {
    let mut config = config();
    config.connections = ConnectionLimits { low: 100, high: 100, ..ConnectionLimits::default() };
    let mut test = TestNode::with_config(config.clone());
    let refused: Vec<u8> =
        (1..=12).filter(|seed| !disconnects(&test.input(connected_at(*seed, public_ip(1)))).is_empty()).collect();
    assert_eq!(refused, [9, 10, 11, 12]);
    let mut test = TestNode::with_config(config.clone());
    let refused: Vec<u8> =
        (1..=20).filter(|seed| !disconnects(&test.input(connected_at(*seed, public_ip(*seed)))).is_empty()).collect();
    assert_eq!(refused, [17, 18, 19, 20]);
    let mut test = TestNode::with_config(config);
    let ip = Ipv4Addr::new(172, 16, 0, 1).into();
    assert!(
        (1..=40).all(|seed| disconnects(&test.input(connected_at(seed, ip))).is_empty()),
        "private addresses have no limit"
    );
}

#[test]
fn peers_that_reconnect_often_replace_no_other() {
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
    let decisions =
        ConnectionManager::new(ConnectionLimits::default()).prune(core::time::Duration::from_secs(100), peers);
    assert!(decisions.len() == 42 && decisions.iter().all(|decision| decision.stays), "{decisions:?}");
}

#[test]
fn leaves_have_their_own_limit() {
    let mut config = config();
    config.connections.leaves = 3;
    let mut test = TestNode::with_config(config);
    let leaf = |seed: u8| Input::Connected(Connected { leaf: true, ..connected_event(&connected(seed)) });
    for seed in 1..=3 {
        assert!(disconnects(&test.input(leaf(seed))).is_empty());
    }
    assert_eq!(disconnects(&test.input(leaf(4))), [(peer(4), DisconnectReason::FullOfLeaves)]);
    test.input(Input::Disconnected { peer: peer(4), reason: String::new() });
    // Nodes do not count as leaves.
    assert!(disconnects(&test.input(connected(5))).is_empty());
    test.input(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(disconnects(&test.input(leaf(6))).is_empty());
}
