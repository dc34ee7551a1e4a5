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

/// How many peers subscribe to the chain's topics, and to other chains'.
fn subscribed(test: &TestNode) -> (usize, Vec<(u64, usize)>) {
    let peering = test.node.status(test.now).peering;
    (peering.subscribed, peering.other_chains.into_iter().collect())
}

#[test]
fn the_status_counts_peers_that_subscribe_to_other_chains_alone() {
    let mut test = TestNode::new();
    (1..=4).for_each(|seed| _ = test.input(connected(seed)));
    test.input(leaf(5));
    let other = |peer, chain| Input::OtherChain { peer, chain };
    let topic = |seed, joined| Input::Topic { peer: peer(seed), version: Version::V4, joined };
    assert_eq!(subscribed(&test), (0, vec![]));
    for (who, chain) in [(peer(1), 10), (peer(2), 8453), (peer(3), 8453), (named(5), 8453), (peer(9), 8453)] {
        assert!(test.input(other(who, chain)).is_empty(), "it is no event");
    }
    assert_eq!(subscribed(&test), (0, vec![(10, 1), (8453, 2)]), "leaves and unconnected peers do not count");
    // A peer of several chains is one of ours.
    test.input(topic(2, true));
    test.input(topic(4, true));
    assert_eq!(subscribed(&test), (2, vec![(10, 1), (8453, 1)]));
    test.input(topic(2, false));
    test.input(Input::Disconnected { peer: peer(3), reason: String::new() });
    assert_eq!(subscribed(&test), (1, vec![(10, 1), (8453, 1)]));
    // A connection begins without the state of the one before it.
    test.input(connected(3));
    assert_eq!(subscribed(&test), (1, vec![(10, 1), (8453, 1)]));
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
