//! What an operator does to a running node.

use core::time::Duration;

use petrel_core::{
    Input, Output,
    ban::{Ban, BanTarget},
    config::{Config, StaticPeer},
    event::{BanCause, DisconnectReason},
    persistence::Persist,
    time::Now,
};

use crate::{
    driven::{Test, connected_at, drops, peer, told},
    forge::{NOW, config},
    reputation::{bans, gate, public},
};

fn ban(who: BanTarget, secs: Option<u64>) -> Input {
    let until = secs.map(|secs| NOW + secs);
    Input::Ban { who, ban: Ban { until, secs: secs.unwrap_or(0), reason: "by hand".to_owned(), ip: None } }
}

#[test]
fn a_ban_by_hand_takes_the_place_of_another_and_closes_what_it_concerns() {
    let mut test = Test::new();
    for seed in 1..=3 {
        test.give(connected_at(seed, public(seed)));
    }
    let who = BanTarget::Peer(peer(1));
    let outputs = test.give(ban(who, Some(3600)));
    assert_eq!((gate(&outputs), drops(&outputs)), (vec![(false, who)], vec![(peer(1), DisconnectReason::Banned)]));
    assert_eq!(bans(&outputs)[0].cause, BanCause::Operator);
    let keeps = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(_, Some(_)), .. });
    assert!(outputs.iter().any(keeps));
    // A shorter one too.
    assert_eq!(told(&test.give(ban(who, Some(60)))), ["banned"]);
    assert_eq!(test.node.ban_of(who).unwrap().until, Some(NOW + 60));
    test.give(ban(who, None));
    assert!(gate(&test.pass(3_600_000)).is_empty(), "without an end");

    let net: BanTarget = "203.0.113.2/31".parse().unwrap();
    let outputs = test.give(ban(net, None));
    assert_eq!(drops(&outputs), [(peer(2), DisconnectReason::Banned), (peer(3), DisconnectReason::Banned)]);

    let outputs = test.give(Input::Unban { who });
    assert_eq!((gate(&outputs), told(&outputs)), (vec![(true, who)], vec!["unbanned".to_owned()]));
    assert!(test.give(Input::Unban { who }).is_empty(), "there is none");
}

#[test]
fn a_static_peer_is_not_banned_by_hand() {
    let statics = vec![StaticPeer { peer: peer(1), addresses: vec!["/memory/1".to_owned()] }];
    let mut test = Test::of(Config { static_peers: statics, ..config() });
    test.give(connected_at(1, public(1)));
    assert!(test.node.is_protected(peer(1)));
    assert!(test.give(ban(BanTarget::Peer(peer(1)), None)).is_empty());
    // Its address may be banned: it is let through all the same, and keeps its connection.
    let outputs = test.give(ban(BanTarget::Ip(public(1)), None));
    assert!(drops(&outputs).is_empty() && gate(&outputs).len() == 1);
}

#[test]
fn a_report_has_the_parts_of_a_score() {
    let mut test = Test::new();
    test.give(connected_at(1, public(1)));
    test.pass(5_000);
    test.give(crate::reputation::scored(&[(1, -7.5)]));
    let now = Now { mono: Duration::from_secs(3600), unix: Duration::from_secs(NOW) };
    let report = test.node.peers(now).remove(0);
    assert_eq!((report.status.score, report.gossip, report.total), (-7.5, -7.5, -7.5));
    assert!(report.age_secs > 0 && !report.is_static && report.earned.is_blank());
}
