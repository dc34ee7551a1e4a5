//! Scores, graylist and bans.

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
    driven::{TestNode, acceptances, connected, connected_at, disconnects, event_names, peer},
    forge::{Forge, NOW, config, forge, key},
};

pub(crate) fn public_ip(last: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, last).into()
}

pub(crate) fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

pub(crate) fn scored(scores: &[(u8, f64)]) -> Input {
    Input::Scored(scores.iter().map(|(seed, score)| (peer(*seed), *score)).collect())
}

/// Blocked (`false`) and unblocked (`true`) targets, in order.
pub(crate) fn gater_changes(outputs: &[Output]) -> Vec<(bool, BanTarget)> {
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

/// The outputs after a score has been low for 3 s.
pub(crate) fn keep_score_low(test: &mut TestNode, seed: u8, score: f64) -> Vec<Output> {
    assert!(gater_changes(&test.input(scored(&[(seed, score)]))).is_empty(), "a low score has no effect at once");
    test.advance(3_000);
    test.input(scored(&[(seed, score)]))
}

/// Peer 2 sends a valid block, and peer 1 one of an unknown signer. Returns the acceptance of the latter.
fn send_valid_and_false(test: &mut TestNode, number: u64) -> Acceptance {
    assert_eq!(acceptances(&test.validate(2, block(number).message())), [Acceptance::Accept]);
    acceptances(&test.validate(1, block(number).signed_by(2).message()))[0]
}

pub(crate) fn connected_event(input: &Input) -> Connected {
    match input {
        Input::Connected(connected) => connected.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_fifth_invalid_message_leads_to_a_ban_with_a_reason_and_an_end() {
    let mut test = TestNode::new();
    test.input(connected_at(1, public_ip(1)));
    test.input(connected_at(2, public_ip(2)));
    for number in 1..=4 {
        assert_eq!(send_valid_and_false(&mut test, number), Acceptance::Charge);
    }
    // Four do not lead to a ban, even with gossipsub's score for them.
    assert!(bans(&test.input(scored(&[(1, 16.0 * Reputation::INVALID_MESSAGES)]))).is_empty());
    test.validate(2, block(5).message());
    let outputs = test.validate(1, block(5).signed_by(2).message());
    assert_eq!(event_names(&outputs), ["rejected wrong_signer", "banned"]);
    assert_eq!(disconnects(&outputs), [(peer(1), DisconnectReason::Banned)]);
    assert_eq!(gater_changes(&outputs), [(false, BanTarget::Peer(peer(1)))]);
    let ban = &bans(&outputs)[0];
    assert_eq!(ban.until, Some(NOW + 3600));
    assert!(ban.reason.contains("below -100") && ban.reason.contains("invalid messages"), "{}", ban.reason);
    let is_persisted = outputs.iter().any(|output| {
        matches!(output, Output::Persist { item: Persist::Ban(_, Some(kept)), .. }
        if kept.until == ban.until && kept.ip == Some(public_ip(1)))
    });
    assert!(is_persisted, "{outputs:?}");
    // The ban is reported once, and ends.
    test.input(Input::Disconnected { peer: peer(1), reason: "closed".to_owned() });
    assert!(gater_changes(&test.advance(3_599_000)).is_empty());
    let outputs = test.advance(1_000);
    assert_eq!(event_names(&outputs), ["unbanned"]);
    assert_eq!(gater_changes(&outputs), [(true, BanTarget::Peer(peer(1)))]);
    let forgets = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(_, None), .. });
    assert!(outputs.iter().any(forgets));
}

/// The number of invalid messages until the ban, with `secs` seconds between them, and the seconds that this took; `None`
/// after 60 messages without a ban.
fn banned_after(secs: u64) -> Option<(u64, u64)> {
    let mut test = TestNode::new();
    test.input(connected_at(1, public_ip(1)));
    test.input(connected_at(2, public_ip(2)));
    for number in 1..=60 {
        let late = |block: Forge| block.with(|block| block.timestamp += (number - 1) * secs);
        test.validate(2, late(block(number)).message());
        let outputs = test.validate(1, late(block(number)).signed_by(2).message());
        assert_eq!(acceptances(&outputs), [Acceptance::Charge]);
        if let Some(ban) = bans(&outputs).first() {
            assert!(ban.reason.contains("invalid messages"), "{}", ban.reason);
            return Some((number, (number - 1) * secs));
        }
        test.advance(secs * 1000);
    }
    None
}

#[test]
fn repeated_invalid_messages_ban_within_a_minute_and_one_in_two_minutes_does_not() {
    assert_eq!(banned_after(1), Some((5, 4)));
    assert_eq!(banned_after(3), Some((5, 12)));
    assert_eq!(banned_after(10), Some((5, 40)));
    assert_eq!(banned_after(12), Some((5, 48)));
    assert_eq!(banned_after(120), None);
}

/// gossipsub ignores the IHAVE messages of a peer below a score of −10, and all its messages below −40. So the messages
/// that lead to a ban must arrive before.
#[test]
fn the_fifth_invalid_message_is_still_accepted_by_gossipsub() {
    let after = |messages: f64| messages * messages * Reputation::INVALID_MESSAGES;
    assert!(after(4.0) >= -10.0);
    assert!(after(8.0) > Reputation::GRAYLIST && after(9.0) < Reputation::GRAYLIST);
}

#[test]
fn a_low_score_for_a_short_time_has_no_effect() {
    let mut test = TestNode::new();
    test.input(connected(1));
    test.input(scored(&[(1, -64.0)]));
    test.advance(2_000);
    assert!(test.input(scored(&[(1, -31.0)])).is_empty());
    test.advance(2_000);
    assert!(test.input(scored(&[(1, -64.0)])).is_empty(), "the time restarts");
}

#[test]
fn a_graylisted_peer_is_banned_for_ten_minutes() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let outputs = keep_score_low(&mut test, 1, -64.0);
    assert_eq!(disconnects(&outputs), [(peer(1), DisconnectReason::Graylisted)]);
    assert_eq!(bans(&outputs)[0].until, Some(NOW + 3 + Reputation::GRAYLIST_BAN.as_secs()));
}

#[test]
fn a_graylisted_static_peer_is_reported_and_stays_connected() {
    let mut config = config();
    config.static_peers = vec![StaticPeer { peer: peer(1), addresses: vec!["/ip4/10.0.0.1/tcp/1".to_owned()] }];
    let mut test = TestNode::with_config(config);
    test.input(connected(1));
    let outputs = keep_score_low(&mut test, 1, -500.0);
    assert_eq!(event_names(&outputs), ["graylisted"]);
    assert!(disconnects(&outputs).is_empty() && gater_changes(&outputs).is_empty());
    // It is reported once while the score is low.
    assert!(event_names(&test.input(scored(&[(1, -500.0)]))).is_empty());
}

#[test]
fn without_bans_or_scoring_no_peer_is_banned() {
    let off: [fn(&mut Config); 2] =
        [|config| config.reputation.bans = false, |config| config.reputation.scoring = false];
    for switch in off {
        let mut config = config();
        switch(&mut config);
        let mut test = TestNode::with_config(config);
        test.input(connected(1));
        test.input(connected(2));
        for number in 1..=12 {
            send_valid_and_false(&mut test, number);
        }
        let outputs = keep_score_low(&mut test, 1, -500.0);
        assert!(bans(&outputs).is_empty() && disconnects(&outputs).is_empty(), "{outputs:?}");
    }
}

#[test]
fn with_a_stale_signer_no_honest_peer_is_penalised() {
    let mut test = TestNode::new();
    for seed in 1..=5 {
        test.input(connected_at(seed, Ipv4Addr::new(20, seed, 0, 1).into()));
    }
    // One peer sends all blocks first, then the others send theirs.
    for number in 1..=20 {
        assert_eq!(acceptances(&test.validate(1, block(number).signed_by(2).message())), [Acceptance::Ignore]);
    }
    for seed in 2..=5 {
        assert_eq!(
            acceptances(&test.validate(seed, block(20 + u64::from(seed)).signed_by(2).message())),
            [Acceptance::Ignore]
        );
    }
    assert_eq!(test.node.status(test.now).validation.signer_mismatch, Some(key(2).address()));
}

#[test]
fn after_an_unknown_rotation_at_most_two_messages_are_penalised() {
    let mut test = TestNode::new();
    test.input(connected(1));
    test.validate(1, block(1).message());
    let mut penalised = 0;
    for number in 2..=20 {
        test.advance(2_000);
        let block = block(number).with(|payload| payload.timestamp += 2 * (number - 1));
        let outputs = test.validate(1, block.signed_by(2).message());
        penalised += acceptances(&outputs).iter().filter(|acceptance| **acceptance == Acceptance::Charge).count();
    }
    assert_eq!(penalised, 2);
}
