//! Many connected peers: each is counted and has its limits.

use petrel_core::{
    Input,
    config::MAX_LEAVES,
    event::{Connected, DisconnectReason},
    fork::Version,
    message::MessageId,
    peer::PeerId,
    peers::Peers,
    validation::Validation,
};

use crate::{
    driven::{TestNode, connected, disconnects, event_names, peer},
    forge::config,
    reputation::{block, connected_event},
};

fn named(index: u32) -> PeerId {
    PeerId::from_bytes(&index.to_be_bytes()).unwrap()
}

fn leaf(index: u32) -> Input {
    Input::Connected(Connected { peer: named(index), leaf: true, ..connected_event(&connected(1)) })
}

/// A node with as many leaves as may be configured.
fn full_of_leaves() -> TestNode {
    let mut config = config();
    config.connections.leaves = MAX_LEAVES;
    let mut test = TestNode::with_config(config);
    for index in 0..MAX_LEAVES as u32 {
        assert!(disconnects(&test.input(leaf(index))).is_empty());
    }
    test
}

#[test]
fn the_limit_of_leaves_holds_at_its_maximum() {
    let mut test = full_of_leaves();
    let outputs = test.input(leaf(10_000));
    assert_eq!(disconnects(&outputs), [(named(10_000), DisconnectReason::FullOfLeaves)]);
    assert_eq!(test.node.status(test.now).peering.peers.len(), MAX_LEAVES + 1);
}

#[test]
fn the_last_of_many_leaves_has_a_limit_of_messages_and_its_offences_are_those_of_a_leaf() {
    let mut test = full_of_leaves();
    let last = named(MAX_LEAVES as u32 - 1);
    let mut flooding = Vec::new();
    for index in 0..=Validation::MESSAGES.burst.get() {
        let mut id = [0; 20];
        id[..4].copy_from_slice(&index.to_be_bytes());
        let message = block(u64::from(index)).signed_by(2).message();
        let outputs = test.input(Input::Gossiped { peer: last, id: MessageId(id), version: Version::V4, message });
        flooding.extend(disconnects(&outputs));
    }
    assert!(flooding.contains(&(last, DisconnectReason::Flooding)), "{flooding:?}");
    assert!(test.node.peers(test.now).iter().any(|report| report.status.connected.peer == last));
}

#[test]
fn a_peer_beyond_the_bound_of_the_table_is_refused() {
    let mut test = full_of_leaves();
    for index in MAX_LEAVES..Peers::MAX {
        test.input(leaf(index as u32));
    }
    let outputs = test.input(leaf(10_000));
    assert_eq!(disconnects(&outputs), [(named(10_000), DisconnectReason::Full)]);
    assert!(event_names(&outputs).is_empty(), "it was never connected");
    let gone = |index| Input::Disconnected { peer: named(index), reason: String::new() };
    assert!(event_names(&test.input(gone(10_000))).is_empty());
    assert_eq!(event_names(&test.input(gone(1))), ["disconnected"]);
    assert_eq!(event_names(&test.input(leaf(10_000)))[..1], ["connected"]);
}

#[test]
fn a_peer_that_flaps_its_subscriptions_is_disconnected_and_makes_no_more_events() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let (mut events, mut gone) = (0, Vec::new());
    for flap in 0..1_000 {
        let outputs = test.input(Input::Topic { peer: peer(1), version: Version::V4, joined: flap % 2 == 0 });
        events += event_names(&outputs).len();
        gone.extend(disconnects(&outputs));
    }
    assert_eq!((events, gone), (Peers::CONTROL as usize, vec![(peer(1), DisconnectReason::Flooding)]));
    let earned = test.node.peers(test.now)[0].earned;
    assert!(earned.own() < 0.0, "{earned:?}");
}

#[test]
fn a_peer_that_repeats_its_identify_message_is_disconnected_and_an_honest_one_is_not() {
    let mut test = TestNode::new();
    test.input(connected(1));
    test.input(connected(2));
    let identified = |seed, port: u32| Input::Identified {
        peer: peer(seed),
        agent: "agent".to_owned(),
        addresses: vec![format!("/ip4/20.0.0.1/tcp/{}", 1 + port)],
        seen: None,
    };
    let gone: Vec<_> = (0..1_000).flat_map(|port| disconnects(&test.input(identified(1, port)))).collect();
    assert_eq!(gone, [(peer(1), DisconnectReason::Flooding)]);
    // Four topics at once, and a change of address every few minutes.
    for version in Version::ALL {
        assert!(disconnects(&test.input(Input::Topic { peer: peer(2), version, joined: true })).is_empty());
    }
    for port in 0..200 {
        assert!(disconnects(&test.input(identified(2, port))).is_empty());
        test.advance(120_000);
    }
}
