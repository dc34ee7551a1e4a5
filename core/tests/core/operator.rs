//! Operator commands on a running node.

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
    driven::{TestNode, connected_at, disconnects, event_names, peer},
    forge::{NOW, config},
    reputation::{bans, gater_changes, public_ip},
};

fn ban(who: BanTarget, secs: Option<u64>) -> Input {
    let until = secs.map(|secs| NOW + secs);
    Input::Ban {
        who,
        ban: Ban { until, secs: secs.unwrap_or(0), reason: "by hand".to_owned(), ip: None, by_operator: true },
    }
}

#[test]
fn an_operators_ban_replaces_another_and_closes_connections() {
    let mut test = TestNode::new();
    for seed in 1..=3 {
        test.input(connected_at(seed, public_ip(seed)));
    }
    let who = BanTarget::Peer(peer(1));
    let outputs = test.input(ban(who, Some(3600)));
    assert_eq!(
        (gater_changes(&outputs), disconnects(&outputs)),
        (vec![(false, who)], vec![(peer(1), DisconnectReason::Banned)])
    );
    assert_eq!(bans(&outputs)[0].cause, BanCause::Operator);
    let is_persisted = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(_, Some(_)), .. });
    assert!(outputs.iter().any(is_persisted));
    // A shorter ban replaces it too.
    assert_eq!(event_names(&test.input(ban(who, Some(60)))), ["banned"]);
    assert_eq!(test.node.ban_of(who).unwrap().until, Some(NOW + 60));
    test.input(ban(who, None));
    assert!(gater_changes(&test.advance(3_600_000)).is_empty(), "a permanent ban");

    let net: BanTarget = "203.0.113.2/31".parse().unwrap();
    let outputs = test.input(ban(net, None));
    assert_eq!(disconnects(&outputs), [(peer(2), DisconnectReason::Banned), (peer(3), DisconnectReason::Banned)]);

    let outputs = test.input(Input::Unban { who });
    assert_eq!((gater_changes(&outputs), event_names(&outputs)), (vec![(true, who)], vec!["unbanned".to_owned()]));
    assert!(test.input(Input::Unban { who }).is_empty(), "there is no ban");
}

#[test]
fn a_static_peer_is_not_banned_by_an_operator() {
    let statics = vec![StaticPeer { peer: peer(1), addresses: vec!["/memory/1".to_owned()] }];
    let mut test = TestNode::with_config(Config { static_peers: statics, ..config() });
    test.input(connected_at(1, public_ip(1)));
    assert!(test.node.is_protected(peer(1)));
    assert!(test.input(ban(BanTarget::Peer(peer(1)), None)).is_empty());
    // Its address may be banned: the static peer is still allowed, and stays connected.
    let outputs = test.input(ban(BanTarget::Ip(public_ip(1)), None));
    assert!(disconnects(&outputs).is_empty() && gater_changes(&outputs).len() == 1);
}

#[test]
fn a_report_has_the_parts_of_a_score() {
    let mut test = TestNode::new();
    test.input(connected_at(1, public_ip(1)));
    test.advance(5_000);
    test.input(crate::reputation::scored(&[(1, -7.5)]));
    let now = Now { mono: Duration::from_secs(3600), unix: Duration::from_secs(NOW) };
    let report = test.node.peers(now).remove(0);
    assert_eq!((report.status.score, report.gossip, report.total), (-7.5, -7.5, -7.5));
    assert!(report.age_secs > 0 && !report.is_static && report.earned.is_blank());
}
