//! Fairness and bounds of the validation queue.

use petrel_core::{
    fork::Version,
    peer::PeerId,
    validation::{Pending, ValidationQueue},
};

use crate::forge::{after, message_of};

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn pending(from: u8, bytes: usize) -> Pending {
    Pending {
        peer: Some(peer(from)),
        id: None,
        version: Version::V4,
        message: message_of(vec![from; bytes]),
        arrived: after(0),
    }
}

fn order(queue: &mut ValidationQueue) -> Vec<u8> {
    std::iter::from_fn(|| queue.take()).map(|pending| pending.peer.unwrap().as_bytes()[0]).collect()
}

#[test]
fn peers_are_served_in_turn_for_any_number_of_messages() {
    let mut queue = ValidationQueue::default();
    for _ in 0..4 {
        queue.put(pending(1, 100));
    }
    queue.put(pending(2, 100));
    queue.put(pending(3, 100));
    assert_eq!(queue.len(), 6);
    assert_eq!(order(&mut queue), [1, 2, 3, 1, 1, 1]);
    assert!(queue.is_empty());
}

#[test]
fn a_peer_floods_by_number_or_by_bytes_but_two_large_messages_are_fine() {
    let mut queue = ValidationQueue::default();
    for _ in 0..ValidationQueue::PEER_MESSAGES {
        assert!(!queue.put(pending(1, 1)).flooding);
    }
    assert!(queue.put(pending(1, 1)).flooding);
    assert!(!queue.put(pending(2, 10 << 20)).flooding);
    assert!(!queue.put(pending(2, 10 << 20)).flooding);
    assert!(queue.put(pending(2, 1)).flooding);
}

#[test]
fn messages_of_a_flooding_peer_are_kept_within_the_limit() {
    let mut queue = ValidationQueue::default();
    for _ in 0..100 {
        assert!(queue.put(pending(1, 1)).evicted.is_empty());
    }
    assert_eq!(queue.len(), 100);
}

#[test]
fn when_the_queue_is_full_the_newest_message_of_the_largest_peer_is_evicted() {
    let mut queue = ValidationQueue::default();
    assert!(queue.put(pending(9, 1000)).evicted.is_empty());
    for from in 1..=6 {
        assert!(queue.put(pending(from, 10 << 20)).evicted.is_empty());
    }
    let put = queue.put(pending(1, 9 << 20));
    assert_eq!(put.evicted.len(), 1);
    assert_eq!((put.evicted[0].peer, put.evicted[0].message.data.len()), (Some(peer(1)), 9 << 20));
    assert!(order(&mut queue).contains(&9));
}

#[test]
fn the_number_of_all_messages_is_bounded() {
    let mut queue = ValidationQueue::default();
    for from in 0..=u8::MAX {
        for _ in 0..5 {
            queue.put(pending(from, 1));
        }
    }
    assert_eq!(queue.len(), ValidationQueue::TOTAL_MESSAGES);
}

#[test]
fn many_small_messages_of_many_peers_do_not_evict_a_large_one_of_another() {
    let mut queue = ValidationQueue::default();
    assert!(queue.put(pending(200, 100_000)).evicted.is_empty());
    let mut evicted = Vec::new();
    for from in 1..=16 {
        for _ in 0..ValidationQueue::PEER_MESSAGES {
            evicted.extend(queue.put(pending(from, 70)).evicted);
        }
    }
    assert_eq!(evicted.len(), 1);
    assert_ne!(evicted[0].peer, Some(peer(200)));
    // As many peers with as few messages as the honest one.
    let mut queue = ValidationQueue::default();
    assert!(queue.put(pending(200, 100_000)).evicted.is_empty());
    for index in 0..2_000_u32 {
        let mut small = pending(0, 70);
        small.peer = PeerId::from_bytes(&index.to_be_bytes()).ok();
        let evicted = queue.put(small).evicted;
        assert!(evicted.iter().all(|pending| pending.peer != Some(peer(200))));
    }
    assert!(order(&mut queue).contains(&200));
}
