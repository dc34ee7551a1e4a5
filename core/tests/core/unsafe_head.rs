//! Which block leads.

use core::time::Duration;

use alloy_primitives::B256;
use petrel_core::{
    block::{BlockInfo, BlockRef},
    event::{Conflict, Event, Gap, GapState, HeadReason, Reorg},
    range_sync::RangeTarget,
    unsafe_chain::Head,
};

/// Block `number` of branch `branch`; a branch leaves branch `b'a'` behind block `fork`.
fn on(branch: u8, number: u64, fork: u64) -> BlockInfo {
    let hash = |number: u64| {
        let branch = if number <= fork { b'a' } else { branch };
        let mut hash = B256::left_padding_from(&number.to_be_bytes());
        hash.0[0] = branch;
        hash
    };
    let timestamp = number * 2;
    BlockInfo { number, hash: hash(number), parent: hash(number - 1), timestamp, timestamp_ms: timestamp * 1000 }
}

fn a(number: u64) -> BlockInfo {
    on(b'a', number, u64::MAX)
}

const INTERVAL: Duration = Duration::from_secs(2);
const PATIENCE: Duration = Duration::from_secs(6);
const NOW: Duration = Duration::from_secs(50);

fn at(block: &BlockInfo) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash }
}

struct Test(Head);

impl Test {
    fn new() -> Self {
        Self(Head::new(PATIENCE, 3000, INTERVAL))
    }

    /// The events in words: heads by number and why, gaps, conflicts.
    fn take(&mut self, block: BlockInfo) -> Vec<String> {
        words(self.0.add(NOW, block))
    }
}

fn words(events: Vec<Event>) -> Vec<String> {
    let word = |event| match event {
        Event::Head(head) => match head.why {
            HeadReason::Anchored => format!("anchored {}", head.number),
            HeadReason::Extended => format!("extended {}", head.number),
            HeadReason::Reorged => format!("reorged {} from {}", head.number, head.replaces.unwrap().number),
        },
        Event::Gap(Gap { from, to, state }) => match state {
            GapState::Opened => format!("opened {from}-{to}"),
            GapState::Closed => format!("closed {from}-{to}"),
            GapState::Skipped => format!("skipped {from}-{to}"),
        },
        Event::Conflict(Conflict { number, .. }) => format!("conflict {number}"),
        Event::Reorg(Reorg { from, to, depth, hashes }) => {
            assert_eq!((depth, hashes.len()), (to - from + 1, (depth as usize).min(Reorg::HASHES)));
            format!("gone {from}-{to}")
        }
        other => panic!("{other:?}"),
    };
    events.into_iter().map(word).collect()
}

#[test]
fn the_first_block_anchors_and_the_next_ones_extend() {
    let mut test = Test::new();
    assert_eq!(test.take(a(10)), ["anchored 10"]);
    assert_eq!(test.take(a(11)), ["extended 11"]);
    assert_eq!(test.take(a(12)), ["extended 12"]);
    assert_eq!(test.0.head(), Some(at(&a(12))));
}

#[test]
fn a_repeat_and_an_old_block_change_nothing() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(11));
    assert!(test.take(a(11)).is_empty());
    assert!(test.take(a(10)).is_empty());
    assert!(test.take(a(9)).is_empty());
}

#[test]
fn what_is_ahead_waits_until_the_gap_is_filled() {
    let mut test = Test::new();
    test.take(a(10));
    assert_eq!(test.take(a(13)), ["opened 11-12"]);
    assert_eq!(test.0.gap(), Some((11, 12)));
    assert!(test.take(a(14)).is_empty());
    assert_eq!(test.take(a(11)), ["extended 11"]);
    assert_eq!(test.take(a(12)), ["extended 12", "extended 13", "extended 14", "closed 11-12"]);
    assert_eq!((test.0.gap(), test.0.due()), (None, None));
}

#[test]
fn a_second_gap_opens_when_the_first_has_closed() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(12));
    assert!(test.take(a(15)).is_empty());
    assert_eq!(test.take(a(11)), ["extended 11", "extended 12", "closed 11-11", "opened 13-14"]);
}

#[test]
fn a_gap_that_nobody_fills_is_skipped() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(13));
    test.take(a(14));
    assert_eq!(test.0.due(), Some(NOW + PATIENCE));
    assert!(test.0.handle_timeout(NOW + PATIENCE - Duration::from_millis(1)).is_empty());
    assert_eq!(words(test.0.handle_timeout(NOW + PATIENCE)), ["skipped 11-12", "anchored 13", "extended 14"]);
    assert!(test.0.handle_timeout(NOW + PATIENCE * 100).is_empty());
    // What was missed and comes late is no conflict: it was never seen.
    assert!(test.take(a(12)).is_empty());
}

#[test]
fn a_gap_that_is_too_wide_is_skipped_at_once() {
    let mut test = Test::new();
    test.take(a(10));
    assert_eq!(test.take(a(3011)), ["opened 11-3010"], "as wide as it may be");
    let mut test = Test::new();
    test.take(a(10));
    assert_eq!(test.take(a(3012)), ["opened 11-3011", "skipped 11-3011", "anchored 3012"]);
    assert_eq!(test.0.target(), None);
}

#[test]
fn what_waits_is_bounded() {
    let mut test = Test(Head::new(PATIENCE, Head::MAX_GAP, INTERVAL));
    test.take(a(10));
    let events: Vec<_> = (0..270_000).flat_map(|step| test.take(a(20 + 2 * step))).collect();
    assert!(events.iter().any(|event| event.starts_with("skipped")));
    assert!(test.0.head().unwrap().number > 10);
}

#[test]
fn a_gap_is_closed_from_its_end_downwards() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(15));
    for number in [14, 13, 12] {
        let expected = Some(a(number).hash);
        assert_eq!(test.0.target(), Some(RangeTarget { from: 11, to: number, expected }));
        assert!(test.take(a(number)).is_empty());
    }
    let closed = ["extended 11", "extended 12", "extended 13", "extended 14", "extended 15", "closed 11-14"];
    assert_eq!(test.take(a(11)), closed);
    assert_eq!(test.0.target(), None);
}

#[test]
fn what_was_fetched_of_a_gap_that_is_given_up_is_kept() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(15));
    test.take(a(14));
    let skipped = words(test.0.handle_timeout(NOW + PATIENCE));
    assert_eq!(skipped, ["skipped 11-13", "anchored 14", "extended 15"]);
}

#[test]
fn whoever_hopes_waits_longer() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(a(13));
    test.0.extend_patience(NOW + PATIENCE);
    assert!(test.0.handle_timeout(NOW + PATIENCE).is_empty());
    assert_eq!(test.0.due(), Some(NOW + PATIENCE * 2));
}

#[test]
fn a_long_advance_tells_its_last_heads_alone() {
    let mut test = Test::new();
    test.take(a(10));
    for number in (12..=1012).rev() {
        test.take(a(number));
    }
    let told = test.take(a(11));
    assert!(told.len() < 200, "{}", told.len());
    assert_eq!(told[told.len() - 2..], ["extended 1012", "closed 11-1011"]);
}

#[test]
fn the_chain_of_an_earlier_run_is_taken_up() {
    let links: Vec<BlockInfo> = (1..=5).chain(8..=12).map(a).collect();
    let mut test = Test(Head::new(PATIENCE, 100, INTERVAL).restored(NOW, &links));
    assert_eq!(test.0.head(), Some(at(&a(12))));
    assert_eq!(test.take(on(b'b', 9, 8)), ["conflict 9"]);
    assert!(test.take(on(b'b', 5, 4)).is_empty(), "what does not hang together does not count");
    assert_eq!(test.take(a(13)), ["extended 13"]);
}

#[test]
fn a_reorg_that_an_earlier_run_left_unfinished_is_taken_up() {
    let b = |number| on(b'b', number, 6);
    let links: Vec<BlockInfo> = (1..=9).map(a).chain((10..=12).map(b)).collect();
    let restored = || Test(Head::new(PATIENCE, 100, INTERVAL).restored(NOW, &links));
    let mut test = restored();
    assert_eq!(test.0.head(), Some(at(&b(12))));
    assert_eq!(test.0.target(), Some(RangeTarget { from: 2, to: 9, expected: Some(b(9).hash) }));
    assert!(test.take(b(9)).is_empty() && test.take(b(8)).is_empty());
    assert_eq!(test.take(b(7)), ["gone 7-9"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    // Where nobody has it.
    let mut test = restored();
    assert_eq!(test.0.due(), Some(NOW + PATIENCE));
    assert_eq!(words(test.0.handle_timeout(NOW + PATIENCE)), ["gone 9-9"]);
    assert_eq!(test.0.head(), Some(at(&b(12))));
}

#[test]
fn a_sequencer_that_restarts_from_an_older_block_is_told_and_followed_once_it_overtakes() {
    let mut test = Test::new();
    for number in 10..=14 {
        test.take(a(number));
    }
    let b = |number| on(b'b', number, 11);
    assert_eq!(test.take(b(12)), ["conflict 12"]);
    // The branches part once, and that is told once.
    assert!(test.take(b(13)).is_empty() && test.take(b(14)).is_empty());
    assert_eq!(test.0.head(), Some(at(&a(14))), "the first block of a height stays");
    assert_eq!(test.take(b(15)), ["reorged 15 from 14", "gone 12-14"]);
    assert_eq!(test.take(b(16)), ["extended 16"]);
    // The chain behind the head is the new branch now.
    assert!(test.take(a(13)).is_empty());
    assert!(test.take(b(13)).is_empty());
    assert!(test.take(a(11)).is_empty());
}

#[test]
fn a_branch_that_was_never_seen_is_followed_when_it_is_higher() {
    let mut test = Test::new();
    for number in 10..=14 {
        test.take(a(number));
    }
    assert_eq!(test.take(on(b'b', 15, 11)), ["conflict 14", "reorged 15 from 14"]);
    assert_eq!(test.take(on(b'b', 16, 11)), ["extended 16"]);
    // What is missing below it is fetched, down to where the branches part.
    for number in [14, 13] {
        assert_eq!(
            test.0.target(),
            Some(RangeTarget { from: 11, to: number, expected: Some(on(b'b', number, 11).hash) })
        );
        assert!(test.take(on(b'b', number, 11)).is_empty());
    }
    assert_eq!(test.take(on(b'b', 12, 11)), ["gone 12-14"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    assert!(test.take(on(b'b', 13, 11)).is_empty() && test.take(a(11)).is_empty(), "it is one chain");
}

#[test]
fn the_heads_own_child_goes_before_another_that_waited() {
    let mut test = Test::new();
    test.take(a(10));
    test.take(on(b'b', 12, 10));
    test.take(a(12));
    assert_eq!(test.take(a(11)), ["extended 11", "extended 12", "conflict 12", "closed 11-11"]);
    assert_eq!(test.0.head(), Some(at(&a(12))));
}

#[test]
fn the_memory_of_the_chain_is_bounded() {
    let mut test = Test::new();
    for number in 1..6000 {
        test.take(a(number));
    }
    // Beyond what is remembered nothing can be called a conflict.
    assert!(test.take(on(b'b', 100, 50)).is_empty());
    assert_eq!(test.take(on(b'b', 5990, 5980)), ["conflict 5990"]);
}

#[test]
fn of_two_blocks_behind_a_gap_the_one_with_a_child_counts() {
    // Siblings at 16, of branches that part behind 12; by their hashes one order or the other.
    for (orphan, kept) in [(a(16), on(b'b', 16, 12)), (on(b'b', 16, 12), a(16))] {
        let mut test = Test::new();
        test.take(a(10));
        test.take(orphan);
        test.take(kept);
        let branch = kept.hash.0[0];
        test.take(on(branch, 17, 12));
        assert_eq!(test.0.target(), Some(RangeTarget { from: 11, to: 15, expected: Some(kept.parent) }));
        let events = words(test.0.handle_timeout(NOW + PATIENCE));
        assert_eq!(events[0], "skipped 11-15");
        assert_eq!(test.0.head().map(|head| head.hash), Some(on(branch, 17, 12).hash), "{events:?}");
    }
}

/// A head at 1000 whose sequencer goes back by `depth` and goes on: its blocks, the first of which is never gossiped when the
/// block is `missing`.
fn rewound(depth: u64, missing: bool) -> (Test, impl Fn(u64) -> BlockInfo, u64) {
    let mut test = Test(Head::new(PATIENCE, 3000, INTERVAL));
    for number in 1..=2000 {
        test.take(a(number));
    }
    let fork = 2000 - depth;
    (test, move |number| on(b'b', number, fork), fork + 1 + u64::from(missing))
}

#[test]
fn reorgs_of_any_depth_are_followed_with_and_without_the_block_in_between() {
    let later = NOW + Duration::from_secs(60);
    for depth in [1, 3, 300, 1500] {
        for missing in [false, true] {
            let (mut test, b, first) = rewound(depth, missing);
            let mut told: Vec<String> = Vec::new();
            for number in first..=2003 {
                told.extend(words(test.0.add(later, b(number))));
            }
            let case = format!("depth {depth}, missing {missing}: {told:?}");
            assert_eq!(test.0.head(), Some(at(&b(2003))), "{case}");
            assert_eq!(told.iter().filter(|word| word.starts_with("reorged")).count(), 1, "{case}");
            assert_eq!(told.iter().filter(|word| word.starts_with("conflict")).count(), 1, "{case}");
            let gone = format!("gone {}-2000", 2000 - depth + 1);
            if missing {
                let below = RangeTarget { from: 2, to: first - 1, expected: Some(b(first - 1).hash) };
                let target = test.0.target().expect("the block in between is asked for");
                assert_eq!((target.to, target.expected), (below.to, below.expected), "{case}");
                assert!(!told.contains(&gone), "{case}");
                told = words(test.0.add(later, b(first - 1)));
            }
            assert!(told.contains(&gone), "{case}");
            assert_eq!(test.0.target(), None, "{case}");
            assert!(test.take(a(2000 - depth)).is_empty(), "below the fork nothing has changed");
        }
    }
}

#[test]
fn the_head_goes_back_at_once_when_the_leading_branch_has_ended() {
    let (mut test, b, first) = rewound(300, false);
    let later = NOW + test.0.quiet();
    assert_eq!(words(test.0.add(later, b(first))), ["conflict 1701"]);
    // The second in a row, and the branch that leads has been quiet.
    assert_eq!(words(test.0.add(later, b(first + 1))), ["reorged 1702 from 2000", "gone 1701-2000"]);
    assert_eq!(test.0.head(), Some(at(&b(first + 1))));
    // The branch that was left and grows beyond leads again.
    assert_eq!(words(test.0.add(later, a(2001))), ["reorged 2001 from 1702", "gone 1701-1702"]);
}

#[test]
fn a_reorg_whose_block_in_between_nobody_has_is_told_as_far_as_it_is_known() {
    let (mut test, b, first) = rewound(300, true);
    let later = NOW + test.0.quiet();
    test.0.add(later, b(first));
    assert_eq!(words(test.0.add(later, b(first + 1))), ["reorged 1703 from 2000"]);
    assert_eq!(test.0.due(), Some(later + PATIENCE));
    assert_eq!(words(test.0.handle_timeout(later + PATIENCE)), ["gone 1701-2000"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    assert_eq!(words(test.0.add(later, b(first + 2))), ["extended 1704"]);
}

#[test]
fn two_leaders_end_at_the_branch_that_grows_whoever_was_heard_first() {
    let (mut one, mut other) = (Test::new(), Test::new());
    for test in [&mut one, &mut other] {
        test.take(a(10));
        test.take(a(11));
    }
    let b = |number| on(b'b', number, 11);
    for number in 12..15 {
        one.take(a(number));
        one.take(b(number));
        other.take(b(number));
        other.take(a(number));
    }
    assert_ne!(one.0.head(), other.0.head());
    for number in 15..18 {
        one.take(b(number));
        other.take(b(number));
    }
    assert_eq!((one.0.head(), other.0.head()), (Some(at(&b(17))), Some(at(&b(17)))));
}

#[test]
fn a_second_reorg_while_the_first_is_not_whole_loses_nothing() {
    let (mut test, b, first) = rewound(20, true);
    let c = |number| on(b'c', number, 1990);
    for number in first..=2001 {
        test.0.add(NOW, b(number));
    }
    assert_eq!(test.0.head(), Some(at(&b(2001))));
    // Another branch, of which nothing below is known either.
    let told = words(test.0.add(NOW, c(2002)));
    assert_eq!(told, ["conflict 2001", "reorged 2002 from 2001", "gone 1982-2001"]);
    for number in (1992..=2001).rev() {
        assert_eq!(test.0.target().unwrap().to, number);
        test.0.add(NOW, c(number));
    }
    // It parts from the first branch, which is told when that is known.
    assert_eq!(words(test.0.add(NOW, c(1991))), ["gone 1991-2000"]);
    assert_eq!((test.0.head(), test.0.target()), (Some(at(&c(2002))), None));
}

#[test]
fn blocks_in_any_order_end_at_the_highest_branch() {
    let mut state = 5_u64;
    for _ in 0..300 {
        let mut blocks: Vec<BlockInfo> = (11..=40).map(a).collect();
        blocks.extend((21..=45).map(|number| on(b'b', number, 20)));
        blocks.extend((31..=43).map(|number| on(b'c', number, 30)));
        let mut test = Test::new();
        test.take(a(10));
        while !blocks.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let block = blocks.swap_remove((state >> 33) as usize % blocks.len());
            test.take(block);
        }
        assert_eq!(test.0.head(), Some(at(&on(b'b', 45, 20))));
    }
}
