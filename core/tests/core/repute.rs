//! Points, bans and the gate.

use core::time::Duration;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use petrel_core::{
    Event, Input, Node, Output,
    config::{Config, Static},
    event::{Banned, Connected, Direction},
    fork::Version,
    gossip::Acceptance,
    node::{DropReason, Keep, Memory},
    peer::PeerId,
    peers::{Ban, Book, Deed, Gate, Record, Score, Subject, Tide, colocation, is_public},
    time::Now,
};

use crate::{
    driven::{Test, connected, connected_at, drops, judgements, peer, told},
    forge::{Forge, NOW, after, config, forge, key},
};

const TWO_SECONDS: Duration = Duration::from_secs(2);

fn public(last: u8) -> IpAddr {
    Ipv4Addr::new(203, 0, 113, last).into()
}

fn block(number: u64) -> Forge {
    forge(Version::V4).with(|payload| payload.block_number = number)
}

fn scored(scores: &[(u8, f64)]) -> Input {
    Input::Scored(scores.iter().map(|(seed, score)| (peer(*seed), *score)).collect())
}

/// Who is shut out and let in, in order.
fn gate(outputs: &[Output]) -> Vec<(bool, Subject)> {
    let change = |output: &Output| match output {
        Output::Shut(subject) => Some((false, *subject)),
        Output::Open(subject) => Some((true, *subject)),
        _ => None,
    };
    outputs.iter().filter_map(change).collect()
}

fn bans(outputs: &[Output]) -> Vec<Banned> {
    let ban = |output: &Output| match output {
        Output::Tell(Event::Banned(ban)) => Some(ban.clone()),
        _ => None,
    };
    outputs.iter().filter_map(ban).collect()
}

/// The wishes after a score has been as low for as long as it must be.
fn low_for_long(test: &mut Test, seed: u8, score: f64) -> Vec<Output> {
    assert!(gate(&test.give(scored(&[(seed, score)]))).is_empty(), "not at once");
    test.pass(3_000);
    test.give(scored(&[(seed, score)]))
}

/// Peer 2 sends a block of our signer, and peer 1 one of another's; how the latter is taken.
fn false_beside_true(test: &mut Test, number: u64) -> Acceptance {
    assert_eq!(judgements(&test.judged(2, block(number).message())), [Acceptance::Accept]);
    judgements(&test.judged(1, block(number).by(2).message()))[0]
}

#[test]
fn the_fifth_false_message_bans_with_a_reason_and_an_end() {
    let mut test = Test::new();
    test.give(connected_at(1, public(1)));
    test.give(connected_at(2, public(2)));
    for number in 1..=5 {
        assert_eq!(false_beside_true(&mut test, number), Acceptance::Charge);
    }
    let outputs = low_for_long(&mut test, 1, -50.0);
    assert_eq!(told(&outputs), ["graylisted", "banned"]);
    assert_eq!(drops(&outputs), [(peer(1), DropReason::Banned)]);
    assert_eq!(gate(&outputs), [(false, Subject::Peer(peer(1)))]);
    let ban = &bans(&outputs)[0];
    assert_eq!(ban.until, Some(NOW + 3 + 3600));
    assert!(ban.reason.contains("below -100") && ban.reason.contains("false messages"), "{}", ban.reason);
    let kept = outputs.iter().any(|output| {
        matches!(output, Output::Keep { keep: Keep::Ban(_, Some(kept)), .. }
        if kept.until == ban.until && kept.ip == Some(public(1)))
    });
    assert!(kept, "{outputs:?}");
    // It is told once, and ends.
    test.give(Input::Disconnected { peer: peer(1), reason: "closed".to_owned() });
    assert!(gate(&test.pass(3_599_000)).is_empty());
    let outputs = test.pass(1_000);
    assert_eq!(told(&outputs), ["unbanned"]);
    assert_eq!(gate(&outputs), [(true, Subject::Peer(peer(1)))]);
    let forgets = |output: &Output| matches!(output, Output::Keep { keep: Keep::Ban(_, None), .. });
    assert!(outputs.iter().any(forgets));
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
    assert_eq!(drops(&outputs), [(peer(1), DropReason::Graylisted)]);
    assert_eq!(bans(&outputs)[0].until, Some(NOW + 3 + Node::BAR.as_secs()));
}

#[test]
fn a_static_peer_is_told_of_and_stays() {
    let mut config = config();
    config.statics = vec![Static { peer: peer(1), addresses: vec!["/ip4/10.0.0.1/tcp/1".to_owned()] }];
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
    assert_eq!(test.node.status().signer_doubt, Some(key(2).address()));
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

#[test]
fn bans_outlive_a_restart_and_not_their_end() {
    let ban = |until: u64, secs| Ban { until: Some(until), secs, reason: "it lied".to_owned(), ip: None };
    let memory = Memory {
        bans: vec![
            (Subject::Peer(peer(1)), ban(NOW + 60, 3600)),
            (Subject::Peer(peer(2)), ban(NOW - 1, 3600)),
            // The clock was set back by a year since.
            (Subject::Ip(public(3)), ban(NOW + 31_536_000, 90)),
        ],
        ..Memory::default()
    };
    let (mut test, outputs) = Test::remembering(config(), &memory);
    assert_eq!(gate(&outputs), [(false, Subject::Peer(peer(1))), (false, Subject::Ip(public(3)))]);
    let forgotten = |output: &Output| matches!(output, Output::Keep { keep: Keep::Ban(who, None), .. } if *who == Subject::Peer(peer(2)));
    assert!(outputs.iter().any(forgotten), "what has ended is not kept any longer");
    assert_eq!(test.node.status().bans.len(), 2);
    assert_eq!(gate(&test.pass(60_000)), [(true, Subject::Peer(peer(1)))]);
    assert_eq!(gate(&test.pass(30_000)), [(true, Subject::Ip(public(3)))]);
}

#[test]
fn what_an_operator_bans_without_an_end_stays_banned() {
    let ban = |until| Ban { until, secs: 0, reason: "blocked".to_owned(), ip: None };
    let net: Subject = "203.0.113.0/24".parse().unwrap();
    let memory = Memory { bans: vec![(net, ban(None)), (Subject::Peer(peer(1)), ban(None))], ..Memory::default() };
    let (mut test, outputs) = Test::remembering(config(), &memory);
    assert_eq!(gate(&outputs).len(), 2);
    assert!(gate(&test.pass(10 * 365 * 24 * 3600 * 1000)).is_empty());
    assert_eq!(test.node.status().bans.iter().filter(|ban| ban.until.is_none()).count(), 2);
    // A shorter one does not take its place.
    test.give(connected_at(1, public(1)));
    let outputs = low_for_long(&mut test, 1, -500.0);
    assert!(bans(&outputs).is_empty() && drops(&outputs).len() == 1, "{outputs:?}");
}

#[test]
fn a_low_score_is_refused_until_it_is_back() {
    let mut score = Score::default();
    for _ in 0..3 {
        score.note(Deed::Rejected);
    }
    let record = Record { seen: NOW, score, ..Record::default() };
    let memory = Memory { peers: vec![(peer(1), record)], ..Memory::default() };
    let mut config = config();
    config.reputation.min_score = Some(-50.0);
    let (mut test, _) = Test::remembering(config, &memory);
    assert_eq!(gate(&test.give(scored(&[]))), [(false, Subject::Peer(peer(1)))]);
    test.pass(2_000);
    assert!(gate(&test.give(scored(&[]))).is_empty());
    test.pass(6_000);
    assert_eq!(gate(&test.give(scored(&[]))), [(true, Subject::Peer(peer(1)))]);
}

#[test]
fn when_a_ban_ends_a_low_score_still_keeps_out() {
    let mut score = Score::default();
    score.note(Deed::Lied);
    let record = Record { seen: NOW, score, ..Record::default() };
    let ban = Ban { until: Some(NOW + 2), secs: 2, reason: "it lied".to_owned(), ip: None };
    let memory =
        Memory { peers: vec![(peer(1), record)], bans: vec![(Subject::Peer(peer(1)), ban)], ..Memory::default() };
    let (mut test, _) = Test::remembering(config(), &memory);
    test.give(scored(&[]));
    let outputs = test.pass(2_000);
    assert_eq!((told(&outputs), gate(&outputs)), (vec!["unbanned".to_owned()], vec![]));
    test.pass(6_000);
    assert_eq!(gate(&test.give(scored(&[]))), [(true, Subject::Peer(peer(1)))]);
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
        assert_eq!(gates.contains(&(false, Subject::Ip(ip))), banned, "{ip}");
    }
}

#[test]
fn many_behind_one_public_address_pay_for_it_and_browsers_do_not() {
    let connect = |seed: u8, ip: IpAddr, leaf: bool| {
        Input::Connected(Connected {
            peer: peer(seed),
            address: format!("/ip4/{ip}/tcp/1"),
            transport: "tcp",
            direction: Direction::Inbound,
            leaf,
            ip: Some(ip),
        })
    };
    for (ip, leaf, paid) in
        [(public(1), false, true), (public(1), true, false), (Ipv4Addr::new(10, 0, 0, 1).into(), false, false)]
    {
        let mut test = Test::new();
        let all: Vec<(u8, f64)> = (1..=12).map(|seed| (seed, 0.0)).collect();
        for (seed, _) in &all {
            test.give(connect(*seed, ip, leaf));
        }
        let outputs = test.give(scored(&all));
        let told = |output: &&Output| matches!(output, Output::Score { score, .. } if *score == colocation(12));
        assert_eq!(outputs.iter().filter(told).count(), if paid { 12 } else { 0 }, "{ip} {leaf}");
        // Once it is told it is not told again.
        assert!(test.give(scored(&all)).is_empty());
    }
    assert_eq!((colocation(10), colocation(12)), (0.0, -140.0));
}

#[test]
fn points_are_op_nodes_and_are_forgotten() {
    let mut score = Score::default();
    for _ in 0..20 {
        score.note(Deed::Answered);
        score.note(Deed::Failed);
    }
    assert_eq!(score.application(), 5.0 - 9.0, "good and failed answers are capped");
    for _ in 0..5 {
        score.note(Deed::Rejected);
    }
    assert_eq!(score.application(), -104.0);
    score.decay(60 * TWO_SECONDS, TWO_SECONDS);
    assert!((score.application() + 1.04).abs() < 1e-9, "a hundredth is left: {score:?}");
    score.decay(Duration::MAX, TWO_SECONDS);
    assert!(score.is_blank());
    score.note(Deed::Lied);
    assert!(score.own() < -100.0, "a lie bans at once");
    let mut score = Score::default();
    score.note(Deed::Invalid);
    score.decay(Duration::from_secs(600), TWO_SECONDS);
    assert!((score.false_messages() + 1.2).abs() < 1e-9, "a tenth is left: {score:?}");
    // Half and half is the same as the whole.
    let (mut once, mut twice) = (Score::default(), Score::default());
    once.note(Deed::Invalid);
    twice.note(Deed::Invalid);
    once.decay(10 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    assert!((once.own() - twice.own()).abs() < 1e-9);
}

#[test]
fn the_book_is_bounded_and_those_who_did_harm_stay_in_it() {
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let at = |secs: u64| Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) };
    let mut book = Book::new(TWO_SECONDS, at(0), []);
    book.note(at(0), named(0), Deed::Lied);
    for index in 1..Book::MAX as u32 + 50 {
        book.seen(at(u64::from(index) / 100), named(index));
    }
    assert_eq!(book.iter().count(), Book::MAX);
    assert!(book.get(named(0)).is_some() && book.get(named(1)).is_none() && book.get(named(60)).is_some());
    let changes = book.changes(at(41));
    assert_eq!(changes.iter().filter(|(_, record)| record.is_none()).count(), 50);
    assert!(book.changes(at(41)).is_empty() && !book.has_changes());
}

#[test]
fn the_book_forgets_whoever_was_not_seen_for_a_week_and_decays_the_others() {
    let mut score = Score::default();
    score.note(Deed::Rejected);
    let record = |age: u64| Record { seen: NOW - age, score, ..Record::default() };
    let book = |record| Book::new(TWO_SECONDS, after(0), [(peer(1), record)]);
    assert!(book(record(7 * 24 * 3600 + 1)).get(peer(1)).is_none());
    let kept = book(record(120)).score(Duration::ZERO, peer(1));
    assert!((kept.own() + 0.2).abs() < 1e-9, "{kept:?}");
    // A clock that was set back forgives nothing.
    let mut later = record(0);
    later.seen = NOW + 1_000_000;
    assert_eq!(book(later).score(Duration::ZERO, peer(1)), score);
}

#[test]
fn what_a_peer_says_of_itself_is_kept_within_bounds_and_no_browsers() {
    let mut test = Test::new();
    test.give(connected(1));
    let addresses = (0..100).map(|port| format!("/ip4/1.2.3.4/tcp/{port}")).chain(["x".repeat(10_000)]).collect();
    test.give(Input::Identified { peer: peer(1), agent: "op-node".to_owned(), addresses });
    let leaf = Connected { leaf: true, peer: peer(2), ..first(&connected(2)) };
    test.give(Input::Connected(leaf));
    test.give(Input::Identified { peer: peer(2), agent: "a tab".to_owned(), addresses: Vec::new() });
    let outputs = test.pass(30_000);
    let kept = outputs.iter().filter_map(|output| match output {
        Output::Keep { keep: Keep::Peer(peer, Some(record)), .. } => Some((*peer, record.clone())),
        _ => None,
    });
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        (kept[0].0, kept[0].1.addresses.len(), kept[0].1.agent.as_deref()),
        (peer(1), Book::ADDRESSES, Some("op-node"))
    );
    assert!(test.pass(30_000).is_empty(), "only what has changed");
}

#[test]
fn of_sixty_who_came_in_the_useful_and_the_old_stay_and_each_is_told_why() {
    let mut config = config();
    config.statics = vec![Static { peer: peer(60), addresses: vec!["/ip4/10.0.0.60/tcp/1".to_owned()] }];
    let mut test = Test::of(config);
    for seed in 1..=60 {
        test.give(connected(seed));
        test.pass(100);
    }
    // Leaves beside them are not counted.
    for seed in 61..=160 {
        let leaf = Connected { leaf: true, ..first(&connected(seed)) };
        test.give(Input::Connected(leaf));
    }
    // 50 brings blocks, 1 has points against it.
    let scores: Vec<(u8, f64)> = (1..=60).map(|seed| (seed, if seed == 1 { -5.0 } else { 0.0 })).collect();
    assert!(drops(&test.give(scored(&scores))).is_empty(), "all of them have their grace");
    for number in 1..=3 {
        test.judged(50, block(number).message());
        test.pass(15_000);
    }
    let outputs = test.give(scored(&scores));
    let gone: Vec<PeerId> = drops(&outputs).iter().map(|(peer, _)| *peer).collect();
    assert!(drops(&outputs).iter().all(|(_, reason)| *reason == DropReason::Ebb));
    let expected: Vec<PeerId> = (20..50).chain(51..60).chain([1]).map(peer).collect();
    assert_eq!(gone, expected, "the static one, the useful one and the eighteen that came first stay");
    let tided = outputs.iter().find_map(|output| match output {
        Output::Tell(Event::Tided(tided)) => Some(tided.clone()),
        _ => None,
    });
    let tided = tided.unwrap();
    assert_eq!((tided.stay.len(), tided.gone.len()), (20, 40));
    let why =
        |seed| tided.stay.iter().chain(&tided.gone).find(|fared| fared.peer == peer(seed)).unwrap().why.to_string();
    assert_eq!(why(60), "static");
    assert!(why(50).starts_with("place 1: score 0.0, came in, brought 2.7, here for 4"), "{}", why(50));
    assert!(why(1).starts_with("place 59: score -5.0"), "{}", why(1));
    for seed in (20..50).chain(51..60).chain([1]) {
        test.give(Input::Disconnected { peer: peer(seed), reason: String::new() });
    }
    assert!(drops(&test.give(scored(&[]))).is_empty());
}

#[test]
fn nobody_comes_in_beyond_twice_the_high_tide_but_those_whom_we_dial() {
    let mut config = config();
    config.tide = Tide { low: 2, high: 3, ..Tide::default() };
    let mut test = Test::of(config);
    for seed in 1..=6 {
        assert!(drops(&test.give(connected(seed))).is_empty());
    }
    assert_eq!(drops(&test.give(connected(7))), [(peer(7), DropReason::Full)]);
    let dialled = Connected { direction: Direction::Outbound, ..first(&connected(8)) };
    assert!(drops(&test.give(Input::Connected(dialled))).is_empty());
    // The one that is going makes room.
    test.give(Input::Disconnected { peer: peer(8), reason: String::new() });
    test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert!(drops(&test.give(connected(9))).is_empty());
}

#[test]
fn one_public_address_or_network_does_not_take_all_places() {
    let mut config = config();
    config.tide = Tide { low: 100, high: 100, ..Tide::default() };
    let mut test = Test::of(config.clone());
    let crowded: Vec<u8> =
        (1..=12).filter(|seed| !drops(&test.give(connected_at(*seed, public(1)))).is_empty()).collect();
    assert_eq!(crowded, [9, 10, 11, 12]);
    let mut test = Test::of(config.clone());
    let crowded: Vec<u8> =
        (1..=20).filter(|seed| !drops(&test.give(connected_at(*seed, public(*seed)))).is_empty()).collect();
    assert_eq!(crowded, [17, 18, 19, 20]);
    let mut test = Test::of(config);
    let ip = Ipv4Addr::new(172, 16, 0, 1).into();
    assert!((1..=40).all(|seed| drops(&test.give(connected_at(seed, ip))).is_empty()), "private ones may be many");
}

fn first(input: &Input) -> Connected {
    match input {
        Input::Connected(connected) => connected.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_gate_is_bounded_and_a_longer_ban_stays() {
    let mut gate = Gate::default();
    let ban = |secs| Ban { until: Some(NOW + secs), secs, reason: String::new(), ip: None };
    let named = |index: u32| Subject::Peer(PeerId::from_bytes(&index.to_be_bytes()).unwrap());
    for index in 0..Gate::MAX as u32 {
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
    let subject = |text: &str| text.parse::<Subject>().unwrap();
    assert_eq!(subject("2001:db8:1:2:3:4:5:6"), subject("2001:db8:1:2::1"));
    assert_ne!(subject("2001:db8:1:3::1"), subject("2001:db8:1:2::1"));
    assert_eq!(subject("::ffff:203.0.113.7"), Subject::Ip(public(7)));
    let text = Subject::Peer(peer(7)).to_string();
    assert_eq!(subject(&text), Subject::Peer(peer(7)));
    assert_eq!(subject("10.1.2.3/8").to_string(), "10.0.0.0/8");
    assert_eq!(subject("2001:db8:7::1/32").to_string(), "2001:db8::/32");
    assert!("neither nor".parse::<Subject>().is_err() && "10.0.0.0/33".parse::<Subject>().is_err());
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
