//! The peer store and scores.

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
    driven::{TestNode, connected, peer},
    forge::{NOW, after},
    reputation::connected_event,
};

const TWO_SECONDS: Duration = Duration::from_secs(2);

#[test]
fn the_peer_store_is_bounded_and_penalised_peers_stay_in_it() {
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let at = |secs: u64| Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) };
    let mut store = PeerStore::new(TWO_SECONDS, at(0), []);
    store.penalize(at(0), named(0), Offence::ResponseMismatch);
    for index in 1..PeerStore::MAX as u32 + 50 {
        store.connected(at(u64::from(index) / 100), named(index), Direction::Inbound);
    }
    assert_eq!(store.iter().count(), PeerStore::MAX);
    assert!(store.get(named(0)).is_some() && store.get(named(1)).is_none() && store.get(named(60)).is_some());
    let changes = store.take_changes(at(41));
    assert_eq!(changes.iter().filter(|(_, record)| record.is_none()).count(), 50);
    assert!(store.take_changes(at(41)).is_empty() && !store.has_changes());
}

#[test]
fn short_lived_peers_replace_only_each_other() {
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let (early, late) = (after(0), after(3600));
    let mut store = PeerStore::new(TWO_SECONDS, early, []);
    store.connected(early, named(1), Direction::Outbound);
    store.connected(early, named(2), Direction::Inbound);
    store.credit(early, named(2), Contribution::FirstDelivery);
    assert!(store.discovered(early, named(3), vec!["/ip4/1.1.1.1/tcp/1".to_owned()]));
    for index in 0..PeerStore::MAX as u32 + 500 {
        store.connected(late, named(10 + index), Direction::Inbound);
        store.identified(late, named(10 + index), "agent", &[]);
    }
    assert_eq!(store.iter().count(), PeerStore::MAX);
    assert!((1..=3).all(|index| store.get(named(index)).is_some()));
}

#[test]
fn the_peer_store_removes_peers_after_a_week_and_decays_the_scores_of_others() {
    let mut score = Score::default();
    score.penalize(Offence::InvalidResponse);
    let record = |age: u64| PeerEntry { seen: NOW - age, score, ..PeerEntry::default() };
    let store = |record| PeerStore::new(TWO_SECONDS, after(0), [(peer(1), record)]);
    assert!(store(record(7 * 24 * 3600 + 1)).get(peer(1)).is_none());
    let persisted = store(record(120)).score(Duration::ZERO, peer(1));
    assert!((persisted.own() + 0.2).abs() < 1e-9, "{persisted:?}");
    // Points do not decay if the clock was set back.
    let mut later = record(0);
    later.seen = NOW + 1_000_000;
    assert_eq!(store(later).score(Duration::ZERO, peer(1)), score);
}

#[test]
fn identify_data_is_persisted_within_bounds_and_not_for_browsers() {
    let mut test = TestNode::new();
    test.input(connected(1));
    let addresses = (0..100).map(|port| format!("/ip4/1.2.3.4/tcp/{port}")).chain(["x".repeat(10_000)]).collect();
    test.input(Input::Identified { peer: peer(1), agent: "op-node".to_owned(), addresses, seen: None });
    let leaf = Connected { leaf: true, peer: peer(2), ..connected_event(&connected(2)) };
    test.input(Input::Connected(leaf));
    test.input(Input::Identified { peer: peer(2), agent: "a tab".to_owned(), addresses: Vec::new(), seen: None });
    let outputs = test.advance(30_000);
    let persisted = outputs.iter().filter_map(|output| match output {
        Output::Persist { item: Persist::Peer(peer, Some(record)), .. } => Some((*peer, record.clone())),
        _ => None,
    });
    let persisted: Vec<_> = persisted.collect();
    assert_eq!(persisted.len(), 1, "{persisted:?}");
    assert_eq!(
        (persisted[0].0, persisted[0].1.addresses.len(), persisted[0].1.agent.as_deref()),
        (peer(1), PeerStore::ADDRESSES, Some("op-node"))
    );
    assert!(test.advance(30_000).is_empty(), "only changed entries are persisted");
}

#[test]
fn points_equal_those_of_op_node_and_decay() {
    let mut score = Score::default();
    for _ in 0..20 {
        score.credit(Contribution::Response);
        score.penalize(Offence::RequestFailed);
    }
    assert_eq!(score.application(), 5.0 - 9.0, "points of responses and failed requests are capped");
    for _ in 0..5 {
        score.penalize(Offence::InvalidResponse);
    }
    assert_eq!(score.application(), -104.0);
    score.decay(60 * TWO_SECONDS, TWO_SECONDS);
    assert!((score.application() + 1.04).abs() < 1e-9, "a hundredth is left: {score:?}");
    score.decay(Duration::MAX, TWO_SECONDS);
    assert!(score.is_blank());
    score.penalize(Offence::ResponseMismatch);
    assert!(score.own() < -100.0, "a response with another number or hash leads to a ban at once");
    let mut score = Score::default();
    score.penalize(Offence::InvalidMessage);
    score.decay(Duration::from_secs(600), TWO_SECONDS);
    assert!((score.invalid_messages() + 2.2).abs() < 1e-9, "a tenth is left: {score:?}");
    // Decay in two steps equals decay in one.
    let (mut once, mut twice) = (Score::default(), Score::default());
    once.penalize(Offence::InvalidMessage);
    twice.penalize(Offence::InvalidMessage);
    once.decay(10 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    twice.decay(5 * TWO_SECONDS, TWO_SECONDS);
    assert!((once.own() - twice.own()).abs() < 1e-9);
}
