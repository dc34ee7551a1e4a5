//! The composition and its law.

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
    driven::{Test, checks, connected, drops, judgements, peer, told},
    forge::{Forge, NOW, after, config, forge, key, plain, signer},
};

/// A reading of the signer from where the one before came from too.
fn read(signer: Address) -> Input {
    Input::Signer(SignerNews::Read { signer: Some(signer), rotation: true })
}

fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

#[test]
fn a_valid_message_is_forwarded_told_and_leads() {
    let mut test = Test::new();
    let outputs = test.judged(1, block(1).message());
    assert_eq!(judgements(&outputs), [Acceptance::Accept]);
    assert_eq!(told(&outputs), ["block", "head"]);
    assert_eq!(test.node.head().unwrap().hash, block(1).hash());
    assert_eq!(test.node.status(test.now).validation.accepted, 1);
}

#[test]
fn the_block_event_has_the_fields_that_users_read() {
    let mut test = Test::new();
    test.now = test.now.plus(Duration::from_millis(1500));
    let outputs = test.judged(1, block(7).message());
    let Some(Output::Emit(event)) = outputs.iter().find(|output| matches!(output, Output::Emit(Event::Block(_))))
    else {
        panic!("{outputs:?}");
    };
    let json = serde_json::to_value(event).unwrap();
    let expected = serde_json::json!({
        "event": "block", "number": 7, "hash": block(7).hash(), "parent": B256::ZERO, "timestamp": NOW, "timestamp_ms": NOW * 1000, "txs": 2,
        "bytes": block(7).sealed().len(), "version": "V4", "signer": signer(), "via": "gossip", "peer": peer(1).to_string(),
        "delay_ms": 1500, "judged_ms": 0,
    });
    assert_eq!(json, expected);
}

#[test]
fn four_checks_of_a_topic_run_at_once_and_the_next_begins_when_one_ends() {
    let mut test = Test::new();
    let mut running = Vec::new();
    for number in 1..=6 {
        running.extend(checks(&test.gossip(number as u8, block(number).message())));
    }
    assert_eq!(running.len(), 4);
    let (id, check) = running.remove(0);
    let outputs = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!(checks(&outputs).len(), 1);
    // Another topic has four of its own.
    let other = Input::Gossiped {
        peer: peer(9),
        id: MessageId([99; 20]),
        version: Version::V3,
        message: forge(Version::V3).message(),
    };
    assert_eq!(checks(&test.give(other)).len(), 1);
}

#[test]
fn a_rejected_message_is_charged_and_told() {
    let mut test = Test::new();
    test.judged(2, block(1).message());
    let outputs = test.judged(1, block(2).by(2).message());
    assert_eq!(judgements(&outputs), [Acceptance::Charge]);
    assert_eq!(told(&outputs), ["rejected wrong_signer"]);
    assert_eq!(test.node.status(test.now).validation.faults.get("wrong_signer"), Some(&1));
}

#[test]
fn a_stale_block_is_rejected_but_nobody_is_charged() {
    let mut test = Test::new();
    let stale = block(1).with(|payload| payload.timestamp = NOW - 61);
    let outputs = test.judged(1, stale.message());
    assert_eq!(judgements(&outputs), [Acceptance::Ignore]);
    assert_eq!(told(&outputs), ["rejected too_old"]);
}

#[test]
fn the_time_of_arrival_counts_and_not_that_of_the_check() {
    let mut test = Test::new();
    let late = block(1).with(|payload| payload.timestamp = NOW - 60);
    let (id, check) = checks(&test.gossip(1, late.message())).pop().unwrap();
    test.now = test.now.plus(Duration::from_secs(2));
    let outputs = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!(judgements(&outputs), [Acceptance::Accept]);
}

#[test]
fn two_copies_that_are_checked_at_once_are_accepted_once() {
    let mut test = Test::new();
    let mut running = checks(&test.gossip(1, block(1).message()));
    running.extend(checks(&test.gossip(2, block(1).message())));
    let acceptances: Vec<_> = running
        .into_iter()
        .flat_map(|(id, check)| {
            judgements(&test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) }))
        })
        .collect();
    assert_eq!(acceptances, [Acceptance::Accept, Acceptance::Ignore]);
}

#[test]
fn a_check_that_lives_too_long_is_given_up_and_its_late_answer_is_harmless() {
    let mut test = Test::new();
    let (id, check) = checks(&test.gossip(1, block(1).message())).pop().unwrap();
    assert!(test.pass(11_999).is_empty());
    let outputs = test.pass(1);
    assert_eq!((judgements(&outputs), told(&outputs)), (vec![Acceptance::Ignore], vec!["ignored late".to_owned()]));
    assert!(test.pass(10_000).is_empty());
    assert!(test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) }).is_empty());
    assert_eq!(test.node.head(), None);
}

#[test]
fn a_check_that_panics_is_a_rejection_and_the_node_lives_on() {
    let mut test = Test::new();
    let (id, _) = checks(&test.gossip(1, block(1).message())).pop().unwrap();
    let outputs = test.give(Input::Validated { id, outcome: ValidationOutcome::panicked() });
    assert_eq!(judgements(&outputs), [Acceptance::Ignore], "it is not the peer's fault");
    assert_eq!(told(&outputs), ["check_panicked", "rejected panicked"]);
    assert_eq!(told(&test.judged(1, block(2).message())), ["block", "head"]);
}

#[test]
fn a_flooding_peer_loses_its_connection_and_no_message_is_lost() {
    let mut test = Test::new();
    test.give(connected(1));
    let mut running = Vec::new();
    let mut dropped = Vec::new();
    for _ in 0..80 {
        let outputs = test.gossip(1, plain(vec![0; 100]));
        running.extend(checks(&outputs));
        dropped.extend(drops(&outputs));
    }
    assert_eq!(dropped.first(), Some(&(peer(1), DisconnectReason::Flooding)));
    let outputs = test.gossip(2, block(1).message());
    assert!(drops(&outputs).is_empty());
    // Every one of them gets its judgement, the honest peer's before the flood's end.
    let mut judged = Vec::new();
    while let Some((id, check)) = running.pop() {
        let outputs = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
        running.extend(checks(&outputs));
        judged.extend(judgements(&outputs));
    }
    assert_eq!(judged.len(), 81);
    assert!(judged.iter().position(|acceptance| *acceptance == Acceptance::Accept).unwrap() < 10);
}

#[test]
fn a_peer_that_sends_too_fast_is_dropped_even_if_each_check_ends_at_once() {
    let mut test = Test::new();
    test.give(connected(1));
    let mut sent = 0;
    while sent < 1000 {
        sent += 1;
        let outputs = test.gossip(1, plain(vec![0; 100]));
        if !drops(&outputs).is_empty() {
            break;
        }
        for (id, check) in checks(&outputs) {
            test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
        }
    }
    assert_eq!(sent, 201, "a burst of 200 is allowed");
}

#[test]
fn our_own_block_is_judged_before_it_is_published() {
    let mut test = Test::new();
    let produce = |test: &mut Test, forge: &Forge| {
        let outputs = test.give(Input::Produced { version: Version::V4, data: forge.sealed().into() });
        let (id, check) = checks(&outputs).pop().unwrap();
        test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) })
    };
    let published = |outputs: &[Output]| outputs.iter().any(|output| matches!(output, Output::Publish { .. }));
    let outputs = produce(&mut test, &block(1));
    assert!(published(&outputs) && judgements(&outputs).is_empty());
    for wrong in [block(2).by(3), block(2).claiming(B256::ZERO), block(2).with(|payload| payload.timestamp = NOW - 61)]
    {
        let outputs = produce(&mut test, &wrong);
        assert!(!published(&outputs));
        assert!(told(&outputs)[0].starts_with("rejected"));
    }
}

#[test]
fn the_previous_signer_is_believed_until_the_new_one_has_signed() {
    let mut test = Test::new();
    assert_eq!(told(&test.give(read(key(2).address()))), ["signer_changed"]);
    assert_eq!(told(&test.judged(1, block(1).message())), ["block", "head"]);
    // The new signer's first message ends the grace, though it is refused for its hash.
    let outputs = test.judged(1, block(2).by(2).claiming(B256::ZERO).message());
    assert_eq!(told(&outputs), ["signer_retired", "rejected block_hash"]);
    assert_eq!(told(&test.judged(1, block(2).message())), ["rejected wrong_signer"]);
    let second = block(2).with(|payload| payload.parent_hash = block(1).hash());
    assert_eq!(told(&test.judged(1, second.by(2).message())), ["block", "head"]);
}

#[test]
fn an_assumed_signer_gets_no_grace_when_the_true_one_is_read() {
    let mut test = Test::new();
    let news = SignerNews::Read { signer: Some(key(2).address()), rotation: false };
    assert_eq!(told(&test.give(Input::Signer(news))), ["signer_changed"]);
    assert_eq!(told(&test.judged(1, block(1).message())), ["rejected wrong_signer"]);
    assert_eq!(told(&test.judged(1, block(1).by(2).message())), ["block", "head"]);
}

#[test]
fn what_an_earlier_run_knew_of_the_signers_is_believed_for_what_is_left() {
    let kept = || {
        let previous = Some((key(3).address(), Duration::from_secs(10)));
        Input::Signer(SignerNews::Restored { signer: Some(key(2).address()), previous })
    };
    let mut test = Test::new();
    assert_eq!(told(&test.give(kept())), ["signer_changed"]);
    assert_eq!(told(&test.judged(1, block(1).message())), ["rejected wrong_signer"]);
    assert_eq!(told(&test.judged(1, block(1).by(3).message())), ["block", "head"]);
    assert_eq!(told(&test.pass(10_000)), ["signer_retired"]);
    assert_eq!(told(&test.judged(1, block(2).by(3).message())), ["rejected wrong_signer"]);
}

#[test]
fn a_signer_that_cannot_be_read_changes_nothing() {
    let mut test = Test::new();
    let unread = Input::Signer(SignerNews::Unread { error: "nobody answers".to_owned() });
    assert_eq!(told(&test.give(unread)), ["signer_unread"]);
    assert_eq!(told(&test.judged(1, block(1).message())), ["block", "head"]);
}

/// A check that runs while the signer is rotated: it says who signed, and whom that makes is known when it ends.
#[test]
fn a_rotation_while_a_check_runs_ends_nobodys_grace() {
    // The old signer's block is on its way when the new one is read.
    let mut test = Test::new();
    let outputs = test.gossip(1, block(1).message());
    let (id, check) = checks(&outputs).pop().unwrap();
    assert_eq!(told(&test.give(read(key(2).address()))), ["signer_changed"]);
    let ended = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!(told(&ended), ["block", "head"], "it is believed, and its grace goes on");
    let next = told(&test.judged(2, block(2).message()));
    assert!(next.contains(&"block".to_owned()), "{next:?}");

    // The new signer's first block came just before it was read: it is judged again, and nobody pays.
    let mut test = Test::new();
    let outputs = test.gossip(1, block(1).by(2).message());
    let (id, check) = checks(&outputs).pop().unwrap();
    test.give(read(key(2).address()));
    let again = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!((told(&again).len(), judgements(&again).len()), (0, 0));
    let (id, check) = checks(&again).pop().expect("it is judged again");
    let ended = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!(told(&ended), ["signer_retired", "block", "head"]);

    // A signer that was believed when its block came, and is nobody's any more.
    let mut test = Test::new();
    let outputs = test.gossip(1, block(1).message());
    let (id, check) = checks(&outputs).pop().unwrap();
    test.give(read(key(2).address()));
    test.give(read(key(3).address()));
    let ended = test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    assert_eq!((told(&ended), judgements(&ended)), (vec!["ignored retired".to_owned()], vec![Acceptance::Ignore]));
}

#[test]
fn the_grace_ends_by_time_too() {
    let mut test = Test::new();
    test.give(read(key(2).address()));
    assert_eq!(test.node.poll_timeout(test.now).unwrap().why, "signer");
    test.pass(GRACE.as_millis() as u64);
    let in_time = block(1).with(|payload| payload.timestamp += GRACE.as_secs());
    assert_eq!(told(&test.judged(1, in_time.message())), ["rejected wrong_signer"]);
}

#[test]
fn when_peers_agree_on_another_signer_nobody_is_charged_and_it_is_told() {
    let mut test = Test::new();
    for seed in 1..=4 {
        test.give(connected(seed));
    }
    let mut outputs = Vec::new();
    for seed in 1..=4_u8 {
        outputs.push(test.judged(seed, block(u64::from(seed)).by(2).message()));
    }
    let acceptances: Vec<_> = outputs.iter().flat_map(|outputs| judgements(outputs)).collect();
    assert_eq!(acceptances, [Acceptance::Ignore; 4]);
    assert_eq!(told(&outputs[2]), ["signer_mismatch", "rejected wrong_signer"]);
    assert_eq!(test.node.status(test.now).validation.signer_mismatch, Some(key(2).address()));
    // Who relays one stranger after the other is charged all the same.
    assert_eq!(judgements(&test.judged(1, block(9).by(3).message())), [Acceptance::Ignore]);
    assert_eq!(judgements(&test.judged(1, block(9).by(4).message())), [Acceptance::Charge]);
}

#[test]
fn a_wrong_clock_is_told_and_its_offset_known() {
    let mut test = Test::new();
    for seed in 1..=3 {
        test.give(connected(seed));
    }
    let mut all = Vec::new();
    for seed in 1..=3_u8 {
        let late = block(u64::from(seed)).with(|payload| payload.timestamp = NOW - 300);
        all.extend(told(&test.judged(seed, late.message())));
    }
    assert!(all.contains(&"clock_skew".to_owned()), "{all:?}");
    let status = test.node.status(test.now);
    assert_eq!((status.validation.offset_ms, status.validation.clock_skew), (Some(300_000), true));
    test.judged(1, block(9).message());
    assert!(!test.node.status(test.now).validation.clock_skew);
}

#[test]
fn a_gap_is_told_and_skipped_when_its_time_is_over() {
    let mut test = Test::new();
    test.judged(1, block(1).message());
    assert_eq!(told(&test.judged(1, block(4).message())), ["block", "gap"]);
    let deadline = test.node.poll_timeout(test.now).unwrap();
    assert_eq!(deadline.why, "gap");
    let wait = deadline.at - test.now.mono;
    assert_eq!(told(&test.pass(wait.as_millis() as u64)), ["gap", "head"]);
    assert_eq!(test.node.head().unwrap().number, 4);
}

#[test]
fn a_sequencer_that_begins_again_is_told() {
    let mut test = Test::new();
    let (first, second) = (block(1), block(2).with(|payload| payload.parent_hash = block(1).hash()));
    test.judged(1, first.message());
    test.judged(1, second.message());
    let again = second.clone().with(|payload| payload.gas_used += 1);
    assert_eq!(told(&test.judged(1, again.message())), ["block", "conflict"]);
    let third = block(3).with(|payload| payload.parent_hash = again.hash());
    let outputs = test.judged(1, third.message());
    let Some(Output::Emit(Event::Head(head))) =
        outputs.iter().rfind(|output| matches!(output, Output::Emit(Event::Head(_))))
    else {
        panic!("{outputs:?}");
    };
    assert_eq!((head.why, head.replaces.unwrap().hash), (HeadReason::Reorged, second.hash()));
}

#[test]
fn kept_peers_are_dialled_at_the_start_and_again() {
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
fn a_slow_peer_is_dropped_after_a_few_warnings() {
    let mut test = Test::new();
    test.give(connected(1));
    let dropped: Vec<_> = (0..4).flat_map(|_| drops(&test.give(Input::Slow { peer: peer(1) }))).collect();
    assert_eq!(dropped, [(peer(1), DisconnectReason::Slow)]);
    assert!(drops(&test.give(Input::Slow { peer: peer(9) })).is_empty());
}

#[test]
fn what_a_peer_calls_itself_is_cut_and_cleaned() {
    let mut test = Test::new();
    test.give(connected(1));
    test.give(Input::Identified {
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
fn a_clock_that_leaps_by_a_day_breaks_nothing() {
    let mut test = Test::new();
    test.judged(1, block(1).message());
    test.judged(1, block(4).message());
    test.gossip(1, block(5).message());
    test.pass(86_400_000);
    test.now.unix = Duration::from_secs(NOW);
    assert_eq!(told(&test.judged(2, block(6).message())).first().map(String::as_str), Some("block"));
    assert!(test.node.poll_timeout(test.now).is_none_or(|deadline| deadline.at > test.now.mono));
}

/// A node that keeps two peers, connected one second apart.
fn keeping_two() -> Test {
    let mut config = config();
    config.static_peers =
        (1..=2).map(|seed| StaticPeer { peer: peer(seed), addresses: vec![format!("/memory/{seed}")] }).collect();
    let mut test = Test::of(config);
    test.give(connected(1));
    test.pass(1000);
    test.give(connected(2));
    test
}

#[test]
fn when_nobody_says_anything_one_kept_peer_after_the_other_is_dropped_ever_more_seldom() {
    let mut test = keeping_two();
    assert!(drops(&test.pass(18_900)).is_empty());
    assert_eq!(drops(&test.pass(200)), [(peer(1), DisconnectReason::Silent)]);
    test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(drops(&test.pass(39_000)).is_empty());
    assert_eq!(drops(&test.pass(1_100)), [(peer(2), DisconnectReason::Silent)]);
}

#[test]
fn whoever_says_anything_breaks_the_silence() {
    let mut test = keeping_two();
    test.pass(15_000);
    test.gossip(2, block(1).message());
    assert!(drops(&test.pass(19_900)).is_empty());
    assert_eq!(drops(&test.pass(200)), [(peer(1), DisconnectReason::Silent)]);
}

#[test]
fn who_makes_the_blocks_hears_none_and_keeps_its_peers() {
    let mut test = keeping_two();
    for number in 1..=60 {
        assert!(drops(&test.pass(2_000)).is_empty());
        let made = block(number).with(|payload| payload.timestamp += 2 * number);
        let outputs = test.give(Input::Produced { version: Version::V4, data: made.message().data });
        let (id, check) = checks(&outputs).pop().unwrap();
        test.give(Input::Validated { id, outcome: check.run(Primitives::PORTABLE) });
    }
}

#[test]
fn a_peer_that_joins_what_it_had_joined_is_mute_and_dropped() {
    let mut test = Test::new();
    let topic = |joined| Input::Topic { peer: peer(1), version: Version::V4, joined };
    test.give(connected(1));
    assert!(drops(&test.give(topic(true))).is_empty());
    assert_eq!(drops(&test.give(topic(true))), [(peer(1), DisconnectReason::Muted)]);
    // Leaving and coming back is no sign of it; nor is joining on another connection.
    test.give(topic(false));
    assert!(drops(&test.give(topic(true))).is_empty());
    test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    test.give(connected(1));
    assert!(drops(&test.give(topic(true))).is_empty());
}
