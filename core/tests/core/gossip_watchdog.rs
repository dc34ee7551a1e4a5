//! The gossip watchdog in a node: idle timeout of static peers.

use petrel_core::{Input, config::StaticPeer, event::DisconnectReason, fork::Version, primitives::Primitives};

use crate::{
    driven::{TestNode, connected, disconnects, peer, validation_tasks},
    forge::config,
    reputation::block,
};

/// A node with two static peers, connected one second apart.
fn with_two_static_peers() -> TestNode {
    let mut config = config();
    config.static_peers =
        (1..=2).map(|seed| StaticPeer { peer: peer(seed), addresses: vec![format!("/memory/{seed}")] }).collect();
    let mut test = TestNode::with_config(config);
    test.input(connected(1));
    test.advance(1000);
    test.input(connected(2));
    test
}

#[test]
fn without_gossip_static_peers_are_disconnected_in_turn_with_growing_intervals() {
    let mut test = with_two_static_peers();
    assert!(disconnects(&test.advance(18_900)).is_empty());
    assert_eq!(disconnects(&test.advance(200)), [(peer(1), DisconnectReason::IdleTimeout)]);
    test.input(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(disconnects(&test.advance(39_000)).is_empty());
    assert_eq!(disconnects(&test.advance(1_100)), [(peer(2), DisconnectReason::IdleTimeout)]);
}

#[test]
fn a_new_block_of_any_peer_restarts_the_idle_timeout() {
    let mut test = with_two_static_peers();
    test.advance(15_000);
    test.validate(2, block(1).message());
    assert!(disconnects(&test.advance(19_900)).is_empty());
    assert_eq!(disconnects(&test.advance(200)), [(peer(1), DisconnectReason::IdleTimeout)]);
}

#[test]
fn messages_that_are_not_accepted_are_no_sign_of_life() {
    let mut test = with_two_static_peers();
    test.input(connected(3));
    test.validate(3, block(1).message());
    // A third peer repeats valid blocks: one that was seen, and one that is minutes old. It also sends blocks of another
    // signer.
    for second in 1..20 {
        test.advance(1_000);
        let old = block(second).with(|payload| payload.timestamp -= 300);
        test.validate(3, old.message());
        test.validate(3, block(1).message());
        test.validate(3, block(100 + second).signed_by(2).message());
    }
    assert_eq!(disconnects(&test.advance(1_000)), [(peer(1), DisconnectReason::IdleTimeout)]);
}

#[test]
fn without_a_signer_any_message_is_a_sign_of_life() {
    let mut config = config();
    config.signer = None;
    config.static_peers = vec![StaticPeer { peer: peer(1), addresses: vec!["/memory/1".to_owned()] }];
    let mut test = TestNode::with_config(config);
    test.input(connected(1));
    for number in 1..=4 {
        test.validate(1, block(number).message());
        assert!(disconnects(&test.advance(15_000)).is_empty());
    }
}

#[test]
fn a_sequencer_receives_no_blocks_and_keeps_its_peers() {
    let mut test = with_two_static_peers();
    for number in 1..=60 {
        assert!(disconnects(&test.advance(2_000)).is_empty());
        let made = block(number).with(|payload| payload.timestamp += 2 * number);
        let outputs = test.input(Input::Produced { version: Version::V4, data: made.message().data });
        let (id, task) = validation_tasks(&outputs).pop().unwrap();
        test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    }
}
