//! Places of leaves: the deadline to subscribe, and who goes when there are too many.

use std::net::Ipv4Addr;

use petrel_core::{
    Input, Output,
    dialing::LeafPlaces,
    event::{Connected, DisconnectReason},
    fork::Version,
};

use crate::{
    driven::{TestNode, connected_at, disconnects, peer},
    forge::config,
    reputation::connected_event,
};

const SECOND: u64 = 1000;

fn leaf(seed: u8, ip: [u8; 4]) -> Input {
    let connected = connected_at(seed, Ipv4Addr::from(ip).into());
    Input::Connected(Connected { leaf: true, ..connected_event(&connected) })
}

fn subscribe(test: &mut TestNode, seed: u8) {
    test.input(Input::Topic { peer: peer(seed), version: Version::V4, joined: true });
}

fn left(test: &mut TestNode, outputs: &[Output]) {
    for (peer, _) in disconnects(outputs) {
        test.input(Input::Disconnected { peer, reason: String::new() });
    }
}

#[test]
fn a_leaf_that_does_not_subscribe_loses_its_place() {
    let mut test = TestNode::with_config(config());
    for seed in 1..=3 {
        test.input(leaf(seed, [8, 8, seed, 1]));
    }
    subscribe(&mut test, 1);
    test.input(Input::Disconnected { peer: peer(3), reason: String::new() });
    let deadline = test.node.poll_timeout(test.now).unwrap();
    assert!(deadline.at <= test.now.mono + LeafPlaces::SUBSCRIBE_TIMEOUT);
    assert!(disconnects(&test.advance(LeafPlaces::SUBSCRIBE_TIMEOUT.as_millis() as u64 - 1)).is_empty());
    assert_eq!(disconnects(&test.advance(1)), [(peer(2), DisconnectReason::Unsubscribed)]);
    assert!(disconnects(&test.advance(60 * SECOND)).is_empty(), "leaf 1 is subscribed, leaf 3 has left");
}

#[test]
fn a_node_needs_no_subscription() {
    let mut test = TestNode::with_config(config());
    test.input(connected_at(1, Ipv4Addr::new(8, 8, 8, 8).into()));
    assert!(disconnects(&test.advance(60 * SECOND)).is_empty());
}

#[test]
fn when_all_places_are_taken_the_largest_network_gives_one() {
    let mut config = config();
    config.connections.leaves = 6;
    let mut test = TestNode::with_config(config);
    for seed in 1..=4 {
        test.input(leaf(seed, [9, 9, 9, seed]));
        subscribe(&mut test, seed);
        test.advance(SECOND);
    }
    for seed in 5..=6 {
        test.input(leaf(seed, [20 + seed, 1, 1, 1]));
        subscribe(&mut test, seed);
    }
    // The largest network has four leaves: the last of them goes, then the one without a subscription.
    let outputs = test.input(leaf(7, [40, 1, 1, 1]));
    assert_eq!(disconnects(&outputs), [(peer(4), DisconnectReason::FullOfLeaves)]);
    left(&mut test, &outputs);
    test.input(Input::Topic { peer: peer(1), version: Version::V4, joined: false });
    let outputs = test.input(leaf(8, [41, 1, 1, 1]));
    assert_eq!(disconnects(&outputs), [(peer(1), DisconnectReason::FullOfLeaves)]);
    left(&mut test, &outputs);
    // A fifth leaf of the largest network displaces nobody.
    let outputs = test.input(leaf(9, [9, 9, 9, 200]));
    assert_eq!(disconnects(&outputs), [(peer(9), DisconnectReason::FullOfLeaves)]);
}

#[test]
fn a_leaf_that_is_being_disconnected_is_not_counted_and_not_disconnected_twice() {
    let mut config = config();
    config.connections.leaves = 2;
    let mut test = TestNode::with_config(config);
    for seed in 1..=2 {
        test.input(leaf(seed, [9, 9, 9, seed]));
    }
    assert_eq!(disconnects(&test.input(leaf(3, [30, 1, 1, 1]))), [(peer(2), DisconnectReason::FullOfLeaves)]);
    // Peer 2 is still connected for the transport.
    assert_eq!(disconnects(&test.input(leaf(4, [31, 1, 1, 1]))), [(peer(4), DisconnectReason::FullOfLeaves)]);
}
