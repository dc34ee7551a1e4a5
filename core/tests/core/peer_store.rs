//! What is remembered of peers, and their points.

use core::time::Duration;

use petrel_core::{
    Input, Output,
    event::{Connected, Direction},
    fault::Offence,
    peer::PeerId,
    peer_store::{PeerEntry, PeerStore},
    persistence::Persist,
    score::{Contribution, Score},
    time::Now,
};

use crate::{
    driven::{Test, connected, peer},
    forge::{NOW, after},
    reputation::first,
};

const TWO_SECONDS: Duration = Duration::from_secs(2);

#[test]
fn the_book_is_bounded_and_those_who_did_harm_stay_in_it() {
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let at = |secs: u64| Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) };
    let mut book = PeerStore::new(TWO_SECONDS, at(0), []);
    book.penalize(at(0), named(0), Offence::FalseResponse);
    for index in 1..PeerStore::MAX as u32 + 50 {
        book.connected(at(u64::from(index) / 100), named(index), Direction::Inbound);
    }
    assert_eq!(book.iter().count(), PeerStore::MAX);
    assert!(book.get(named(0)).is_some() && book.get(named(1)).is_none() && book.get(named(60)).is_some());
    let changes = book.take_changes(at(41));
    assert_eq!(changes.iter().filter(|(_, record)| record.is_none()).count(), 50);
    assert!(book.take_changes(at(41)).is_empty() && !book.has_changes());
}

#[test]
fn keys_that_are_thrown_away_drive_out_nobody_but_each_other() {
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let (early, late) = (after(0), after(3600));
    let mut book = PeerStore::new(TWO_SECONDS, early, []);
    book.connected(early, named(1), Direction::Outbound);
    book.connected(early, named(2), Direction::Inbound);
    book.credit(early, named(2), Contribution::FirstDelivery);
    assert!(book.discovered(early, named(3), vec!["/ip4/1.1.1.1/tcp/1".to_owned()]));
    for index in 0..PeerStore::MAX as u32 + 500 {
        book.connected(late, named(10 + index), Direction::Inbound);
        book.identified(late, named(10 + index), "agent", &[]);
    }
    assert_eq!(book.iter().count(), PeerStore::MAX);
    assert!((1..=3).all(|index| book.get(named(index)).is_some()));
}

#[test]
fn the_book_forgets_whoever_was_not_seen_for_a_week_and_decays_the_others() {
    let mut score = Score::default();
    score.penalize(Offence::InvalidResponse);
    let record = |age: u64| PeerEntry { seen: NOW - age, score, ..PeerEntry::default() };
    let book = |record| PeerStore::new(TWO_SECONDS, after(0), [(peer(1), record)]);
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
    test.give(Input::Identified { peer: peer(1), agent: "op-node".to_owned(), addresses, seen: None });
    let leaf = Connected { leaf: true, peer: peer(2), ..first(&connected(2)) };
    test.give(Input::Connected(leaf));
    test.give(Input::Identified { peer: peer(2), agent: "a tab".to_owned(), addresses: Vec::new(), seen: None });
    let outputs = test.pass(30_000);
    let kept = outputs.iter().filter_map(|output| match output {
        Output::Persist { item: Persist::Peer(peer, Some(record)), .. } => Some((*peer, record.clone())),
        _ => None,
    });
    let kept: Vec<_> = kept.collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        (kept[0].0, kept[0].1.addresses.len(), kept[0].1.agent.as_deref()),
        (peer(1), PeerStore::ADDRESSES, Some("op-node"))
    );
    assert!(test.pass(30_000).is_empty(), "only what has changed");
}

#[test]
fn points_are_op_nodes_and_are_forgotten() {
    let mut score = Score::default();
    for _ in 0..20 {
        score.credit(Contribution::Response);
        score.penalize(Offence::RequestFailed);
    }
    assert_eq!(score.application(), 5.0 - 9.0, "good and failed answers are capped");
    for _ in 0..5 {
        score.penalize(Offence::InvalidResponse);
    }
    assert_eq!(score.application(), -104.0);
    score.decay(60 * TWO_SECONDS, TWO_SECONDS);
    assert!((score.application() + 1.04).abs() < 1e-9, "a hundredth is left: {score:?}");
    score.decay(Duration::MAX, TWO_SECONDS);
    assert!(score.is_blank());
    score.penalize(Offence::FalseResponse);
    assert!(score.own() < -100.0, "a lie bans at once");
    let mut score = Score::default();
    score.penalize(Offence::InvalidMessage);
    score.decay(Duration::from_secs(600), TWO_SECONDS);
    assert!((score.false_messages() + 2.2).abs() < 1e-9, "a tenth is left: {score:?}");
    // Half and half is the same as the whole.
    let (mut once, mut twice) = (Score::default(), Score::default());
    once.penalize(Offence::InvalidMessage);
    twice.penalize(Offence::InvalidMessage);
    once.decay(10 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    assert!((once.own() - twice.own()).abs() < 1e-9);
}
