//! Bans and the connection gater.

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
    reputation::{BanList, Reputation},
    score::Score,
};

use crate::{
    driven::{TestNode, connected_at, disconnects, event_names, peer},
    forge::{NOW, after, config},
    reputation::{bans, gater_changes, keep_score_low, public_ip, scored},
};

#[test]
fn bans_survive_a_restart_until_they_end() {
    let ban = |until: u64, secs| Ban {
        until: Some(until),
        secs,
        reason: "invalid messages".to_owned(),
        ip: None,
        by_operator: false,
    };
    let memory = RestoredState {
        bans: vec![
            (BanTarget::Peer(peer(1)), ban(NOW + 60, 3600)),
            (BanTarget::Peer(peer(2)), ban(NOW - 1, 3600)),
            // The clock was set back by a year meanwhile.
            (BanTarget::Ip(public_ip(3)), ban(NOW + 31_536_000, 90)),
        ],
        ..RestoredState::default()
    };
    let (mut test, outputs) = TestNode::restored(config(), &memory);
    assert_eq!(gater_changes(&outputs), [(false, BanTarget::Peer(peer(1))), (false, BanTarget::Ip(public_ip(3)))]);
    let is_deleted = |output: &Output| matches!(output, Output::Persist { item: Persist::Ban(who, None), .. } if *who == BanTarget::Peer(peer(2)));
    assert!(outputs.iter().any(is_deleted), "an ended ban is deleted");
    assert_eq!(test.node.status(test.now).peering.bans.len(), 2);
    assert_eq!(gater_changes(&test.advance(60_000)), [(true, BanTarget::Peer(peer(1)))]);
    assert_eq!(gater_changes(&test.advance(30_000)), [(true, BanTarget::Ip(public_ip(3)))]);
}

#[test]
fn a_permanent_ban_stays() {
    let ban = |until| Ban { until, secs: 0, reason: "blocked".to_owned(), ip: None, by_operator: false };
    let net: BanTarget = "203.0.113.0/24".parse().unwrap();
    let memory = RestoredState {
        bans: vec![(net, ban(None)), (BanTarget::Peer(peer(1)), ban(None))],
        ..RestoredState::default()
    };
    let (mut test, outputs) = TestNode::restored(config(), &memory);
    assert_eq!(gater_changes(&outputs).len(), 2);
    assert!(gater_changes(&test.advance(10 * 365 * 24 * 3600 * 1000)).is_empty());
    assert_eq!(test.node.status(test.now).peering.bans.iter().filter(|ban| ban.until.is_none()).count(), 2);
    // A shorter ban does not replace it.
    test.input(connected_at(1, public_ip(1)));
    let outputs = keep_score_low(&mut test, 1, -500.0);
    assert!(bans(&outputs).is_empty() && disconnects(&outputs).len() == 1, "{outputs:?}");
}

#[test]
fn a_peer_with_a_low_score_is_blocked_until_its_score_has_recovered() {
    let mut score = Score::default();
    for _ in 0..3 {
        score.penalize(Offence::InvalidResponse);
    }
    let record = PeerEntry { seen: NOW, score, ..PeerEntry::default() };
    let memory = RestoredState { peers: vec![(peer(1), record)], ..RestoredState::default() };
    let mut config = config();
    config.reputation.min_score = Some(-50.0);
    let (mut test, _) = TestNode::restored(config, &memory);
    assert_eq!(gater_changes(&test.input(scored(&[]))), [(false, BanTarget::Peer(peer(1)))]);
    test.advance(2_000);
    assert!(gater_changes(&test.input(scored(&[]))).is_empty());
    test.advance(6_000);
    assert_eq!(gater_changes(&test.input(scored(&[]))), [(true, BanTarget::Peer(peer(1)))]);
}

#[test]
fn when_a_ban_ends_a_low_score_still_blocks() {
    let mut score = Score::default();
    score.penalize(Offence::ResponseMismatch);
    let record = PeerEntry { seen: NOW, score, ..PeerEntry::default() };
    let ban =
        Ban { until: Some(NOW + 2), secs: 2, reason: "invalid messages".to_owned(), ip: None, by_operator: false };
    let memory = RestoredState {
        peers: vec![(peer(1), record)],
        bans: vec![(BanTarget::Peer(peer(1)), ban)],
        ..RestoredState::default()
    };
    let (mut test, _) = TestNode::restored(config(), &memory);
    test.input(scored(&[]));
    let outputs = test.advance(2_000);
    assert_eq!((event_names(&outputs), gater_changes(&outputs)), (vec!["unbanned".to_owned()], vec![]));
    test.advance(6_000);
    assert_eq!(gater_changes(&test.input(scored(&[]))), [(true, BanTarget::Peer(peer(1)))]);
}

#[test]
fn four_banned_peers_of_one_public_address_ban_the_address() {
    for (ip, banned) in
        [(public_ip(9), true), (Ipv4Addr::new(192, 168, 1, 9).into(), false), (Ipv4Addr::LOCALHOST.into(), false)]
    {
        let mut test = TestNode::new();
        let mut gates = Vec::new();
        for seed in 1..=4 {
            test.input(connected_at(seed, ip));
            gates = gater_changes(&keep_score_low(&mut test, seed, -64.0));
            test.input(Input::Disconnected { peer: peer(seed), reason: String::new() });
        }
        assert_eq!(gates.contains(&(false, BanTarget::Ip(ip))), banned, "{ip}");
    }
}

#[test]
fn the_ban_of_an_address_is_short_and_a_shared_address_is_not_banned() {
    let ip = public_ip(9);
    for shared in [false, true] {
        let mut test = TestNode::new();
        if shared {
            test.input(connected_at(9, ip));
        }
        for seed in 1..=4 {
            test.input(connected_at(seed, ip));
            keep_score_low(&mut test, seed, -64.0);
            test.input(Input::Disconnected { peer: peer(seed), reason: String::new() });
        }
        let ban = test.node.ban_of(BanTarget::Ip(ip));
        assert_eq!(ban.is_none(), shared, "{ban:?}");
        if let Some(until) = ban.and_then(|ban| ban.until) {
            assert!(until <= test.now.secs() + Reputation::ADDRESS_BAN.as_secs());
        }
    }
}

#[test]
fn the_ban_list_is_bounded_and_a_longer_ban_stays() {
    let mut list = BanList::default();
    let ban = |secs| Ban { until: Some(NOW + secs), secs, reason: String::new(), ip: None, by_operator: false };
    let named = |index: u32| BanTarget::Peer(PeerId::from_bytes(&index.to_be_bytes()).unwrap());
    for index in 0..BanList::MAX as u32 {
        assert_eq!(list.ban(after(0), named(index), ban(100 + u64::from(index))), Some(vec![]));
    }
    assert_eq!(
        list.ban(after(0), named(9_999), ban(5_000)),
        Some(vec![named(0)]),
        "the ban that ends first is removed"
    );
    assert_eq!(list.ban(after(0), named(9_999), ban(4_000)), None);
    assert_eq!(list.ban(after(1_000), named(9_999), ban(5_000)), None, "the ban is not restarted");
    assert_eq!(list.ended(Duration::from_secs(101)), [named(1)]);
    assert!(list.lift(named(9_999)) && !list.lift(named(9_999)));
}

#[test]
fn bans_of_new_peer_ids_end_no_ban_of_an_address_and_none_of_the_operator() {
    let mut list = BanList::default();
    let ban = |secs, by_operator| Ban { until: Some(NOW + secs), secs, reason: String::new(), ip: None, by_operator };
    let named = |index: u32| BanTarget::Peer(PeerId::from_bytes(&index.to_be_bytes()).unwrap());
    let (address, by_operator) = (BanTarget::Ip(public_ip(1)), BanTarget::Ip(public_ip(2)));
    list.ban(after(0), address, ban(10, false));
    list.ban(after(0), by_operator, ban(20, true));
    for index in 0..2 * BanList::MAX as u32 {
        list.ban(after(0), named(index), ban(3_600, false));
    }
    assert!(list.contains(address) && list.contains(by_operator));
    assert_eq!(list.iter().count(), BanList::MAX + 2);
    assert_eq!(list.due(), Some(Duration::from_secs(10)));
    assert_eq!(list.ended(Duration::from_secs(20)), [by_operator, address]);
}

#[test]
fn an_ipv6_prefix_is_one_address_and_an_embedded_ipv4_is_ipv4() {
    let subject = |text: &str| text.parse::<BanTarget>().unwrap();
    assert_eq!(subject("2001:db8:1:2:3:4:5:6"), subject("2001:db8:1:2::1"));
    assert_ne!(subject("2001:db8:1:3::1"), subject("2001:db8:1:2::1"));
    assert_eq!(subject("::ffff:203.0.113.7"), BanTarget::Ip(public_ip(7)));
    let text = BanTarget::Peer(peer(7)).to_string();
    assert_eq!(subject(&text), BanTarget::Peer(peer(7)));
    assert_eq!(subject("10.1.2.3/8").to_string(), "10.0.0.0/8");
    assert_eq!(subject("2001:db8:7::1/32").to_string(), "2001:db8::/32");
    assert!("invalid".parse::<BanTarget>().is_err() && "10.0.0.0/33".parse::<BanTarget>().is_err());
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
    assert!(is_public(public_ip(1)) && is_public(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into()));
}
