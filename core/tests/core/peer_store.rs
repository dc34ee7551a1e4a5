//! The peer store and scores.

use core::time::Duration;
use std::net::Ipv4Addr;

use petrel_core::{
    Input, Output,
    event::{Connected, Direction},
    fault::Offence,
    peer::PeerId,
    peer_store::{KnownPeers, PeerEntry, PeerStore, ScoreTable},
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

fn named(index: u32) -> PeerId {
    PeerId::from_bytes(&index.to_be_bytes()).unwrap()
}

fn at(secs: u64) -> Now {
    Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) }
}

fn store() -> PeerStore {
    PeerStore::new(TWO_SECONDS, at(0), [])
}

/// A node that connected from or at an address.
fn node(index: u32, ip: Ipv4Addr, direction: Direction) -> Connected {
    let address = format!("/ip4/{ip}/tcp/9222");
    Connected { peer: named(index), address, direction, ip: Some(ip.into()), ..connected_event(&connected(1)) }
}

/// A node dials us from an address and states it.
fn dials_us(store: &mut PeerStore, now: Now, index: u32, ip: Ipv4Addr) {
    store.connected(now, &node(index, ip, Direction::Inbound));
    store.identified(now, named(index), Some(ip.into()), "agent", &[format!("/ip4/{ip}/tcp/9222")]);
}

fn found(store: &mut PeerStore, now: Now, index: u32, ip: Ipv4Addr) -> bool {
    store.discovered(now, named(index), vec![format!("/ip4/{ip}/tcp/9222")])
}

/// An address in the network of this number, an IPv4 /16.
fn in_network(network: u32, host: u32) -> Ipv4Addr {
    let ([.., a, b], [.., c, d]) = (network.to_be_bytes(), host.to_be_bytes());
    Ipv4Addr::new(20 + a, b, c, d)
}

#[test]
fn offences_are_bounded_by_peer_and_by_address_and_remove_no_address() {
    let mut store = store();
    let honest = in_network(1, 1);
    dials_us(&mut store, at(0), 0, honest);
    for index in 1..1_000 {
        let ip = in_network(1, 2).into();
        store.penalize(at(0), named(index), (Some(ip), false), Offence::InvalidMessage);
    }
    assert_eq!(store.scored().count(), ScoreTable::PER_ADDRESS);
    assert_eq!(store.score(at(0).mono, named(1)), Score::default(), "the oldest of the address were removed");
    for index in 1_000..1_000 + ScoreTable::MAX as u32 {
        let ip = in_network(index, 1).into();
        store.penalize(at(0), named(index), (Some(ip), false), Offence::InvalidMessage);
    }
    assert_eq!(store.scored().count(), ScoreTable::MAX);
    let of_one = (1..1_000).filter(|index| store.scored().any(|peer| peer == named(*index))).count();
    assert_eq!(of_one, 1, "the address with the most peers makes room");
    assert!(store.known().contains(named(0)));
    // The changes are the peers that are left, and the ones removed.
    let changes = store.take_changes(at(1));
    let removed = changes.iter().filter(|(_, entry)| entry.is_none()).count();
    assert_eq!((changes.len() - removed, removed), (ScoreTable::MAX + 1, 999));
    assert!(store.take_changes(at(1)).is_empty() && !store.has_changes());
}

#[test]
fn offences_of_browsers_are_in_a_table_of_their_own() {
    let mut store = store();
    let own = in_network(1, 1).into();
    store.penalize(at(0), named(0), (Some(own), false), Offence::InvalidMessage);
    for index in 1..100 {
        store.penalize(at(0), named(index), (Some(own), true), Offence::InvalidMessage);
    }
    assert!(!store.score(at(0).mono, named(0)).is_blank());
    assert_eq!(store.scored().count(), 1 + ScoreTable::PER_ADDRESS);
    let entry = store.entry(at(0), named(99)).unwrap();
    assert!(entry.leaf && entry.addresses.is_empty());
    // A browser that comes as a node brings its score.
    let score = store.penalize(at(0), named(99), (Some(own), false), Offence::InvalidMessage);
    assert_eq!(score.own(), -44.0);
    assert!(!store.entry(at(0), named(99)).unwrap().leaf);
}

#[test]
fn of_one_address_only_a_few_peers_are_known_and_the_latest_stay() {
    let mut store = store();
    dials_us(&mut store, at(0), 0, in_network(1, 1));
    for index in 1..100 {
        dials_us(&mut store, at(u64::from(index)), index, in_network(1, 2));
    }
    assert_eq!(store.known().len(), 1 + KnownPeers::PER_ADDRESS);
    assert!(store.known().contains(named(0)) && store.known().contains(named(99)));
    // A record may state any address: it displaces nobody.
    assert!(!found(&mut store, at(200), 200, in_network(1, 2)));
    assert!(store.known().contains(named(99)));
}

#[test]
fn a_full_network_takes_no_further_heard_peer_and_heard_ones_displace_no_tried_one() {
    let mut store = store();
    for index in 0..KnownPeers::PER_NETWORK as u32 {
        store.connected(at(u64::from(index)), &node(index, in_network(1, 256 + index), Direction::Outbound));
    }
    for index in 0..100 {
        let is_new = found(&mut store, at(100), 1_000 + index, in_network(1, 512 + index));
        assert_eq!(is_new, (index as usize) < KnownPeers::PER_NETWORK);
    }
    assert_eq!(store.known().len(), 2 * KnownPeers::PER_NETWORK);
    // A further tried peer displaces the tried one that was seen longest ago.
    store.connected(at(200), &node(500, in_network(1, 999), Direction::Outbound));
    assert!(store.known().contains(named(500)) && !store.known().contains(named(0)));
    assert!(store.known().contains(named(1)) && store.known().contains(named(1_000)));
    assert!(found(&mut store, at(200), 5_000, in_network(2, 1)), "other networks have room");
}

#[test]
fn many_networks_displace_only_peers_of_larger_ones() {
    let mut store = store();
    store.connected(at(0), &node(0, in_network(0, 1), Direction::Outbound));
    for index in 1..=64 {
        assert!(found(&mut store, at(1), index, in_network(1, index)));
    }
    for index in 65..=KnownPeers::HEARD as u32 {
        assert!(found(&mut store, at(2), index, in_network(index, 1)));
    }
    let mut further = 0;
    for index in 10_000..11_000 {
        further += usize::from(found(&mut store, at(3), index, in_network(index, 1)));
    }
    assert_eq!(store.known().len(), KnownPeers::HEARD + 1);
    assert_eq!(further, 63, "the largest network keeps one, and no other peer makes room");
    assert!((65..=KnownPeers::HEARD as u32).chain([0]).all(|index| store.known().contains(named(index))));
}

#[test]
fn a_node_keeps_the_address_that_we_dialled_whatever_it_states() {
    let mut store = store();
    let ip = in_network(1, 1);
    store.connected(at(0), &node(1, ip, Direction::Outbound));
    store.identified(
        at(0),
        named(1),
        Some(ip.into()),
        "agent",
        &["/dns4/a.example/tcp/1".to_owned(), "x".repeat(9_999)],
    );
    assert_eq!(store.known().get(named(1)).unwrap().addresses, [format!("/ip4/{ip}/tcp/9222")]);
    store.identified(at(0), named(1), Some(ip.into()), "agent", &["/ip4/9.9.9.9/tcp/1".to_owned()]);
    let addresses = store.known().get(named(1)).unwrap().addresses.clone();
    assert_eq!(addresses, ["/ip4/9.9.9.9/tcp/1".to_owned(), format!("/ip4/{ip}/tcp/9222")]);
}

#[test]
fn a_node_that_stays_connected_for_weeks_stays_known() {
    let mut store = store();
    store.connected(at(0), &node(1, in_network(1, 1), Direction::Outbound));
    store.connected(at(0), &node(2, in_network(2, 1), Direction::Outbound));
    for hour in 0..24 * 14 {
        store.still_connected(at(hour * 3600), [named(1)].into_iter());
        store.take_changes(at(hour * 3600));
    }
    assert!(store.known().contains(named(1)) && !store.known().contains(named(2)));
}

/// A row that version 0.2 wrote.
const OLD_ROW: &str = r#"{"addresses":["/ip4/20.0.0.1/tcp/9222"],"agent":"op-node","seen":1799999880,"score":{"valid":0.0,
    "errors":0.0,"rejected":1.0,"invalid":0.0,"delivered":0.0}}"#;

#[test]
fn entries_of_earlier_versions_are_restored_and_offenders_among_them_are_scores_only() {
    let old: PeerEntry = serde_json::from_str(OLD_ROW).unwrap();
    let offender = |index: u32| (named(index), PeerEntry { addresses: Vec::new(), seen: NOW, ..old.clone() });
    let rows = (1..=4_000).map(offender).chain([(named(0), old.clone())]);
    let mut store = PeerStore::new(TWO_SECONDS, at(0), rows);
    assert_eq!(store.known().len(), 1);
    assert!((store.score(Duration::ZERO, named(0)).own() + 0.2).abs() < 1e-9, "the decay of 60 blocks");
    assert_eq!(store.scored().count(), ScoreTable::PER_ADDRESS, "their address is not known");
    let removed = store.take_changes(at(0)).into_iter().filter(|(_, entry)| entry.is_none()).count();
    assert_eq!(removed, 4_000 + 1 - ScoreTable::PER_ADDRESS);
    // Scores that have decayed to nothing are removed, addresses stay.
    store.take_changes(at(3600));
    assert_eq!((store.scored().count(), store.known().len()), (0, 1));
}

#[test]
fn the_peer_store_removes_peers_after_a_week_and_decays_the_scores_of_others() {
    let mut score = Score::default();
    score.penalize(Offence::InvalidResponse);
    let addresses = vec!["/ip4/20.0.0.1/tcp/1".to_owned()];
    let record = |age: u64| PeerEntry { addresses: addresses.clone(), seen: NOW - age, score, ..PeerEntry::default() };
    let store = |record| PeerStore::new(TWO_SECONDS, after(0), [(peer(1), record)]);
    assert!(store(record(7 * 24 * 3600 + 1)).entry(after(0), peer(1)).is_none());
    let persisted = store(record(120));
    assert!(persisted.known().contains(peer(1)));
    let persisted = persisted.score(Duration::ZERO, peer(1));
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
