//! Finding enough peers.

use core::time::Duration;

use petrel_core::{
    Event, Input, Output, address,
    config::{AddressScope, Config, StaticPeer},
    dialing::PeerDialer,
    event::Direction,
    peer::PeerId,
    peer_store::{PeerEntry, PeerStore},
    persistence::{Persist, RestoredState},
    time::Now,
};

use crate::{
    driven::{Test, connected, connected_at, peer},
    forge::{NOW, after, config},
};

fn seeking(reach: AddressScope) -> Config {
    Config { dial_scope: Some(reach), ..config() }
}

fn found(seed: u8, address: &str) -> Input {
    Input::Discovered { peer: peer(seed), addresses: vec![address.to_owned()] }
}

/// Whom it dials, and where.
fn dials(outputs: &[Output]) -> Vec<(PeerId, Vec<String>)> {
    let dial = |output: &Output| match output {
        Output::Dial { peer, addresses } => Some((*peer, addresses.clone())),
        _ => None,
    };
    outputs.iter().filter_map(dial).collect()
}

fn discovered(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Emit(Event::Discovered(_)))).count()
}

#[test]
fn whoever_is_found_is_told_once_and_dialled_a_few_at_a_time() {
    let mut test = Test::of(seeking(AddressScope::Any));
    let mut dialled = Vec::new();
    for seed in 1..=10 {
        let outputs = test.give(found(seed, &format!("/ip4/10.0.{seed}.1/tcp/9222")));
        assert_eq!(discovered(&outputs), 1);
        assert_eq!(discovered(&test.give(found(seed, &format!("/ip4/10.0.{seed}.1/tcp/9222")))), 0);
        dialled.extend(dials(&outputs));
    }
    dialled.extend(dials(&test.pass(1_000)));
    assert_eq!(dialled.len(), PeerDialer::AT_ONCE, "no more at once");
    let failed = dialled[0].0;
    test.give(Input::DialFailed { peer: failed, error: "refused".to_owned() });
    assert_eq!(test.node.status(test.now).peering.dials_failed, 1);
    let next = dials(&test.pass(1_000));
    assert!(next.len() == 1 && next[0].0 != failed, "the next one has its turn, and who failed rests");
    // The others go away too: after its rest it is tried again.
    for (peer, _) in dialled.iter().skip(1).chain(&next) {
        test.give(Input::DialFailed { peer: *peer, error: "refused".to_owned() });
    }
    let mut again = Vec::new();
    for _ in 0..40 {
        again.extend(dials(&test.pass(1_000)));
        for (peer, _) in again.clone() {
            test.give(Input::DialFailed { peer, error: "refused".to_owned() });
        }
    }
    assert!(again.iter().any(|(peer, _)| *peer == failed));
}

#[test]
fn with_the_low_tide_reached_nobody_is_dialled_and_without_seeking_never() {
    let mut test = Test::of(seeking(AddressScope::Any));
    for seed in 1..=20 {
        test.give(connected(seed));
    }
    assert!(dials(&test.give(found(100, "/ip4/10.1.0.1/tcp/9222"))).is_empty() && dials(&test.pass(5_000)).is_empty());
    let outputs = test.give(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert_eq!(dials(&outputs), [(peer(100), vec!["/ip4/10.1.0.1/tcp/9222".to_owned()])]);

    let mut test = Test::new();
    let outputs = test.give(found(100, "/ip4/10.1.0.1/tcp/9222"));
    assert!(outputs.is_empty() && dials(&test.pass(5_000)).is_empty() && test.node.status(test.now).peering.known == 0);
}

#[test]
fn nobody_sends_us_to_private_addresses_to_names_or_to_other_transports() {
    let mut test = Test::of(seeking(AddressScope::Public));
    let wrong = ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/80", "/ip6/fe80::1/tcp/1", "/ip4/8.8.8.8/tcp/0"];
    let others =
        ["/dns4/a.example/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1", "/ip4/8.8.8.8/tcp/1/ws", "/ip4/0.0.0.0/tcp/1", ""];
    for text in wrong.into_iter().chain(others) {
        assert!(test.give(found(1, text)).is_empty(), "{text}");
    }
    // What a peer says of itself is looked at in the same way when it is away.
    test.give(connected_at(2, "8.8.4.4".parse().unwrap()));
    let addresses = ["/ip4/127.0.0.1/tcp/9222", "/ip4/8.8.4.4/tcp/9222"].map(str::to_owned).to_vec();
    test.give(Input::Identified { peer: peer(2), agent: String::new(), addresses, seen: None });
    test.give(Input::Disconnected { peer: peer(2), reason: String::new() });
    assert!(dials(&test.pass(5_000)).is_empty(), "it has just left");
    test.pass(20_000);
    assert_eq!(
        dials(&test.pass(1_000)).len() + usize::from(test.node.status(test.now).peering.dials_failed > 0),
        0,
        "dialled once"
    );
}

#[test]
fn one_public_network_gets_four_of_our_dials_and_sixty_four_of_the_books_places() {
    let mut test = Test::of(seeking(AddressScope::Public));
    let mut dialled = Vec::new();
    for seed in 1..=100 {
        dialled.extend(dials(&test.give(found(seed, &format!("/ip4/8.8.8.{seed}/tcp/9222")))));
    }
    assert_eq!(test.node.status(test.now).peering.known, PeerStore::STRANGERS);
    for _ in 0..5 {
        dialled.extend(dials(&test.pass(1_000)));
    }
    assert_eq!(dialled.len(), petrel_core::dialing::MAX_OF_A_NETWORK);
    for (peer, addresses) in dialled {
        let (ip, _) = address::tcp(&addresses[0]).unwrap();
        assert!(dials(&test.give(connected_at(peer.as_bytes()[0], ip))).is_empty());
    }
    assert!(dials(&test.pass(1_000)).is_empty());
    test.give(found(200, "/ip4/9.9.9.9/tcp/9222"));
    assert_eq!(dials(&test.pass(1_000)).len(), 1, "others have their room");
}

#[test]
fn after_a_restart_known_peers_are_dialled_without_anybody_s_word_but_no_banned_and_no_static_ones() {
    let mut config = seeking(AddressScope::Any);
    config.static_peers = vec![StaticPeer { peer: peer(3), addresses: vec!["/ip4/10.0.0.3/tcp/1".to_owned()] }];
    let mut test = Test::of(config.clone());
    let mut kept = Vec::new();
    for seed in 1..=3 {
        test.give(connected(seed));
        let addresses = vec![format!("/ip4/10.0.0.{seed}/tcp/9222")];
        test.give(Input::Identified { peer: peer(seed), agent: "op-node".to_owned(), addresses, seen: None });
    }
    for output in test.pass(31_000) {
        if let Output::Persist { item: Persist::Peer(peer, Some(record)), .. } = output {
            kept.push((peer, record));
        }
    }
    assert_eq!(kept.len(), 3);
    let memory = RestoredState { peers: kept, ..RestoredState::default() };
    let (mut test, _) = Test::remembering(config, &memory);
    let dialled = dials(&test.pass(0));
    let mut who: Vec<PeerId> = dialled.iter().map(|(peer, _)| *peer).collect();
    who.sort_unstable();
    assert_eq!(who, [peer(1), peer(2), peer(3)]);
    assert!(dialled.iter().any(|(_, addresses)| addresses == &["/ip4/10.0.0.3/tcp/1"]), "the static one as configured");
}

#[test]
fn strangers_are_forgotten_after_a_day_and_make_room_for_those_who_were_here() {
    let at = |secs: u64| Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) };
    let named = |index: u32| PeerId::from_bytes(&index.to_be_bytes()).unwrap();
    let mut book = PeerStore::new(Duration::from_secs(2), at(0), []);
    book.connected(at(0), named(0), Direction::Outbound);
    for index in 1..=PeerStore::MAX as u32 + 10 {
        let [_, a, b, c] = index.to_be_bytes();
        assert!(book.discovered(at(1), named(index), vec![format!("/ip4/{}.{b}.{c}.1/tcp/1", 20 + a)]));
    }
    assert_eq!(book.iter().count(), PeerStore::MAX);
    assert!(book.get(named(0)).is_some(), "whoever was here stays");
    book.take_changes(at(25 * 3600));
    assert_eq!(book.iter().map(|(peer, _)| peer).collect::<Vec<_>>(), [named(0)]);
    let record = |found| PeerEntry { found, addresses: vec!["/ip4/1.1.1.1/tcp/1".to_owned()], ..PeerEntry::default() };
    let book = PeerStore::new(
        Duration::from_secs(2),
        after(0),
        [(peer(1), record(NOW - 100)), (peer(2), record(NOW - 90_000))],
    );
    assert!(book.get(peer(1)).is_some() && book.get(peer(2)).is_none());
}
