//! Peers that are slow, unresponsive, malicious, without history or often disconnected.

use core::time::Duration;

use petrel_core::{Event, event::GapState};
use petrel_tests::{
    random::SplitMix64,
    world::{Answers, World},
};

use super::harness::{FINE, FIRST, Test};

#[test]
fn a_relay_that_is_still_fetching_the_block_is_requested_again() {
    for seed in 1..=20 {
        // Node 0 produces blocks, node 2 relays them, and node 1 is linked with node 2 only.
        let mut test = Test::new(3, seed, FINE);
        test.world.cut(0, 1);
        test.make(3);
        test.world.cut(0, 2);
        test.make(1);
        test.world.link(0, 2);
        test.make(1);
        test.world.run(Duration::from_secs(20));
        test.assert_complete();
        assert_eq!(test.fetched(), [FIRST + 3], "seed {seed}");
    }
}

#[test]
fn a_gap_stays_open_while_the_only_relay_is_disconnected_and_closes_when_it_returns() {
    let mut test = Test::new(2, 1, FINE);
    test.make(5);
    test.produce_while_disconnected(2, 60);
    test.make(1);
    let before = test.fetched().len();
    assert!((1..60).contains(&before), "{before} blocks were fetched before");
    test.world.cut(0, 1);
    test.world.run(Duration::from_secs(30));
    assert_eq!(test.gaps().len(), 1, "{:?}", test.gaps());
    test.world.link(0, 1);
    test.world.run(Duration::from_secs(60));
    test.assert_complete();
}

#[test]
fn a_gap_is_skipped_when_the_only_relay_never_returns() {
    let mut test = Test::new(2, 1, FINE);
    test.make(5);
    test.produce_while_disconnected(2, 60);
    test.make(1);
    test.world.cut(0, 1);
    test.world.run(Duration::from_secs(90));
    assert!(matches!(test.gaps().last(), Some((.., GapState::Skipped))), "{:?}", test.gaps());
    let is_complete =
        |event: &Event| matches!(event, Event::Synced(synced) if synced.done == synced.to - synced.from + 1);
    assert!(!test.events().iter().any(is_complete), "a skipped gap is not reported as complete");
}

/// One peer responds "not found", another one reconnects again and again and never responds: the gap still ends.
#[test]
fn a_gap_without_progress_is_skipped_although_peers_reconnect() {
    let mut test = Test::new(3, 1, FINE);
    test.make(5);
    test.world.answers(0, Answers::NotFound);
    test.world.answers(2, Answers::Unresponsive);
    test.produce_while_disconnected(3, 20);
    test.make(1);
    for _ in 0..9 {
        test.world.run(Duration::from_secs(20));
        test.world.cut(1, 2);
        test.world.link(1, 2);
    }
    assert!(matches!(test.gaps().last(), Some((.., GapState::Skipped))), "{:?}", test.gaps());
}

/// Unresponsive peers may occupy all concurrent requests: the peer that responds is still requested.
#[test]
fn many_unresponsive_peers_do_not_delay_the_one_that_responds() {
    let nodes = 20;
    let mut test = Test::new(nodes, 1, FINE);
    for unresponsive in 2..nodes {
        test.world.answers(unresponsive, Answers::Unresponsive);
    }
    test.make(5);
    test.produce_while_disconnected(nodes, 20);
    test.make(10);
    let closed = test.gaps().iter().any(|(.., state)| *state == GapState::Closed);
    assert!(closed, "not within 20 s: {:?}", test.gaps());
    test.assert_complete();
    assert_eq!(test.faults(0), Vec::<&str>::new());
}

/// A malicious peer costs time only. The event names the peer of an invalid response, and it gets no more requests.
#[test]
fn malicious_peers_of_every_kind_are_reported_and_the_gap_still_closes() {
    let kinds = [
        (Answers::OtherNumber, Some("number")),
        (Answers::WrongHash, Some("block_hash")),
        (Answers::OtherBlock, Some("unlinked")),
        (Answers::Malformed, Some("snappy")),
        (Answers::Oversized, Some("too_large")),
        (Answers::Unresponsive, Some("timeout")),
        (Answers::NotFound, None),
    ];
    for (answers, fault) in kinds {
        let mut test = Test::new(3, 7, FINE);
        test.make(5);
        test.world.answers(2, answers);
        test.produce_while_disconnected(3, 20);
        test.make(30);
        test.assert_complete();
        let faults = test.faults(2);
        match fault {
            None => assert_eq!(faults, Vec::<&str>::new(), "{answers:?}"),
            Some(fault) => {
                assert!(faults.iter().all(|found| *found == fault) && !faults.is_empty(), "{answers:?}: {faults:?}")
            }
        }
        assert_eq!(test.faults(0), Vec::<&str>::new(), "{answers:?}: the correct peer has no faults");
        // Invalid responses: at most those of the requests that were open when the first one was found.
        let is_invalid =
            matches!(answers, Answers::OtherNumber | Answers::WrongHash | Answers::Malformed | Answers::Oversized);
        assert!(!is_invalid || faults.len() <= 4, "{answers:?}: {faults:?}");
        let reason = |event: &Event| match event {
            Event::Disconnected(gone) if gone.peer == World::peer(2) => Some(gone.reason.clone()),
            _ => None,
        };
        let disconnected = test.events().iter().filter_map(reason).any(|reason| reason.starts_with("invalid response"));
        assert_eq!(
            disconnected, is_invalid,
            "{answers:?}: the sender of an invalid response is disconnected with that reason"
        );
    }
}

#[test]
fn a_peer_whose_request_timed_out_is_requested_again() {
    let mut test = Test::new(2, 12, FINE);
    test.make(5);
    test.world.answers(0, Answers::Unresponsive);
    test.produce_while_disconnected(2, 10);
    test.make(2);
    test.world.answers(0, Answers::Correct);
    test.make(30);
    test.assert_complete();
}

#[test]
fn blocks_from_a_single_malicious_peer_are_never_accepted() {
    for answers in
        [Answers::OtherNumber, Answers::WrongHash, Answers::OtherBlock, Answers::Malformed, Answers::Unresponsive]
    {
        let mut test = Test::new(2, 3, FINE);
        test.make(5);
        test.world.answers(0, answers);
        test.produce_while_disconnected(2, 10);
        test.make(40);
        assert_eq!(test.fetched(), Vec::<u64>::new(), "{answers:?}");
        let gaps = test.gaps();
        assert!(gaps.contains(&(1006, 1015, GapState::Skipped)), "{answers:?}: {gaps:?}");
        assert!(test.world.node(1).head().expect("a head").number > 1015, "{answers:?}: the head moves above the gap");
    }
}

#[test]
fn a_gap_longer_than_every_peers_history_is_closed_as_far_as_the_history_reaches() {
    let mut test = Test::new(3, 4, FINE);
    test.make(5);
    test.produce_while_disconnected(3, 30);
    test.world.keep_latest(0, 12);
    test.world.keep_latest(2, 12);
    test.make(20);
    assert_eq!(test.fetched(), (1024..=1035).rev().collect::<Vec<_>>());
    assert_eq!(test.gaps().last(), Some(&(1006, 1023, GapState::Skipped)));
    assert_eq!(test.world.node(1).head().expect("a head").number, 1055);
}

#[test]
fn peers_that_lack_blocks_do_not_end_the_gap() {
    let mut test = Test::new(4, 5, FINE);
    test.make(5);
    test.produce_while_disconnected(4, 30);
    // Only node 3 has all blocks.
    test.world.keep_latest(0, 3);
    test.world.keep_latest(2, 8);
    test.make(25);
    test.assert_complete();
}

#[test]
fn a_gap_is_fetched_while_peers_disconnect_and_reconnect() {
    let mut random = SplitMix64(3);
    let mut test = Test::new(6, 11, FINE);
    test.make(5);
    test.produce_while_disconnected(6, 60);
    test.make(1);
    for _ in 0..40 {
        let other = [0, 2, 3, 4, 5][random.below(5) as usize];
        test.world.cut(1, other);
        test.world.run(Duration::from_millis(300));
        test.world.link(1, other);
        test.world.run(Duration::from_millis(200));
    }
    test.make(5);
    let seen = test.fetched();
    assert!(seen.len() >= 60, "{}", seen.len());
    assert_eq!(test.gaps().first().map(|gap| (gap.0, gap.1)), Some((1006, 1065)));
    assert!(test.gaps().iter().all(|(.., state)| *state != GapState::Skipped), "{:?}", test.gaps());
}
