//! Fairness and bounds of the messages that wait.

use petrel_core::{
    fork::Version,
    peer::PeerId,
    validation::{Pending, ValidationQueue},
};

use crate::forge::{after, plain};

fn peer(seed: u8) -> PeerId {
    PeerId::from_bytes(&[seed]).unwrap()
}

fn pending(from: u8, bytes: usize) -> Pending {
    Pending {
        peer: Some(peer(from)),
        id: None,
        version: Version::V4,
        message: plain(vec![from; bytes]),
        arrived: after(0),
    }
}

fn order(waiting: &mut ValidationQueue) -> Vec<u8> {
    std::iter::from_fn(|| waiting.take()).map(|pending| pending.peer.unwrap().as_bytes()[0]).collect()
}

#[test]
fn peers_are_served_in_turn_however_much_each_sends() {
    let mut waiting = ValidationQueue::default();
    for _ in 0..4 {
        waiting.put(pending(1, 100));
    }
    waiting.put(pending(2, 100));
    waiting.put(pending(3, 100));
    assert_eq!(waiting.len(), 6);
    assert_eq!(order(&mut waiting), [1, 2, 3, 1, 1, 1]);
    assert!(waiting.is_empty());
}

#[test]
fn a_peer_floods_by_number_or_by_bytes_but_two_large_messages_are_fine() {
    let mut waiting = ValidationQueue::default();
    for _ in 0..ValidationQueue::PEER_MESSAGES {
        assert!(!waiting.put(pending(1, 1)).flooding);
    }
    assert!(waiting.put(pending(1, 1)).flooding);
    assert!(!waiting.put(pending(2, 10 << 20)).flooding);
    assert!(!waiting.put(pending(2, 10 << 20)).flooding);
    assert!(waiting.put(pending(2, 1)).flooding);
}

#[test]
fn what_a_flooding_peer_sent_is_kept_while_there_is_room() {
    let mut waiting = ValidationQueue::default();
    for _ in 0..100 {
        assert!(waiting.put(pending(1, 1)).evicted.is_empty());
    }
    assert_eq!(waiting.len(), 100);
}

#[test]
fn when_all_is_full_the_largest_queue_pays_with_its_newest() {
    let mut waiting = ValidationQueue::default();
    assert!(waiting.put(pending(9, 1000)).evicted.is_empty());
    for from in 1..=6 {
        assert!(waiting.put(pending(from, 10 << 20)).evicted.is_empty());
    }
    let put = waiting.put(pending(1, 9 << 20));
    assert_eq!(put.evicted.len(), 1);
    assert_eq!((put.evicted[0].peer, put.evicted[0].message.data.len()), (Some(peer(1)), 9 << 20));
    assert!(order(&mut waiting).contains(&9));
}

#[test]
fn the_number_of_all_messages_is_bounded() {
    let mut waiting = ValidationQueue::default();
    for from in 0..=u8::MAX {
        for _ in 0..5 {
            waiting.put(pending(from, 1));
        }
    }
    assert_eq!(waiting.len(), ValidationQueue::TOTAL_MESSAGES);
}
