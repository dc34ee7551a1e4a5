//! Static peers: when each is dialled.

use core::time::Duration;

use petrel_core::{
    config::{MAX_STATIC_PEERS, StaticPeer},
    dialing::{Redial, StaticPeers},
    peer::PeerId,
};

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn at(seed: u8) -> StaticPeer {
    StaticPeer { peer: peer(seed), addresses: vec![format!("/memory/{seed}")] }
}

fn static_peers(count: u8) -> StaticPeers {
    wanting(count, usize::MAX)
}

fn wanting(count: u8, wanted: usize) -> StaticPeers {
    StaticPeers::new(&(1..=count).map(at).collect::<Vec<_>>(), wanted, 42, Duration::ZERO)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn all_static_peers_are_dialled_at_the_start_but_four_at_once() {
    let mut static_peers = static_peers(6);
    let dialled: Vec<_> = std::iter::from_fn(|| static_peers.next(Duration::ZERO)).map(|(peer, _)| peer).collect();
    assert_eq!(dialled, [peer(1), peer(2), peer(3), peer(4)]);
    assert_eq!(static_peers.due(), None);
    static_peers.connected(peer(1), secs(1));
    assert_eq!(static_peers.next(secs(1)), Some((peer(5), vec!["/memory/5".to_owned()])));
}

#[test]
fn failures_double_the_wait_up_to_half_a_minute() {
    let mut static_peers = static_peers(1);
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..10 {
        assert!(static_peers.next(now).is_some());
        assert_eq!(static_peers.next(now), None, "it is being dialled");
        let wait = static_peers.failed(peer(1), now).unwrap();
        assert_eq!(static_peers.due(), Some(now + wait));
        assert_eq!(static_peers.next(now + wait - Duration::from_nanos(1)), None);
        now += wait;
        waits.push(wait);
    }
    for (failures, wait) in waits.iter().enumerate() {
        let full = (Redial::FIRST_BACKOFF * (1 << failures)).min(Redial::MAX_BACKOFF);
        assert!(*wait <= full && *wait >= full * 3 / 4, "{failures}: {wait:?}");
    }
}

#[test]
fn an_unreachable_peer_does_not_delay_a_healthy_one() {
    let mut static_peers = static_peers(2);
    let mut now = Duration::ZERO;
    for _ in 0..8 {
        while let Some((who, _)) = static_peers.next(now) {
            if who == peer(1) {
                static_peers.failed(who, now);
            } else {
                static_peers.connected(who, now);
            }
        }
        now += secs(40);
    }
    static_peers.disconnected(peer(2), now);
    assert!(static_peers.due().unwrap() <= now + Redial::FIRST_BACKOFF);
}

#[test]
fn a_connection_that_ends_at_once_counts_as_a_failure() {
    let mut static_peers = static_peers(1);
    let mut now = Duration::ZERO;
    let mut longest = Duration::ZERO;
    for _ in 0..8 {
        assert!(static_peers.next(now).is_some());
        static_peers.connected(peer(1), now);
        static_peers.disconnected(peer(1), now);
        longest = static_peers.due().unwrap() - now;
        now = static_peers.due().unwrap();
    }
    assert!(longest >= Redial::MAX_BACKOFF * 3 / 4, "{longest:?}");
    // One stable connection resets the backoff.
    static_peers.next(now);
    static_peers.connected(peer(1), now);
    now += Redial::STABLE_AFTER;
    static_peers.disconnected(peer(1), now);
    assert!(static_peers.due().unwrap() <= now + Redial::FIRST_BACKOFF);
}

#[test]
fn a_peer_that_connected_by_itself_is_not_dialled() {
    let mut static_peers = static_peers(1);
    static_peers.connected(peer(1), Duration::ZERO);
    assert_eq!((static_peers.next(secs(100)), static_peers.due()), (None, None));
    assert_eq!(static_peers.failed(peer(1), secs(1)), None, "the peer has connected meanwhile");
    assert_eq!(static_peers.failed(peer(9), secs(1)), None, "not a static peer");
}

#[test]
fn the_same_seed_gives_the_same_schedule() {
    let run = |seed| {
        let given = [StaticPeer { peer: peer(1), addresses: vec!["/memory/1".to_owned()] }];
        let mut static_peers = StaticPeers::new(&given, usize::MAX, seed, Duration::ZERO);
        (0..5)
            .map(|_| {
                let now = static_peers.due().unwrap();
                static_peers.next(now);
                static_peers.failed(peer(1), now).unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_one_that_has_been_connected_longest_is_known() {
    let mut static_peers = static_peers(3);
    while static_peers.next(Duration::ZERO).is_some() {}
    static_peers.connected(peer(2), secs(1));
    static_peers.connected(peer(1), secs(5));
    assert_eq!(static_peers.longest_connected(secs(10), secs(5)), Some(peer(2)));
    assert_eq!(static_peers.longest_connected(secs(10), secs(10)), None);
    static_peers.disconnected(peer(2), secs(11));
    assert_eq!(static_peers.longest_connected(secs(12), secs(5)), Some(peer(1)));
}

#[test]
fn the_wanted_number_is_connected_and_the_others_are_spare() {
    let mut static_peers = wanting(5, 2);
    let dialled: Vec<_> = std::iter::from_fn(|| static_peers.next(Duration::ZERO)).map(|(peer, _)| peer).collect();
    assert_eq!(dialled, [peer(1), peer(2)]);
    static_peers.connected(peer(1), secs(1));
    static_peers.failed(peer(2), secs(1));
    assert_eq!(static_peers.next(secs(1)).unwrap().0, peer(3), "a peer that has not failed is preferred");
    static_peers.connected(peer(3), secs(2));
    assert_eq!((static_peers.next(secs(100)), static_peers.due()), (None, None), "enough peers are connected");
    static_peers.disconnected(peer(1), secs(100));
    assert_eq!(static_peers.next(secs(100)).unwrap().0, peer(4));
}

#[test]
fn a_new_address_is_dialled_at_once_and_a_new_peer_is_added() {
    let mut static_peers = wanting(1, 2);
    static_peers.next(Duration::ZERO);
    static_peers.failed(peer(1), Duration::ZERO);
    assert_eq!(static_peers.next(Duration::ZERO), None);
    static_peers.set(at(1), Duration::ZERO);
    assert_eq!(static_peers.next(Duration::ZERO), None, "a known address changes nothing");
    let moved = StaticPeer { peer: peer(1), addresses: vec!["/memory/100".to_owned()] };
    static_peers.set(moved, Duration::ZERO);
    let both = ["/memory/100", "/memory/1"].map(ToOwned::to_owned).to_vec();
    assert_eq!(static_peers.next(Duration::ZERO), Some((peer(1), both)), "the configured address is tried last");
    static_peers.set(at(2), Duration::ZERO);
    assert_eq!(static_peers.next(Duration::ZERO).unwrap().0, peer(2));
}

#[test]
fn beyond_the_limit_a_failing_peer_is_replaced() {
    let many = u16::try_from(MAX_STATIC_PEERS).unwrap();
    let id = |seed: u16| PeerId::from_bytes(&seed.to_be_bytes()).unwrap();
    let at = |seed: u16| StaticPeer { peer: id(seed), addresses: vec![format!("/memory/{seed}")] };
    let mut static_peers = StaticPeers::new(&[at(0)], 2, 42, Duration::ZERO);
    (1..many).for_each(|seed| static_peers.set(at(seed), Duration::ZERO));
    static_peers.set(at(many), Duration::ZERO);
    assert!(!static_peers.contains(id(many)), "no peer has failed");
    for seed in [0, 1] {
        static_peers.next(Duration::ZERO);
        static_peers.failed(id(seed), Duration::ZERO);
    }
    static_peers.advertised(at(many), Duration::ZERO);
    assert!(static_peers.contains(id(many)) && !static_peers.contains(id(1)));
    assert!(static_peers.contains(id(0)), "it is configured");
}

#[test]
fn an_advertised_relay_removes_no_address_and_configured_ones_stay() {
    let mut static_peers = static_peers(1);
    let with_addresses = |addresses: &[&str]| StaticPeer {
        peer: peer(1),
        addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
    };
    static_peers.advertised(with_addresses(&["/memory/8", "/memory/1"]), Duration::ZERO);
    static_peers.set(with_addresses(&["/memory/9"]), Duration::ZERO);
    static_peers.advertised(with_addresses(&["/memory/7"]), Duration::ZERO);
    let (_, addresses) = static_peers.next(Duration::ZERO).unwrap();
    assert_eq!(addresses, ["/memory/9", "/memory/1", "/memory/7"]);
    (20..60).for_each(|at| static_peers.advertised(with_addresses(&[&format!("/memory/{at}")]), Duration::ZERO));
    static_peers.failed(peer(1), Duration::ZERO);
    assert_eq!(static_peers.next(secs(1)).unwrap().1.len(), StaticPeers::ADDRESSES);
}

#[test]
fn a_spare_relay_has_a_longer_backoff_while_another_is_connected() {
    let mut static_peers = wanting(2, 2);
    let mut now = Duration::ZERO;
    while static_peers.next(now).is_some() {}
    static_peers.connected(peer(1), now);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let wait = static_peers.failed(peer(2), now).unwrap();
        longest = longest.max(wait);
        now += wait;
        assert_eq!(static_peers.next(now).unwrap().0, peer(2));
    }
    assert!(longest > Redial::SPARE_BACKOFF / 2, "{longest:?}");
    static_peers.failed(peer(2), now);
    assert!(static_peers.due().unwrap() > now + Redial::MAX_BACKOFF);
    static_peers.disconnected(peer(1), now);
    assert_eq!(static_peers.due(), Some(now), "all peers are needed");
}
