//! Peers that are to be kept: when each is dialled.

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

fn statics(count: u8) -> StaticPeers {
    wanting(count, usize::MAX)
}

fn wanting(count: u8, wanted: usize) -> StaticPeers {
    StaticPeers::new(&(1..=count).map(at).collect::<Vec<_>>(), wanted, 42, Duration::ZERO)
}

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

#[test]
fn everybody_is_dialled_at_once_but_four_at_a_time() {
    let mut statics = statics(6);
    let dialled: Vec<_> = std::iter::from_fn(|| statics.next(Duration::ZERO)).map(|(peer, _)| peer).collect();
    assert_eq!(dialled, [peer(1), peer(2), peer(3), peer(4)]);
    assert_eq!(statics.due(), None);
    statics.connected(peer(1), secs(1));
    assert_eq!(statics.next(secs(1)), Some((peer(5), vec!["/memory/5".to_owned()])));
}

#[test]
fn failures_double_the_wait_up_to_half_a_minute() {
    let mut statics = statics(1);
    let mut now = Duration::ZERO;
    let mut waits = Vec::new();
    for _ in 0..10 {
        assert!(statics.next(now).is_some());
        assert_eq!(statics.next(now), None, "it is being dialled");
        let wait = statics.failed(peer(1), now).unwrap();
        assert_eq!(statics.due(), Some(now + wait));
        assert_eq!(statics.next(now + wait - Duration::from_nanos(1)), None);
        now += wait;
        waits.push(wait);
    }
    for (failures, wait) in waits.iter().enumerate() {
        let full = (Redial::FIRST * (1 << failures)).min(Redial::LONGEST);
        assert!(*wait <= full && *wait >= full * 3 / 4, "{failures}: {wait:?}");
    }
}

#[test]
fn a_dead_peer_costs_a_healthy_one_nothing() {
    let mut statics = statics(2);
    let mut now = Duration::ZERO;
    for _ in 0..8 {
        while let Some((who, _)) = statics.next(now) {
            if who == peer(1) {
                statics.failed(who, now);
            } else {
                statics.connected(who, now);
            }
        }
        now += secs(40);
    }
    statics.disconnected(peer(2), now);
    assert!(statics.due().unwrap() <= now + Redial::FIRST);
}

#[test]
fn a_connection_that_ends_at_once_counts_as_a_failure() {
    let mut statics = statics(1);
    let mut now = Duration::ZERO;
    let mut longest = Duration::ZERO;
    for _ in 0..8 {
        assert!(statics.next(now).is_some());
        statics.connected(peer(1), now);
        statics.disconnected(peer(1), now);
        longest = statics.due().unwrap() - now;
        now = statics.due().unwrap();
    }
    assert!(longest >= Redial::LONGEST * 3 / 4, "{longest:?}");
    // One good connection forgives it all.
    statics.next(now);
    statics.connected(peer(1), now);
    now += Redial::STEADY;
    statics.disconnected(peer(1), now);
    assert!(statics.due().unwrap() <= now + Redial::FIRST);
}

#[test]
fn a_peer_that_came_by_itself_is_not_dialled() {
    let mut statics = statics(1);
    statics.connected(peer(1), Duration::ZERO);
    assert_eq!((statics.next(secs(100)), statics.due()), (None, None));
    assert_eq!(statics.failed(peer(1), secs(1)), None, "a dial that crossed it");
    assert_eq!(statics.failed(peer(9), secs(1)), None, "nobody that we keep");
}

#[test]
fn one_seed_one_schedule() {
    let run = |seed| {
        let given = [StaticPeer { peer: peer(1), addresses: vec!["/memory/1".to_owned()] }];
        let mut statics = StaticPeers::new(&given, usize::MAX, seed, Duration::ZERO);
        (0..5)
            .map(|_| {
                let now = statics.due().unwrap();
                statics.next(now);
                statics.failed(peer(1), now).unwrap()
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn the_one_that_has_been_connected_longest_is_known() {
    let mut statics = statics(3);
    while statics.next(Duration::ZERO).is_some() {}
    statics.connected(peer(2), secs(1));
    statics.connected(peer(1), secs(5));
    assert_eq!(statics.longest_connected(secs(10), secs(5)), Some(peer(2)));
    assert_eq!(statics.longest_connected(secs(10), secs(10)), None);
    statics.disconnected(peer(2), secs(11));
    assert_eq!(statics.longest_connected(secs(12), secs(5)), Some(peer(1)));
}

#[test]
fn so_many_as_are_wanted_are_connected_and_the_others_stand_by() {
    let mut statics = wanting(5, 2);
    let dialled: Vec<_> = std::iter::from_fn(|| statics.next(Duration::ZERO)).map(|(peer, _)| peer).collect();
    assert_eq!(dialled, [peer(1), peer(2)]);
    statics.connected(peer(1), secs(1));
    statics.failed(peer(2), secs(1));
    assert_eq!(statics.next(secs(1)).unwrap().0, peer(3), "one that has not failed comes before one that has");
    statics.connected(peer(3), secs(2));
    assert_eq!((statics.next(secs(100)), statics.due()), (None, None), "there are enough");
    statics.disconnected(peer(1), secs(100));
    assert_eq!(statics.next(secs(100)).unwrap().0, peer(4));
}

#[test]
fn a_new_address_is_dialled_at_once_and_a_new_peer_is_one_more() {
    let mut statics = wanting(1, 2);
    statics.next(Duration::ZERO);
    statics.failed(peer(1), Duration::ZERO);
    assert_eq!(statics.next(Duration::ZERO), None);
    statics.set(at(1), Duration::ZERO);
    assert_eq!(statics.next(Duration::ZERO), None, "what is known already changes nothing");
    let moved = StaticPeer { peer: peer(1), addresses: vec!["/memory/100".to_owned()] };
    statics.set(moved, Duration::ZERO);
    let both = ["/memory/100", "/memory/1"].map(ToOwned::to_owned).to_vec();
    assert_eq!(statics.next(Duration::ZERO), Some((peer(1), both)), "the configuration's is the last");
    statics.set(at(2), Duration::ZERO);
    assert_eq!(statics.next(Duration::ZERO).unwrap().0, peer(2));
}

#[test]
fn where_there_are_too_many_one_that_fails_makes_room() {
    let many = u16::try_from(MAX_STATIC_PEERS).unwrap();
    let id = |seed: u16| PeerId::from_bytes(&seed.to_be_bytes()).unwrap();
    let at = |seed: u16| StaticPeer { peer: id(seed), addresses: vec![format!("/memory/{seed}")] };
    let mut statics = StaticPeers::new(&[at(0)], 2, 42, Duration::ZERO);
    (1..many).for_each(|seed| statics.set(at(seed), Duration::ZERO));
    statics.set(at(many), Duration::ZERO);
    assert!(!statics.contains(id(many)), "nobody fails");
    for seed in [0, 1] {
        statics.next(Duration::ZERO);
        statics.failed(id(seed), Duration::ZERO);
    }
    statics.advertised(at(many), Duration::ZERO);
    assert!(statics.contains(id(many)) && !statics.contains(id(1)));
    assert!(statics.contains(id(0)), "the configuration has it");
}

#[test]
fn hearsay_takes_no_address_away_and_the_configuration_stays() {
    let mut statics = statics(1);
    let said = |addresses: &[&str]| StaticPeer {
        peer: peer(1),
        addresses: addresses.iter().map(|&address| address.to_owned()).collect(),
    };
    statics.advertised(said(&["/memory/8", "/memory/1"]), Duration::ZERO);
    statics.set(said(&["/memory/9"]), Duration::ZERO);
    statics.advertised(said(&["/memory/7"]), Duration::ZERO);
    let (_, addresses) = statics.next(Duration::ZERO).unwrap();
    assert_eq!(addresses, ["/memory/9", "/memory/1", "/memory/7"]);
    (20..60).for_each(|at| statics.advertised(said(&[&format!("/memory/{at}")]), Duration::ZERO));
    statics.failed(peer(1), Duration::ZERO);
    assert_eq!(statics.next(secs(1)).unwrap().1.len(), StaticPeers::ADDRESSES);
}

#[test]
fn one_more_relay_is_no_hurry_until_the_last_is_gone() {
    let mut statics = wanting(2, 2);
    let mut now = Duration::ZERO;
    while statics.next(now).is_some() {}
    statics.connected(peer(1), now);
    let mut longest = Duration::ZERO;
    for _ in 0..12 {
        let wait = statics.failed(peer(2), now).unwrap();
        longest = longest.max(wait);
        now += wait;
        assert_eq!(statics.next(now).unwrap().0, peer(2));
    }
    assert!(longest > Redial::SPARE / 2, "{longest:?}");
    statics.failed(peer(2), now);
    assert!(statics.due().unwrap() > now + Redial::LONGEST);
    statics.disconnected(peer(1), now);
    assert_eq!(statics.due(), Some(now), "everybody is needed");
}
