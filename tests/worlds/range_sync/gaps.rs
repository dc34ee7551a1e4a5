//! Gaps: how they are opened, fetched, closed and skipped; in bad conditions and over a restart.

use core::time::Duration;

use petrel_core::{Event, event::GapState, fork::Fork};
use petrel_tests::world::{Answers, Conditions};

use super::harness::{FINE, START, Test, block, config};

#[test]
fn a_gap_is_closed_from_its_upper_end_and_reported() {
    let mut test = Test::new(3, 1, FINE);
    test.make(5);
    test.produce_while_disconnected(3, 40);
    test.make(15);
    test.assert_complete();
    let expected: Vec<u64> = (1006..=1045).rev().collect();
    assert_eq!(test.fetched(), expected);
    assert_eq!(test.gaps(), [(1006, 1045, GapState::Opened), (1006, 1045, GapState::Closed)]);
    let mut synced = test.events().iter().filter_map(|event| match event {
        Event::Synced(synced) => Some((synced.from, synced.to, synced.done)),
        _ => None,
    });
    assert_eq!(synced.next_back(), Some((1006, 1045, 40)));
}

#[test]
fn the_encoding_changes_within_a_gap() {
    let mut config = config();
    // Canyon, Ecotone and Isthmus activate ten blocks apart, the first with block 1011.
    for (fork, blocks) in [(Fork::Canyon, 10), (Fork::Delta, 10), (Fork::Ecotone, 20), (Fork::Fjord, 20)] {
        config.chain.forks.set(fork, Some(START + blocks * 2));
    }
    for fork in [Fork::Granite, Fork::Holocene, Fork::Isthmus, Fork::Jovian] {
        config.chain.forks.set(fork, Some(START + 30 * 2));
    }
    let mut test = Test::of(config, 3, 2, FINE);
    test.make(4);
    test.produce_while_disconnected(3, 40);
    test.make(15);
    test.assert_complete();
    assert_eq!(test.fetched().len(), 40);
}

fn follow_in_bad_conditions(seeds: core::ops::Range<u64>) {
    for seed in seeds {
        let conditions = Conditions { latency: (5, 900), loss: 20, duplication: 20 };
        let mut test = Test::new(5, seed, conditions);
        // A block that is lost before the first received one leaves no gap.
        test.world.link(0, 1);
        test.make(30);
        test.world.run(Duration::from_secs(90));
        let mut seen: Vec<u64> = test.events().iter().filter_map(block).map(|(number, ..)| number).collect();
        seen.sort_unstable();
        let first = *seen.first().expect("a block");
        let last = test.world.node(1).head().expect("a head").number;
        assert_eq!(seen, (first..=last).collect::<Vec<_>>(), "seed {seed}: no gap, and each block once");
        assert!(last >= 1025, "seed {seed}: {last}");
    }
}

#[test]
fn blocks_lost_in_bad_conditions_are_fetched() {
    follow_in_bad_conditions(0..8);
}

#[test]
#[ignore = "long: many seeds"]
fn blocks_lost_in_bad_conditions_are_fetched_for_many_seeds() {
    follow_in_bad_conditions(8..500);
}

#[test]
fn a_run_with_gaps_can_be_replayed() {
    let run = |seed: u64| {
        let mut test = Test::new(4, seed, Conditions { latency: (1, 500), loss: 15, duplication: 10 });
        test.world.answers(3, Answers::OtherBlock);
        test.make(8);
        test.produce_while_disconnected(4, 20);
        test.make(20);
        test.world.log().to_owned()
    };
    assert!(run(1).contains("\"sync\""));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn a_gap_that_is_too_wide_is_not_fetched() {
    let mut config = config();
    config.sync.max_gap = Duration::from_secs(40);
    let mut test = Test::of(config, 3, 6, FINE);
    test.make(5);
    test.produce_while_disconnected(3, 21);
    test.make(3);
    assert_eq!(test.gaps(), [(1006, 1026, GapState::Opened), (1006, 1026, GapState::Skipped)]);
    assert_eq!(test.fetched(), Vec::<u64>::new());
    assert_eq!(test.world.node(1).head().expect("a head").number, 1029);
}

#[test]
fn a_restarted_node_continues_at_its_head() {
    let mut test = Test::new(3, 8, FINE);
    test.make(5);
    let config = test.config.clone();
    test.world.restart(1, &config);
    assert_eq!(test.world.node(1).head().expect("a head").number, 1005);
    test.make(12);
    test.world.link(1, 0);
    test.world.link(1, 2);
    // Before the first gossip the blocks are fetched into quarantine; none of them is accepted yet.
    test.world.run(Duration::from_secs(1));
    assert_eq!(test.fetched(), Vec::<u64>::new());
    test.make(1);
    assert_eq!(test.fetched(), (1006..=1017).rev().collect::<Vec<_>>(), "accepted at once: they were in quarantine");
    test.make(3);
    test.assert_complete();
}

#[test]
fn with_range_sync_disabled_a_gap_is_skipped() {
    let mut config = config();
    config.sync.enabled = false;
    let mut test = Test::of(config, 3, 9, FINE);
    test.make(5);
    test.produce_while_disconnected(3, 5);
    test.make(10);
    assert_eq!(test.fetched(), Vec::<u64>::new());
    assert_eq!(test.gaps().last(), Some(&(1006, 1010, GapState::Skipped)));
}

#[test]
fn stored_blocks_are_reported_as_stored() {
    let mut test = Test::new(3, 10, FINE);
    test.make(5);
    test.produce_while_disconnected(3, 5);
    test.make(10);
    test.world.run(Duration::from_secs(1));
    let stored = test.events().iter().filter(|event| matches!(event, Event::Stored(stored) if stored.stored)).count();
    assert_eq!(stored, 20);
}
