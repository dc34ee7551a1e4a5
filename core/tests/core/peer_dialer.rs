//! Discovered peers and the peer dialer.

use core::time::Duration;

use petrel_core::{
    Event, Input, Output, address,
    config::{AddressScope, Config, StaticPeer},
    dialing::{DialCandidates, PeerDialer},
    event::{Connected, Direction},
    peer::PeerId,
    peer_store::{KnownPeers, PeerEntry, PeerStore},
    persistence::{Persist, RestoredState},
    time::Now,
};

use crate::{
    driven::{TestNode, connected, connected_at, peer},
    forge::{NOW, after, config},
    reputation::connected_event,
};

fn dialing_config(reach: AddressScope) -> Config {
    Config { dial_scope: Some(reach), ..config() }
}

fn found(seed: u8, address: &str) -> Input {
    Input::Discovered { peer: peer(seed), addresses: vec![address.to_owned()] }
}

/// The dialled peers and addresses.
fn dials(outputs: &[Output]) -> Vec<(PeerId, Vec<String>)> {
    let dial = |output: &Output| match output {
        Output::Dial { peer, addresses } => Some((*peer, addresses.clone())),
        _ => None,
    };
    outputs.iter().filter_map(dial).collect()
}

/// The peers that are persisted.
fn persisted(outputs: Vec<Output>) -> Vec<(PeerId, PeerEntry)> {
    let entry = |output| match output {
        Output::Persist { item: Persist::Peer(peer, Some(entry)), .. } => Some((peer, entry)),
        _ => None,
    };
    outputs.into_iter().filter_map(entry).collect()
}

fn discovered(outputs: &[Output]) -> usize {
    outputs.iter().filter(|output| matches!(output, Output::Emit(Event::Discovered(_)))).count()
}

#[test]
fn a_discovered_peer_is_reported_once_and_few_are_dialled_at_once() {
    let mut test = TestNode::with_config(dialing_config(AddressScope::Any));
    let mut dialled = Vec::new();
    for seed in 1..=10 {
        let outputs = test.input(found(seed, &format!("/ip4/10.0.{seed}.1/tcp/9222")));
        assert_eq!(discovered(&outputs), 1);
        assert_eq!(discovered(&test.input(found(seed, &format!("/ip4/10.0.{seed}.1/tcp/9222")))), 0);
        dialled.extend(dials(&outputs));
    }
    dialled.extend(dials(&test.advance(1_000)));
    assert_eq!(dialled.len(), PeerDialer::MAX_DIALS, "the limit of concurrent dials");
    let failed = dialled[0].0;
    test.input(Input::DialFailed { peer: failed, error: "refused".to_owned() });
    assert_eq!(test.node.status(test.now).peering.dials_failed, 1);
    let next = dials(&test.advance(1_000));
    assert!(next.len() == 1 && next[0].0 != failed, "the next peer is dialled, and the failed one has a backoff");
    // The others fail too: after its backoff the first one is dialled again.
    for (peer, _) in dialled.iter().skip(1).chain(&next) {
        test.input(Input::DialFailed { peer: *peer, error: "refused".to_owned() });
    }
    let mut again = Vec::new();
    for _ in 0..40 {
        again.extend(dials(&test.advance(1_000)));
        for (peer, _) in again.clone() {
            test.input(Input::DialFailed { peer, error: "refused".to_owned() });
        }
    }
    assert!(again.iter().any(|(peer, _)| *peer == failed));
}

#[test]
fn no_peer_is_dialled_above_the_low_watermark_or_without_discovery() {
    let mut test = TestNode::with_config(dialing_config(AddressScope::Any));
    for seed in 1..=20 {
        test.input(connected(seed));
    }
    assert!(
        dials(&test.input(found(100, "/ip4/10.1.0.1/tcp/9222"))).is_empty() && dials(&test.advance(5_000)).is_empty()
    );
    let outputs = test.input(Input::Disconnected { peer: peer(1), reason: String::new() });
    assert_eq!(dials(&outputs), [(peer(100), vec!["/ip4/10.1.0.1/tcp/9222".to_owned()])]);

    let mut test = TestNode::new();
    let outputs = test.input(found(100, "/ip4/10.1.0.1/tcp/9222"));
    assert!(
        outputs.is_empty() && dials(&test.advance(5_000)).is_empty() && test.node.status(test.now).peering.known == 0
    );
}

#[test]
fn private_addresses_names_and_other_transports_are_not_dialled() {
    let mut test = TestNode::with_config(dialing_config(AddressScope::Public));
    let wrong = ["/ip4/127.0.0.1/tcp/1", "/ip4/192.168.1.1/tcp/80", "/ip6/fe80::1/tcp/1", "/ip4/8.8.8.8/tcp/0"];
    let others =
        ["/dns4/a.example/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1", "/ip4/8.8.8.8/tcp/1/ws", "/ip4/0.0.0.0/tcp/1", ""];
    for text in wrong.into_iter().chain(others) {
        assert!(test.input(found(1, text)).is_empty(), "{text}");
    }
    // Addresses of the identify message are filtered in the same way.
    test.input(connected_at(2, "8.8.4.4".parse().unwrap()));
    let addresses = ["/ip4/127.0.0.1/tcp/9222", "/ip4/8.8.4.4/tcp/9222"].map(str::to_owned).to_vec();
    test.input(Input::Identified { peer: peer(2), agent: String::new(), addresses, seen: None });
    test.input(Input::Disconnected { peer: peer(2), reason: String::new() });
    assert!(dials(&test.advance(5_000)).is_empty(), "it has just disconnected");
    test.advance(20_000);
    assert_eq!(
        dials(&test.advance(1_000)).len() + usize::from(test.node.status(test.now).peering.dials_failed > 0),
        0,
        "it is dialled once"
    );
}

#[test]
fn one_public_network_has_a_limit_of_dials_and_of_entries() {
    let mut test = TestNode::with_config(dialing_config(AddressScope::Public));
    let mut dialled = Vec::new();
    for seed in 1..=100 {
        dialled.extend(dials(&test.input(found(seed, &format!("/ip4/8.8.8.{seed}/tcp/9222")))));
    }
    assert_eq!(test.node.status(test.now).peering.known, KnownPeers::PER_NETWORK);
    for _ in 0..5 {
        dialled.extend(dials(&test.advance(1_000)));
    }
    assert_eq!(dialled.len(), petrel_core::dialing::MAX_PER_NETWORK);
    for (peer, addresses) in dialled {
        let (ip, _) = address::tcp(&addresses[0]).unwrap();
        assert!(dials(&test.input(connected_at(peer.as_bytes()[0], ip))).is_empty());
    }
    assert!(dials(&test.advance(1_000)).is_empty());
    test.input(found(200, "/ip4/9.9.9.9/tcp/9222"));
    assert_eq!(dials(&test.advance(1_000)).len(), 1, "other networks are not limited");
}

#[test]
fn after_a_restart_known_peers_are_dialled_and_static_ones_as_configured() {
    let mut config = dialing_config(AddressScope::Any);
    config.static_peers = vec![StaticPeer { peer: peer(3), addresses: vec!["/ip4/10.0.0.3/tcp/1".to_owned()] }];
    let mut test = TestNode::with_config(config.clone());
    for seed in 1..=3 {
        test.input(connected(seed));
        let addresses = vec![format!("/ip4/10.0.0.{seed}/tcp/9222")];
        test.input(Input::Identified { peer: peer(seed), agent: "op-node".to_owned(), addresses, seen: None });
    }
    let persisted = persisted(test.advance(31_000));
    assert_eq!(persisted.len(), 3);
    let memory = RestoredState { peers: persisted, ..RestoredState::default() };
    let (mut test, _) = TestNode::restored(config, &memory);
    let dialled = dials(&test.advance(0));
    let mut who: Vec<PeerId> = dialled.iter().map(|(peer, _)| *peer).collect();
    who.sort_unstable();
    assert_eq!(who, [peer(1), peer(2), peer(3)]);
    assert!(
        dialled.iter().any(|(_, addresses)| addresses == &["/ip4/10.0.0.3/tcp/1"]),
        "the static peer at its configured address"
    );
}

#[test]
fn a_host_that_stops_is_given_the_changes_of_the_last_seconds() {
    let mut test = TestNode::with_config(dialing_config(AddressScope::Any));
    let early = test.input(found(1, "/ip4/10.0.1.1/tcp/9222"));
    assert_eq!(persisted(early).len() + persisted(test.advance(1_000)).len(), 0, "changes are collected");
    let given = persisted(test.input(Input::StopRequested));
    assert_eq!(given.iter().map(|(peer, _)| *peer).collect::<Vec<_>>(), [peer(1)]);
    assert!(persisted(test.input(Input::StopRequested)).is_empty(), "each change is given once");
}

#[test]
fn undialled_peers_are_removed_after_a_day_and_peers_that_were_connected_stay() {
    let at = |secs: u64| Now { mono: Duration::from_secs(secs), unix: Duration::from_secs(NOW + secs) };
    let mut store = PeerStore::new(Duration::from_secs(2), at(0), []);
    let outbound = Connected { direction: Direction::Outbound, ..connected_event(&connected(1)) };
    store.connected(at(0), &outbound);
    assert!(store.discovered(at(1), peer(2), vec!["/ip4/20.0.0.1/tcp/1".to_owned()]));
    store.take_changes(at(25 * 3600));
    assert!(store.known().contains(peer(1)) && store.known().len() == 1);
    let record = |found| PeerEntry { found, addresses: vec!["/ip4/1.1.1.1/tcp/1".to_owned()], ..PeerEntry::default() };
    let store = PeerStore::new(
        Duration::from_secs(2),
        after(0),
        [(peer(1), record(NOW - 100)), (peer(2), record(NOW - 90_000))],
    );
    assert!(store.known().contains(peer(1)) && !store.known().contains(peer(2)));
}

#[test]
fn dials_go_to_tried_peers_and_to_many_networks_first() {
    let mut candidates = DialCandidates::new(
        [(true, vec![peer(1)]), (false, vec![peer(2)]), (false, (10..200).map(peer).collect())].into_iter(),
    );
    let mut dialer = PeerDialer::new(3, Duration::ZERO);
    let drawn: Vec<PeerId> = std::iter::from_fn(|| dialer.draw(Duration::ZERO, &mut candidates)).collect();
    assert_eq!(drawn.len(), 192, "each is drawn once");
    let place = |seed| drawn.iter().position(|other| *other == peer(seed)).unwrap();
    assert!(place(1) < 10 && place(2) < 20, "{} {}", place(1), place(2));
}
