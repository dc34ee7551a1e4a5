//! The composed node: rules that involve several machines.

use core::time::Duration;

use alloy_primitives::{Address, B256};
use petrel_core::{
    Event, Input, Node, Output,
    config::StaticPeer,
    event::{DisconnectReason, HeadReason},
    fault::Acceptance,
    fork::Version,
    message::MessageId,
    persistence::RestoredState,
    primitives::Primitives,
    time::Now,
    validation::{GRACE, SignerNews, ValidationOutcome},
};

use crate::{
    driven::{TestNode, acceptances, connected, disconnects, event_names, peer, validation_tasks},
    forge::{Forge, NOW, after, config, forge, key, message_of, signer},
};

/// A reading of the signer from the same source as the one before: a rotation.
fn read(signer: Address) -> Input {
    Input::Signer(SignerNews::Read { signer: Some(signer), rotation: true })
}

fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

#[test]
fn a_valid_message_is_forwarded_and_becomes_the_head() {
    let mut test = TestNode::new();
    let outputs = test.validate(1, block(1).message());
    assert_eq!(acceptances(&outputs), [Acceptance::Accept]);
    assert_eq!(event_names(&outputs), ["block", "head"]);
    assert_eq!(test.node.head().unwrap().hash, block(1).hash());
    assert_eq!(test.node.status(test.now).validation.accepted, 1);
}

#[test]
fn the_block_event_has_its_documented_fields() {
    let mut test = TestNode::new();
    test.now = test.now.plus(Duration::from_millis(1500));
    let outputs = test.validate(1, block(7).message());
    let Some(Output::Emit(event)) = outputs.iter().find(|output| matches!(output, Output::Emit(Event::Block(_))))
    else {
        panic!("{outputs:?}");
    };
    let json = serde_json::to_value(event).unwrap();
    let expected = serde_json::json!({
        "event": "block", "number": 7, "hash": block(7).hash(), "parent": B256::ZERO, "timestamp": NOW, "timestamp_ms": NOW * 1000, "txs": 2,
        "bytes": block(7).signed_bytes().len(), "version": "V4", "signer": signer(), "via": "gossip", "peer": peer(1).to_string(),
        "delay_ms": 1500, "judged_ms": 0,
    });
    assert_eq!(json, expected);
}

#[test]
fn four_validations_of_a_topic_run_at_once_and_the_next_starts_when_one_ends() {
    let mut test = TestNode::new();
    let mut running = Vec::new();
    for number in 1..=6 {
        running.extend(validation_tasks(&test.gossip(number as u8, block(number).message())));
    }
    assert_eq!(running.len(), 4);
    let (id, task) = running.remove(0);
    let outputs = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!(validation_tasks(&outputs).len(), 1);
    // Another topic has its own limit of four.
    let other = Input::Gossiped {
        peer: peer(9),
        id: MessageId([99; 20]),
        version: Version::V3,
        message: forge(Version::V3).message(),
    };
    assert_eq!(validation_tasks(&test.input(other)).len(), 1);
}

#[test]
fn a_rejected_message_is_penalised_and_reported() {
    let mut test = TestNode::new();
    test.validate(2, block(1).message());
    let outputs = test.validate(1, block(2).signed_by(2).message());
    assert_eq!(acceptances(&outputs), [Acceptance::Charge]);
    assert_eq!(event_names(&outputs), ["rejected wrong_signer"]);
    assert_eq!(test.node.status(test.now).validation.faults.get("wrong_signer"), Some(&1));
}

#[test]
fn a_stale_block_is_rejected_without_a_penalty() {
    let mut test = TestNode::new();
    let stale = block(1).with(|payload| payload.timestamp = NOW - 61);
    let outputs = test.validate(1, stale.message());
    assert_eq!(acceptances(&outputs), [Acceptance::Ignore]);
    assert_eq!(event_names(&outputs), ["rejected too_old"]);
}

#[test]
fn a_timestamp_is_compared_with_the_time_of_arrival() {
    let mut test = TestNode::new();
    let late = block(1).with(|payload| payload.timestamp = NOW - 60);
    let (id, task) = validation_tasks(&test.gossip(1, late.message())).pop().unwrap();
    test.now = test.now.plus(Duration::from_secs(2));
    let outputs = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!(acceptances(&outputs), [Acceptance::Accept]);
}

#[test]
fn two_copies_that_are_validated_at_once_are_accepted_once() {
    let mut test = TestNode::new();
    let mut running = validation_tasks(&test.gossip(1, block(1).message()));
    running.extend(validation_tasks(&test.gossip(2, block(1).message())));
    let acceptances: Vec<_> = running
        .into_iter()
        .flat_map(|(id, task)| {
            acceptances(&test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) }))
        })
        .collect();
    assert_eq!(acceptances, [Acceptance::Accept, Acceptance::Ignore]);
}

#[test]
fn a_validation_that_takes_too_long_is_ignored_and_so_is_its_late_result() {
    let mut test = TestNode::new();
    let (id, task) = validation_tasks(&test.gossip(1, block(1).message())).pop().unwrap();
    assert!(test.advance(11_999).is_empty());
    let outputs = test.advance(1);
    assert_eq!(
        (acceptances(&outputs), event_names(&outputs)),
        (vec![Acceptance::Ignore], vec!["ignored late".to_owned()])
    );
    assert!(test.advance(10_000).is_empty());
    assert!(test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) }).is_empty());
    assert_eq!(test.node.head(), None);
}

#[test]
fn a_validation_that_panics_rejects_the_message_and_the_node_continues() {
    let mut test = TestNode::new();
    let (id, _) = validation_tasks(&test.gossip(1, block(1).message())).pop().unwrap();
    let outputs = test.input(Input::Validated { id, outcome: ValidationOutcome::panicked() });
    assert_eq!(acceptances(&outputs), [Acceptance::Ignore], "it is not the peer's fault");
    assert_eq!(event_names(&outputs), ["check_panicked", "rejected panicked"]);
    assert_eq!(event_names(&test.validate(1, block(2).message())), ["block", "head"]);
}

#[test]
fn a_flooding_peer_is_disconnected_and_no_message_is_lost() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let mut running = Vec::new();
    let mut dropped = Vec::new();
    for _ in 0..80 {
        let outputs = test.gossip(1, message_of(vec![0; 100]));
        running.extend(validation_tasks(&outputs));
        dropped.extend(disconnects(&outputs));
    }
    assert_eq!(dropped.first(), Some(&(peer(1), DisconnectReason::Flooding)));
    let outputs = test.gossip(2, block(1).message());
    assert!(disconnects(&outputs).is_empty());
    // Every message gets a result; that of the honest peer is among the first.
    let mut results = Vec::new();
    while let Some((id, task)) = running.pop() {
        let outputs = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
        running.extend(validation_tasks(&outputs));
        results.extend(acceptances(&outputs));
    }
    assert_eq!(results.len(), 81);
    assert!(results.iter().position(|acceptance| *acceptance == Acceptance::Accept).unwrap() < 10);
}

#[test]
fn a_peer_that_sends_too_fast_is_disconnected_even_if_validations_end_at_once() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let mut sent = 0;
    while sent < 1000 {
        sent += 1;
        let outputs = test.gossip(1, message_of(vec![0; 100]));
        if !disconnects(&outputs).is_empty() {
            break;
        }
        for (id, task) in validation_tasks(&outputs) {
            test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
        }
    }
    assert_eq!(sent, 201, "a burst of 200 is allowed");
}

#[test]
fn a_block_of_this_node_is_validated_before_it_is_published() {
    let mut test = TestNode::new();
    let produce = |test: &mut TestNode, forge: &Forge| {
        let outputs = test.input(Input::Produced { version: Version::V4, data: forge.signed_bytes().into() });
        let (id, task) = validation_tasks(&outputs).pop().unwrap();
        test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) })
    };
    let published = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::Publish { .. }));
    let outputs = produce(&mut test, &block(1));
    assert!(published(&outputs) && acceptances(&outputs).is_empty());
    for wrong in [
        block(2).signed_by(3),
        block(2).with_block_hash(B256::ZERO),
        block(2).with(|payload| payload.timestamp = NOW - 61),
    ] {
        let outputs = produce(&mut test, &wrong);
        assert!(!published(&outputs));
        assert!(event_names(&outputs)[0].starts_with("rejected"));
    }
}

#[test]
fn the_previous_signer_is_accepted_until_the_new_one_has_signed() {
    let mut test = TestNode::new();
    assert_eq!(event_names(&test.input(read(key(2).address()))), ["signer_changed"]);
    assert_eq!(event_names(&test.validate(1, block(1).message())), ["block", "head"]);
    // The first message of the new signer ends the grace period, even if its hash is invalid.
    let outputs = test.validate(1, block(2).signed_by(2).with_block_hash(B256::ZERO).message());
    assert_eq!(event_names(&outputs), ["signer_retired", "rejected block_hash"]);
    assert_eq!(event_names(&test.validate(1, block(2).message())), ["rejected wrong_signer"]);
    let second = block(2).with(|payload| payload.parent_hash = block(1).hash());
    assert_eq!(event_names(&test.validate(1, second.signed_by(2).message())), ["block", "head"]);
}

#[test]
fn an_assumed_signer_has_no_grace_period_when_the_true_one_is_read() {
    let mut test = TestNode::new();
    let news = SignerNews::Read { signer: Some(key(2).address()), rotation: false };
    assert_eq!(event_names(&test.input(Input::Signer(news))), ["signer_changed"]);
    assert_eq!(event_names(&test.validate(1, block(1).message())), ["rejected wrong_signer"]);
    assert_eq!(event_names(&test.validate(1, block(1).signed_by(2).message())), ["block", "head"]);
}

#[test]
fn restored_signers_are_accepted_for_the_rest_of_their_grace_period() {
    let restored = || {
        let previous = Some((key(3).address(), Duration::from_secs(10)));
        Input::Signer(SignerNews::Restored { signer: Some(key(2).address()), previous })
    };
    let mut test = TestNode::new();
    assert_eq!(event_names(&test.input(restored())), ["signer_changed"]);
    assert_eq!(event_names(&test.validate(1, block(1).message())), ["rejected wrong_signer"]);
    assert_eq!(event_names(&test.validate(1, block(1).signed_by(3).message())), ["block", "head"]);
    assert_eq!(event_names(&test.advance(10_000)), ["signer_retired"]);
    assert_eq!(event_names(&test.validate(1, block(2).signed_by(3).message())), ["rejected wrong_signer"]);
}

#[test]
fn a_failed_reading_of_the_signer_changes_nothing() {
    let mut test = TestNode::new();
    let unread = Input::Signer(SignerNews::Unread { error: "timeout".to_owned() });
    assert_eq!(event_names(&test.input(unread)), ["signer_unread"]);
    assert_eq!(event_names(&test.validate(1, block(1).message())), ["block", "head"]);
}

/// A validation reports who signed. Whether that signer is accepted is decided when it ends, because the signer may
/// rotate meanwhile.
#[test]
fn a_rotation_during_a_validation_ends_no_grace_period() {
    // A block of the old signer is being validated when the new signer is read.
    let mut test = TestNode::new();
    let outputs = test.gossip(1, block(1).message());
    let (id, task) = validation_tasks(&outputs).pop().unwrap();
    assert_eq!(event_names(&test.input(read(key(2).address()))), ["signer_changed"]);
    let ended = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!(event_names(&ended), ["block", "head"], "it is accepted, and the grace period continues");
    let next = event_names(&test.validate(2, block(2).message()));
    assert!(next.contains(&"block".to_owned()), "{next:?}");

    // The new signer's first block arrives before the new signer is read: it is validated again, without a penalty.
    let mut test = TestNode::new();
    let outputs = test.gossip(1, block(1).signed_by(2).message());
    let (id, task) = validation_tasks(&outputs).pop().unwrap();
    test.input(read(key(2).address()));
    let again = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!((event_names(&again).len(), acceptances(&again).len()), (0, 0));
    let (id, task) = validation_tasks(&again).pop().expect("it is validated again");
    let ended = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!(event_names(&ended), ["signer_retired", "block", "head"]);

    // The signer was accepted when its block arrived, and is not accepted any more.
    let mut test = TestNode::new();
    let outputs = test.gossip(1, block(1).message());
    let (id, task) = validation_tasks(&outputs).pop().unwrap();
    test.input(read(key(2).address()));
    test.input(read(key(3).address()));
    let ended = test.input(Input::Validated { id, outcome: task.run(Primitives::PORTABLE) });
    assert_eq!(
        (event_names(&ended), acceptances(&ended)),
        (vec!["ignored retired".to_owned()], vec![Acceptance::Ignore])
    );
}

#[test]
fn the_grace_period_ends_after_its_time() {
    let mut test = TestNode::new();
    test.input(read(key(2).address()));
    assert_eq!(test.node.poll_timeout(test.now).unwrap().why, "signer");
    test.advance(GRACE.as_millis() as u64);
    let in_time = block(1).with(|payload| payload.timestamp += GRACE.as_secs());
    assert_eq!(event_names(&test.validate(1, in_time.message())), ["rejected wrong_signer"]);
}

#[test]
fn when_peers_agree_on_another_signer_the_mismatch_is_reported_without_penalties() {
    let mut test = TestNode::new();
    for seed in 1..=4 {
        test.input(connected(seed));
    }
    let mut outputs = Vec::new();
    for seed in 1..=4_u8 {
        outputs.push(test.validate(seed, block(u64::from(seed)).signed_by(2).message()));
    }
    let all: Vec<_> = outputs.iter().flat_map(|outputs| acceptances(outputs)).collect();
    assert_eq!(all, [Acceptance::Ignore; 4]);
    assert_eq!(event_names(&outputs[2]), ["signer_mismatch", "rejected wrong_signer"]);
    assert_eq!(test.node.status(test.now).validation.signer_mismatch, Some(key(2).address()));
    // A peer that relays blocks of different unknown signers is penalised.
    assert_eq!(acceptances(&test.validate(1, block(9).signed_by(3).message())), [Acceptance::Ignore]);
    assert_eq!(acceptances(&test.validate(1, block(9).signed_by(4).message())), [Acceptance::Charge]);
}

#[test]
fn a_wrong_clock_is_reported_with_its_offset() {
    let mut test = TestNode::new();
    for seed in 1..=3 {
        test.input(connected(seed));
    }
    let mut all = Vec::new();
    for seed in 1..=3_u8 {
        let late = block(u64::from(seed)).with(|payload| payload.timestamp = NOW - 300);
        all.extend(event_names(&test.validate(seed, late.message())));
    }
    assert!(all.contains(&"clock_skew".to_owned()), "{all:?}");
    let status = test.node.status(test.now);
    assert_eq!((status.validation.offset_ms, status.validation.clock_skew), (Some(300_000), true));
    test.validate(1, block(9).message());
    assert!(!test.node.status(test.now).validation.clock_skew);
}

#[test]
fn a_gap_is_reported_and_skipped_after_its_timeout() {
    let mut test = TestNode::new();
    test.validate(1, block(1).message());
    assert_eq!(event_names(&test.validate(1, block(4).message())), ["block", "gap"]);
    let deadline = test.node.poll_timeout(test.now).unwrap();
    assert_eq!(deadline.why, "gap");
    let wait = deadline.at - test.now.mono;
    assert_eq!(event_names(&test.advance(wait.as_millis() as u64)), ["gap", "head"]);
    assert_eq!(test.node.head().unwrap().number, 4);
}

#[test]
fn a_sequencer_restart_is_reported_as_a_reorg() {
    let mut test = TestNode::new();
    let (first, second) = (block(1), block(2).with(|payload| payload.parent_hash = block(1).hash()));
    test.validate(1, first.message());
    test.validate(1, second.message());
    let again = second.clone().with(|payload| payload.gas_used += 1);
    assert_eq!(event_names(&test.validate(1, again.message())), ["block", "conflict"]);
    let third = block(3).with(|payload| payload.parent_hash = again.hash());
    let outputs = test.validate(1, third.message());
    let Some(Output::Emit(Event::Head(head))) =
        outputs.iter().rfind(|output| matches!(output, Output::Emit(Event::Head(_))))
    else {
        panic!("{outputs:?}");
    };
    assert_eq!((head.why, head.replaces.unwrap().hash), (HeadReason::Reorged, second.hash()));
}

#[test]
fn static_peers_are_dialled_at_the_start_and_redialled() {
    let mut config = config();
    config.static_peers = vec![StaticPeer { peer: peer(5), addresses: vec!["/memory/5".to_owned()] }];
    let mut node = Node::new(config.settle().unwrap(), &RestoredState::default(), [7; 32], after(0));
    let dials = |node: &mut Node| {
        let outputs: Vec<_> = std::iter::from_fn(|| node.poll_output()).collect();
        outputs.iter().filter(|output| matches!(output, Output::Dial { .. })).count()
    };
    node.handle_timeout(after(0));
    assert_eq!(dials(&mut node), 1);
    node.handle(after(10), Input::DialFailed { peer: peer(5), error: "refused".to_owned() });
    assert_eq!(dials(&mut node), 0);
    let at = node.poll_timeout(after(0)).unwrap();
    assert_eq!(at.why, "dial");
    node.handle_timeout(Now { mono: at.at, ..after(0) });
    assert_eq!(dials(&mut node), 1);
}

#[test]
fn a_slow_peer_is_disconnected_after_four_slow_events() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let dropped: Vec<_> = (0..4).flat_map(|_| disconnects(&test.input(Input::Slow { peer: peer(1) }))).collect();
    assert_eq!(dropped, [(peer(1), DisconnectReason::Slow)]);
    assert!(disconnects(&test.input(Input::Slow { peer: peer(9) })).is_empty());
}

#[test]
fn an_agent_version_is_truncated_and_has_no_control_characters() {
    let mut test = TestNode::new();
    test.input(connected(1));
    test.input(Input::Identified {
        peer: peer(1),
        agent: format!("a\u{1b}[31m\n{}", "x".repeat(1000)),
        addresses: Vec::new(),
        seen: None,
    });
    let status = test.node.status(test.now);
    let agent = status.peering.peers[0].agent.clone().unwrap();
    assert_eq!(agent.chars().count(), 128);
    assert!(!agent.chars().any(char::is_control));
}

#[test]
fn a_node_survives_a_clock_jump_of_a_day() {
    let mut test = TestNode::new();
    test.validate(1, block(1).message());
    test.validate(1, block(4).message());
    test.gossip(1, block(5).message());
    test.advance(86_400_000);
    test.now.unix = Duration::from_secs(NOW);
    assert_eq!(event_names(&test.validate(2, block(6).message())).first().map(String::as_str), Some("block"));
    assert!(test.node.poll_timeout(test.now).is_none_or(|deadline| deadline.at > test.now.mono));
}

#[test]
fn a_peer_that_subscribes_twice_is_muted_and_disconnected() {
    let mut test = TestNode::new();
    let topic = |joined| Input::Topic { peer: peer(1), version: Version::V4, joined };
    test.input(connected(1));
    assert!(disconnects(&test.input(topic(true))).is_empty());
    assert_eq!(disconnects(&test.input(topic(true))), [(peer(1), DisconnectReason::Resubscribed)]);
    // A subscription after an unsubscription is valid, and so is one on another connection.
    test.input(topic(false));
    assert!(disconnects(&test.input(topic(true))).is_empty());
    test.input(Input::Disconnected { peer: peer(1), reason: String::new() });
    test.input(connected(1));
    assert!(disconnects(&test.input(topic(true))).is_empty());
}
