//! Bans and the gate.

use core::time::Duration;
use std::net::{Ipv4Addr, Ipv6Addr};

use petrel_core::{
    Input, Output,
    address::is_public,
    ban::{Ban, BanTarget},
    fault::Offence,
    peer::PeerId,
    peer_store::PeerEntry,
    persistence::{Persist, RestoredState},
    reputation::BanList,
    score::Score,
};

use crate::{
    driven::{Test, connected_at, drops, peer, told},
    forge::{NOW, after, config},
    reputation::{bans, gate, low_for_long, public, scored},
};

#[test]
fn bans_outlive_a_restart_and_not_their_end() {
    let ban = |until: u64, secs| Ban { until: Some(until), secs, reason: "it lied".to_owned(), ip: None };
    let memory = RestoredState {
        bans: vec![
            (BanTarget::Peer(peer(1)), ban(NOW + 60, 3600)),
            (BanTarget::Peer(peer(2)), ban(NOW - 1, 3600)),
            // The clock was set back by a year since.
            (BanTarget::Ip(public(3)), ban(NOW + 31_536_000, 90)),
        ],
        ..RestoredState::default()
    };
    let (mut test, outputs) = Test::remembering(config(), &memory);
    assert_eq!(gate(&outputs), [(false, BanTarget::Peer(peer(1))), (false, BanTarget::Ip(public(3)))]);
    let forgotten = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(who, None), .. } if *who == BanTarget::Peer(peer(2)));
    assert!(outputs.iter().any(forgotten), "what has ended is not kept any longer");
    assert_eq!(test.node.status(test.now).peering.bans.len(), 2);
    assert_eq!(gate(&test.pass(60_000)), [(true, BanTarget::Peer(peer(1)))]);
    assert_eq!(gate(&test.pass(30_000)), [(true, BanTarget::Ip(public(3)))]);
}

#[test]
fn what_an_operator_bans_without_an_end_stays_banned() {
    let ban = |until| Ban { until, secs: 0, reason: "blocked".to_owned(), ip: None };
    let net: BanTarget = "203.0.113.0/24".parse().unwrap();
    let memory = RestoredState {
        bans: vec![(net, ban(None)), (BanTarget::Peer(peer(1)), ban(None))],
        ..RestoredState::default()
    };
    let (mut test, outputs) = Test::remembering(config(), &memory);
    assert_eq!(gate(&outputs).len(), 2);
    assert!(gate(&test.pass(10 * 365 * 24 * 3600 * 1000)).is_empty());
    assert_eq!(test.node.status(test.now).peering.bans.iter().filter(|ban| ban.until.is_none()).count(), 2);
    // A shorter one does not take its place.
    test.give(connected_at(1, public(1)));
    let outputs = low_for_long(&mut test, 1, -500.0);
    assert!(bans(&outputs).is_empty() && drops(&outputs).len() == 1, "{outputs:?}");
}

#[test]
fn a_low_score_is_refused_until_it_is_back() {
    let mut score = Score::default();
    for _ in 0..3 {
        score.penalize(Offence::InvalidResponse);
    }
    let record = PeerEntry { seen: NOW, score, ..PeerEntry::default() };
    let memory = RestoredState { peers: vec![(peer(1), record)], ..RestoredState::default() };
    let mut config = config();
    config.reputation.min_score = Some(-50.0);
    let (mut test, _) = Test::remembering(config, &memory);
    assert_eq!(gate(&test.give(scored(&[]))), [(false, BanTarget::Peer(peer(1)))]);
    test.pass(2_000);
    assert!(gate(&test.give(scored(&[]))).is_empty());
    test.pass(6_000);
    assert_eq!(gate(&test.give(scored(&[]))), [(true, BanTarget::Peer(peer(1)))]);
}

#[test]
fn when_a_ban_ends_a_low_score_still_keeps_out() {
    let mut score = Score::default();
    score.penalize(Offence::FalseResponse);
    let record = PeerEntry { seen: NOW, score, ..PeerEntry::default() };
    let ban = Ban { until: Some(NOW + 2), secs: 2, reason: "it lied".to_owned(), ip: None };
    let memory = RestoredState {
        peers: vec![(peer(1), record)],
        bans: vec![(BanTarget::Peer(peer(1)), ban)],
        ..RestoredState::default()
    };
    let (mut test, _) = Test::remembering(config(), &memory);
    test.give(scored(&[]));
    let outputs = test.pass(2_000);
    assert_eq!((told(&outputs), gate(&outputs)), (vec!["unbanned".to_owned()], vec![]));
    test.pass(6_000);
    assert_eq!(gate(&test.give(scored(&[]))), [(true, BanTarget::Peer(peer(1)))]);
}

#[test]
fn four_banned_peers_of_one_public_address_ban_it_and_no_private_one() {
    for (ip, banned) in
        [(public(9), true), (Ipv4Addr::new(192, 168, 1, 9).into(), false), (Ipv4Addr::LOCALHOST.into(), false)]
    {
        let mut test = Test::new();
        let mut gates = Vec::new();
        for seed in 1..=4 {
            test.give(connected_at(seed, ip));
            gates = gate(&low_for_long(&mut test, seed, -64.0));
            test.give(Input::Disconnected { peer: peer(seed), reason: String::new() });
        }
        assert_eq!(gates.contains(&(false, BanTarget::Ip(ip))), banned, "{ip}");
    }
}

#[test]
fn the_gate_is_bounded_and_a_longer_ban_stays() {
    let mut gate = BanList::default();
    let ban = |secs| Ban { until: Some(NOW + secs), secs, reason: String::new(), ip: None };
    let named = |index: u32| BanTarget::Peer(PeerId::from_bytes(&index.to_be_bytes()).unwrap());
    for index in 0..BanList::MAX as u32 {
        assert_eq!(gate.ban(after(0), named(index), ban(100 + u64::from(index))), Some(vec![]));
    }
    assert_eq!(gate.ban(after(0), named(9_999), ban(5_000)), Some(vec![named(0)]), "the first to end makes room");
    assert_eq!(gate.ban(after(0), named(9_999), ban(4_000)), None);
    assert_eq!(gate.ban(after(1_000), named(9_999), ban(5_000)), None, "it is not begun anew");
    assert_eq!(gate.ended(Duration::from_secs(101)), [named(1)]);
    assert!(gate.lift(named(9_999)) && !gate.lift(named(9_999)));
}

#[test]
fn an_ipv6_subscriber_is_one_address_and_an_embedded_ipv4_is_itself() {
    let subject = |text: &str| text.parse::<BanTarget>().unwrap();
    assert_eq!(subject("2001:db8:1:2:3:4:5:6"), subject("2001:db8:1:2::1"));
    assert_ne!(subject("2001:db8:1:3::1"), subject("2001:db8:1:2::1"));
    assert_eq!(subject("::ffff:203.0.113.7"), BanTarget::Ip(public(7)));
    let text = BanTarget::Peer(peer(7)).to_string();
    assert_eq!(subject(&text), BanTarget::Peer(peer(7)));
    assert_eq!(subject("10.1.2.3/8").to_string(), "10.0.0.0/8");
    assert_eq!(subject("2001:db8:7::1/32").to_string(), "2001:db8::/32");
    assert!("neither nor".parse::<BanTarget>().is_err() && "10.0.0.0/33".parse::<BanTarget>().is_err());
    for private in [
        "127.0.0.1",
        "10.1.2.3",
        "169.254.0.1",
        "100.64.0.1",
        "0.0.0.0",
        "::1",
        "fd00::1",
        "fe80::1",
        "::ffff:10.0.0.1",
    ] {
        assert!(!is_public(private.parse().unwrap()), "{private}");
    }
    assert!(is_public(public(1)) && is_public(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()));
}
