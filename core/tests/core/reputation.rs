//! Points, bans and the gate.

use std::net::{IpAddr, Ipv4Addr};

use petrel_core::{
    Event, Input, Output,
    ban::BanTarget,
    config::{Config, StaticPeer},
    event::{Banned, Connected, DisconnectReason},
    fault::Acceptance,
    fork::Version,
    persistence::Persist,
    reputation::Reputation,
};

use crate::{
    driven::{Test, connected, connected_at, drops, judgements, peer, told},
    forge::{Forge, NOW, config, forge, key},
};

pub(crate) fn public(last: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, last).into()
}

pub(crate) fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

pub(crate) fn scored(scores: &[(u8, f64)]) -> Input {
    Input::Scored(scores.iter().map(|(seed, score)| (peer(*seed), *score)).collect())
}

/// Who is shut out and let in, in order.
pub(crate) fn gate(outputs: &[Output]) -> Vec<(bool, BanTarget)> {
    let change = |output: &Output| match output {
        Output::Block(subject) => Some((false, *subject)),
        Output::Unblock(subject) => Some((true, *subject)),
        _ => None,
    };
    outputs.iter().filter_map(change).collect()
}

pub(crate) fn bans(outputs: &[Output]) -> Vec<Banned> {
    let ban = |output: &Output| match output {
        Output::Emit(Event::Banned(ban)) => Some(ban.clone()),
        _ => None,
    };
    outputs.iter().filter_map(ban).collect()
}

/// The wishes after a score has been as low for as long as it must be.
pub(crate) fn low_for_long(test: &mut Test, seed: u8, score: f64) -> Vec<Output> {
    assert!(gate(&test.give(scored(&[(seed, score)]))).is_empty(), "not at once");
    test.pass(3_000);
    test.give(scored(&[(seed, score)]))
}

/// Peer 2 sends a block of our signer, and peer 1 one of another's; how the latter is taken.
fn false_beside_true(test: &mut Test, number: u64) -> Acceptance {
    assert_eq!(judgements(&test.judged(2, block(number).message())), [Acceptance::Accept]);
    judgements(&test.judged(1, block(number).by(2).message()))[0]
}

pub(crate) fn first(input: &Input) -> Connected {
    match input {
        Input::Connected(connected) => connected.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fifth_false_message_bans_with_a_reason_and_an_end() {
    let mut test = Test::new();
    test.give(connected_at(1, public(1)));
    test.give(connected_at(2, public(2)));
    for number in 1..=4 {
        assert_eq!(false_beside_true(&mut test, number), Acceptance::Charge);
    }
    // Four are none, however low gossipsub's score is with them.
    assert!(bans(&test.give(scored(&[(1, 16.0 * Reputation::FALSE_MESSAGES)]))).is_empty());
    test.judged(2, block(5).message());
    let outputs = test.judged(1, block(5).by(2).message());
    assert_eq!(told(&outputs), ["rejected wrong_signer", "banned"]);
    assert_eq!(drops(&outputs), [(peer(1), DisconnectReason::Banned)]);
    assert_eq!(gate(&outputs), [(false, BanTarget::Peer(peer(1)))]);
    let ban = &bans(&outputs)[0];
    assert_eq!(ban.until, Some(NOW + 3600));
    assert!(ban.reason.contains("below -100") && ban.reason.contains("false messages"), "{}", ban.reason);
    let kept = outputs.iter().any(|output| {
        matches!(output, Output::Persist { item: Persist::Ban(_, Some(kept)), .. }
        if kept.until == ban.until && kept.ip == Some(public(1)))
    });
    assert!(kept, "{outputs:?}");
    // It is told once, and ends.
    test.give(Input::Disconnected { peer: peer(1), reason: "closed".to_owned() });
    assert!(gate(&test.pass(3_599_000)).is_empty());
    let outputs = test.pass(1_000);
    assert_eq!(told(&outputs), ["unbanned"]);
    assert_eq!(gate(&outputs), [(true, BanTarget::Peer(peer(1)))]);
    let forgets = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(_, None), .. });
    assert!(outputs.iter().any(forgets));
}

/// How many false messages it takes until the ban, with so many seconds from one to the next, and the seconds that this
/// took; at most 60 messages.
fn falls_after(secs: u64) -> Option<(u64, u64)> {
    let mut test = Test::new();
    test.give(connected_at(1, public(1)));
    test.give(connected_at(2, public(2)));
    for number in 1..=60 {
        let late = |block: Forge| block.with(|block| block.timestamp += (number - 1) * secs);
        test.judged(2, late(block(number)).message());
        let outputs = test.judged(1, late(block(number)).by(2).message());
        assert_eq!(judgements(&outputs), [Acceptance::Charge]);
        if let Some(ban) = bans(&outputs).first() {
            assert!(ban.reason.contains("false messages"), "{}", ban.reason);
            return Some((number, (number - 1) * secs));
        }
        test.pass(secs * 1000);
    }
    None
}

#[test]
fn who_persists_is_banned_within_a_minute_and_one_in_two_minutes_is_borne() {
    assert_eq!(falls_after(1), Some((5, 4)));
    assert_eq!(falls_after(3), Some((5, 12)));
    assert_eq!(falls_after(10), Some((5, 40)));
    assert_eq!(falls_after(12), Some((5, 48)));
    assert_eq!(falls_after(120), None);
}

/// gossipsub hears a peer's offers until its score is below −10, and nothing of it below −40: a ban must not need what is not
/// heard.
#[test]
fn the_fifth_false_message_is_still_heard() {
    let after = |messages: f64| messages * messages * Reputation::FALSE_MESSAGES;
    assert!(after(4.0) >= -10.0);
    assert!(after(8.0) > Reputation::GRAYLIST && after(9.0) < Reputation::GRAYLIST);
}

#[test]
fn a_score_that_falls_for_a_moment_costs_nothing() {
    let mut test = Test::new();
    test.give(connected(1));
    test.give(scored(&[(1, -64.0)]));
    test.pass(2_000);
    assert!(test.give(scored(&[(1, -31.0)])).is_empty());
    test.pass(2_000);
    assert!(test.give(scored(&[(1, -64.0)])).is_empty(), "the time below begins anew");
}

#[test]
fn who_misbehaves_without_a_lie_is_kept_out_for_ten_minutes() {
    let mut test = Test::new();
    test.give(connected(1));
    let outputs = low_for_long(&mut test, 1, -64.0);
    assert_eq!(drops(&outputs), [(peer(1), DisconnectReason::Graylisted)]);
    assert_eq!(bans(&outputs)[0].until, Some(NOW + 3 + Reputation::GRAYLIST_BAN.as_secs()));
}

#[test]
fn a_static_peer_is_told_of_and_stays() {
    let mut config = config();
    config.static_peers = vec![StaticPeer { peer: peer(1), addresses: vec!["/ip4/10.0.0.1/tcp/1".to_owned()] }];
    let mut test = Test::of(config);
    test.give(connected(1));
    let outputs = low_for_long(&mut test, 1, -500.0);
    assert_eq!(told(&outputs), ["graylisted"]);
    assert!(drops(&outputs).is_empty() && gate(&outputs).is_empty());
    // Once, as long as it lasts.
    assert!(told(&test.give(scored(&[(1, -500.0)]))).is_empty());
}

#[test]
fn where_nobody_is_banned_or_scored_nobody_is() {
    let off: [fn(&mut Config); 2] =
        [|config| config.reputation.bans = false, |config| config.reputation.scoring = false];
    for switch in off {
        let mut config = config();
        switch(&mut config);
        let mut test = Test::of(config);
        test.give(connected(1));
        test.give(connected(2));
        for number in 1..=12 {
            false_beside_true(&mut test, number);
        }
        let outputs = low_for_long(&mut test, 1, -500.0);
        assert!(bans(&outputs).is_empty() && drops(&outputs).is_empty(), "{outputs:?}");
    }
}

#[test]
fn with_a_stale_signer_no_honest_peer_is_charged_however_fast_it_is() {
    let mut test = Test::new();
    for seed in 1..=5 {
        test.give(connected_at(seed, public(seed)));
    }
    // The fastest sends all of them, and only then the others.
    for number in 1..=20 {
        assert_eq!(judgements(&test.judged(1, block(number).by(2).message())), [Acceptance::Ignore]);
    }
    for seed in 2..=5 {
        assert_eq!(judgements(&test.judged(seed, block(20 + u64::from(seed)).by(2).message())), [Acceptance::Ignore]);
    }
    assert_eq!(test.node.status(test.now).validation.signer_mismatch, Some(key(2).address()));
}

#[test]
fn after_a_rotation_that_we_did_not_see_two_are_charged_at_most() {
    let mut test = Test::new();
    test.give(connected(1));
    test.judged(1, block(1).message());
    let mut charged = 0;
    for number in 2..=20 {
        test.pass(2_000);
        let block = block(number).with(|payload| payload.timestamp += 2 * (number - 1));
        let outputs = test.judged(1, block.by(2).message());
        charged += judgements(&outputs).iter().filter(|acceptance| **acceptance == Acceptance::Charge).count();
    }
    assert_eq!(charged, 2);
}
