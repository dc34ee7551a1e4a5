//! Unsafe head selection: extension, gaps and reorgs.

use core::time::Duration;

use alloy_primitives::B256;
use petrel_core::{
    block::{BlockInfo, BlockRef},
    event::{Conflict, Event, Gap, GapState, HeadReason, NewHead, Reorg},
    range_sync::RangeTarget,
    unsafe_chain::Head,
};

/// Block `number` of branch `branch`, which forks from branch `b'a'` after block `fork`.
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
const GAP_TIMEOUT: Duration = Duration::from_secs(6);
const NOW: Duration = Duration::from_secs(50);

fn at(block: &BlockInfo) -> BlockRef {
    BlockRef { number: block.number, hash: block.hash }
}

struct TestHead(Head);

impl TestHead {
    fn new() -> Self {
        Self(Head::new(GAP_TIMEOUT, 3000, INTERVAL))
    }

    /// Adds a block; returns the events as text: heads with number and reason, gaps, conflicts, replaced blocks.
    fn add_block(&mut self, block: BlockInfo) -> Vec<String> {
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
            format!("replaced {from}-{to}")
        }
        other => panic!("{other:?}"),
    };
    events.into_iter().map(word).collect()
}

#[test]
fn the_first_block_anchors_and_the_next_ones_extend() {
    let mut test = TestHead::new();
    assert_eq!(test.add_block(a(10)), ["anchored 10"]);
    assert_eq!(test.add_block(a(11)), ["extended 11"]);
    assert_eq!(test.add_block(a(12)), ["extended 12"]);
    assert_eq!(test.0.head(), Some(at(&a(12))));
}

#[test]
fn a_repeat_and_an_old_block_change_nothing() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(11));
    assert!(test.add_block(a(11)).is_empty());
    assert!(test.add_block(a(10)).is_empty());
    assert!(test.add_block(a(9)).is_empty());
}

#[test]
fn blocks_after_a_gap_wait_until_the_gap_is_filled() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    assert_eq!(test.add_block(a(13)), ["opened 11-12"]);
    assert_eq!(test.0.gap(), Some((11, 12)));
    assert!(test.add_block(a(14)).is_empty());
    assert_eq!(test.add_block(a(11)), ["extended 11"]);
    assert_eq!(test.add_block(a(12)), ["extended 12", "extended 13", "extended 14", "closed 11-12"]);
    assert_eq!((test.0.gap(), test.0.due()), (None, None));
}

#[test]
fn a_second_gap_opens_when_the_first_has_closed() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(12));
    assert!(test.add_block(a(15)).is_empty());
    assert_eq!(test.add_block(a(11)), ["extended 11", "extended 12", "closed 11-11", "opened 13-14"]);
}

#[test]
fn a_gap_that_is_not_filled_is_skipped() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(13));
    test.add_block(a(14));
    assert_eq!(test.0.due(), Some(NOW + GAP_TIMEOUT));
    assert!(test.0.handle_timeout(NOW + GAP_TIMEOUT - Duration::from_millis(1)).is_empty());
    assert_eq!(words(test.0.handle_timeout(NOW + GAP_TIMEOUT)), ["skipped 11-12", "anchored 13", "extended 14"]);
    assert!(test.0.handle_timeout(NOW + GAP_TIMEOUT * 100).is_empty());
    // A missed block that arrives late is no conflict, because no other block of its height was seen.
    assert!(test.add_block(a(12)).is_empty());
}

#[test]
fn a_gap_that_is_too_wide_is_skipped_at_once() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    assert_eq!(test.add_block(a(3011)), ["opened 11-3010"], "the maximum width");
    let mut test = TestHead::new();
    test.add_block(a(10));
    assert_eq!(test.add_block(a(3012)), ["opened 11-3011", "skipped 11-3011", "anchored 3012"]);
    assert_eq!(test.0.target(), None);
}

#[test]
fn waiting_blocks_are_bounded() {
    let mut test = TestHead(Head::new(GAP_TIMEOUT, Head::MAX_GAP, INTERVAL));
    test.add_block(a(10));
    let events: Vec<_> = (0..270_000).flat_map(|step| test.add_block(a(20 + 2 * step))).collect();
    assert!(events.iter().any(|event| event.starts_with("skipped")));
    assert!(test.0.head().unwrap().number > 10);
}

#[test]
fn a_gap_is_filled_from_its_end_downwards() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(15));
    for number in [14, 13, 12] {
        let expected = Some(a(number).hash);
        assert_eq!(test.0.target(), Some(RangeTarget { from: 11, to: number, expected }));
        assert!(test.add_block(a(number)).is_empty());
    }
    let closed = ["extended 11", "extended 12", "extended 13", "extended 14", "extended 15", "closed 11-14"];
    assert_eq!(test.add_block(a(11)), closed);
    assert_eq!(test.0.target(), None);
}

#[test]
fn blocks_fetched_for_a_skipped_gap_are_kept() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(15));
    test.add_block(a(14));
    let skipped = words(test.0.handle_timeout(NOW + GAP_TIMEOUT));
    assert_eq!(skipped, ["skipped 11-13", "anchored 14", "extended 15"]);
}

#[test]
fn progress_extends_the_timeout_of_a_gap() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(a(13));
    test.0.extend_timeout(NOW + GAP_TIMEOUT);
    assert!(test.0.handle_timeout(NOW + GAP_TIMEOUT).is_empty());
    assert_eq!(test.0.due(), Some(NOW + GAP_TIMEOUT * 2));
}

/// The head events when a gap of this many blocks, above block 10, is closed from its upper end.
fn heads_of_a_closed_gap(blocks: u64) -> Vec<NewHead> {
    let mut test = TestHead(Head::new(GAP_TIMEOUT, 10_000, INTERVAL));
    test.add_block(a(10));
    for number in (12..=11 + blocks).rev() {
        test.add_block(a(number));
    }
    let events = test.0.add(NOW, a(11));
    let closed = Gap { from: 11, to: 10 + blocks, state: GapState::Closed };
    assert!(matches!(events.last(), Some(Event::Gap(gap)) if *gap == closed));
    let head = |event| if let Event::Head(head) = event { Some(head) } else { None };
    events.into_iter().filter_map(head).collect()
}

#[test]
fn each_block_of_a_closed_gap_has_a_head_event() {
    // The longest gap of a browser: four minutes of blocks every 200 ms.
    let heads = heads_of_a_closed_gap(1200);
    assert!(heads.iter().map(|head| head.number).eq(11..=1211));
    assert!(heads.iter().all(|head| head.omitted == 0));
}

#[test]
fn a_longer_advance_counts_the_blocks_without_a_head_event() {
    for blocks in [2_047, 2_048, 2_049, 5_000, 9_000] {
        let heads = heads_of_a_closed_gap(blocks);
        assert!(heads.len() <= Head::MAX_HEAD_EVENTS + 1, "{}", heads.len());
        let mut previous = 10;
        for head in heads {
            assert_eq!(head.number, previous + head.omitted + 1);
            previous = head.number;
        }
        assert_eq!(previous, 11 + blocks);
    }
}

#[test]
fn the_chain_of_an_earlier_run_is_restored() {
    let links: Vec<BlockInfo> = (1..=5).chain(8..=12).map(a).collect();
    let mut test = TestHead(Head::new(GAP_TIMEOUT, 100, INTERVAL).restored(NOW, &links));
    assert_eq!(test.0.head(), Some(at(&a(12))));
    assert_eq!(test.add_block(on(b'b', 9, 8)), ["conflict 9"]);
    assert!(test.add_block(on(b'b', 5, 4)).is_empty(), "blocks before a gap of the restored chain are ignored");
    assert_eq!(test.add_block(a(13)), ["extended 13"]);
}

#[test]
fn an_unfinished_reorg_of_an_earlier_run_is_continued() {
    let b = |number| on(b'b', number, 6);
    let links: Vec<BlockInfo> = (1..=9).map(a).chain((10..=12).map(b)).collect();
    let restored = || TestHead(Head::new(GAP_TIMEOUT, 100, INTERVAL).restored(NOW, &links));
    let mut test = restored();
    assert_eq!(test.0.head(), Some(at(&b(12))));
    assert_eq!(test.0.target(), Some(RangeTarget { from: 2, to: 9, expected: Some(b(9).hash) }));
    assert!(test.add_block(b(9)).is_empty() && test.add_block(b(8)).is_empty());
    assert_eq!(test.add_block(b(7)), ["replaced 7-9"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    // No peer has the block.
    let mut test = restored();
    assert_eq!(test.0.due(), Some(NOW + GAP_TIMEOUT));
    assert_eq!(words(test.0.handle_timeout(NOW + GAP_TIMEOUT)), ["replaced 9-9"]);
    assert_eq!(test.0.head(), Some(at(&b(12))));
}

#[test]
fn a_sequencer_that_restarts_from_an_older_block_is_followed_when_its_branch_is_higher() {
    let mut test = TestHead::new();
    for number in 10..=14 {
        test.add_block(a(number));
    }
    let b = |number| on(b'b', number, 11);
    assert_eq!(test.add_block(b(12)), ["conflict 12"]);
    // There is one fork, and it is reported once.
    assert!(test.add_block(b(13)).is_empty() && test.add_block(b(14)).is_empty());
    assert_eq!(test.0.head(), Some(at(&a(14))), "the first block of a height stays");
    assert_eq!(test.add_block(b(15)), ["reorged 15 from 14", "replaced 12-14"]);
    assert_eq!(test.add_block(b(16)), ["extended 16"]);
    // The new branch is canonical.
    assert!(test.add_block(a(13)).is_empty());
    assert!(test.add_block(b(13)).is_empty());
    assert!(test.add_block(a(11)).is_empty());
}

#[test]
fn a_branch_that_was_never_seen_is_followed_when_it_is_higher() {
    let mut test = TestHead::new();
    for number in 10..=14 {
        test.add_block(a(number));
    }
    assert_eq!(test.add_block(on(b'b', 15, 11)), ["conflict 14", "reorged 15 from 14"]);
    assert_eq!(test.add_block(on(b'b', 16, 11)), ["extended 16"]);
    // The missing blocks of the branch are fetched down to the fork.
    for number in [14, 13] {
        assert_eq!(
            test.0.target(),
            Some(RangeTarget { from: 11, to: number, expected: Some(on(b'b', number, 11).hash) })
        );
        assert!(test.add_block(on(b'b', number, 11)).is_empty());
    }
    assert_eq!(test.add_block(on(b'b', 12, 11)), ["replaced 12-14"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    assert!(test.add_block(on(b'b', 13, 11)).is_empty() && test.add_block(a(11)).is_empty(), "the chain is complete");
}

#[test]
fn a_child_of_the_head_is_preferred_to_another_waiting_block() {
    let mut test = TestHead::new();
    test.add_block(a(10));
    test.add_block(on(b'b', 12, 10));
    test.add_block(a(12));
    assert_eq!(test.add_block(a(11)), ["extended 11", "extended 12", "conflict 12", "closed 11-11"]);
    assert_eq!(test.0.head(), Some(at(&a(12))));
}

#[test]
fn the_remembered_chain_is_bounded() {
    let mut test = TestHead::new();
    for number in 1..6000 {
        test.add_block(a(number));
    }
    // Conflicts with blocks that are no longer stored are not detected.
    assert!(test.add_block(on(b'b', 100, 50)).is_empty());
    assert_eq!(test.add_block(on(b'b', 5990, 5980)), ["conflict 5990"]);
}

#[test]
fn of_two_blocks_after_a_gap_the_one_with_a_child_is_preferred() {
    // Siblings at 16 of branches that fork after 12; both orders of their hashes.
    for (orphan, parent) in [(a(16), on(b'b', 16, 12)), (on(b'b', 16, 12), a(16))] {
        let mut test = TestHead::new();
        test.add_block(a(10));
        test.add_block(orphan);
        test.add_block(parent);
        let branch = parent.hash.0[0];
        test.add_block(on(branch, 17, 12));
        assert_eq!(test.0.target(), Some(RangeTarget { from: 11, to: 15, expected: Some(parent.parent) }));
        let events = words(test.0.handle_timeout(NOW + GAP_TIMEOUT));
        assert_eq!(events[0], "skipped 11-15");
        assert_eq!(test.0.head().map(|head| head.hash), Some(on(branch, 17, 12).hash), "{events:?}");
    }
}

/// A head at 2000 whose sequencer restarts `depth` blocks below it. Returns the blocks of its new branch, and the
/// number of the first one that is gossiped; if `missing`, the first block of the branch is not gossiped.
fn restarted(depth: u64, missing: bool) -> (TestHead, impl Fn(u64) -> BlockInfo, u64) {
    let mut test = TestHead(Head::new(GAP_TIMEOUT, 3000, INTERVAL));
    for number in 1..=2000 {
        test.add_block(a(number));
    }
    let fork = 2000 - depth;
    (test, move |number| on(b'b', number, fork), fork + 1 + u64::from(missing))
}

#[test]
fn reorgs_of_any_depth_are_followed_with_and_without_the_first_block() {
    let later = NOW + Duration::from_secs(60);
    for depth in [1, 3, 300, 1500] {
        for missing in [false, true] {
            let (mut test, b, first) = restarted(depth, missing);
            let mut events: Vec<String> = Vec::new();
            for number in first..=2003 {
                events.extend(words(test.0.add(later, b(number))));
            }
            let case = format!("depth {depth}, missing {missing}: {events:?}");
            assert_eq!(test.0.head(), Some(at(&b(2003))), "{case}");
            assert_eq!(events.iter().filter(|word| word.starts_with("reorged")).count(), 1, "{case}");
            assert_eq!(events.iter().filter(|word| word.starts_with("conflict")).count(), 1, "{case}");
            let replaced = format!("replaced {}-2000", 2000 - depth + 1);
            if missing {
                let below = RangeTarget { from: 2, to: first - 1, expected: Some(b(first - 1).hash) };
                let target = test.0.target().expect("the first block of the branch is requested");
                assert_eq!((target.to, target.expected), (below.to, below.expected), "{case}");
                assert!(!events.contains(&replaced), "{case}");
                events = words(test.0.add(later, b(first - 1)));
            }
            assert!(events.contains(&replaced), "{case}");
            assert_eq!(test.0.target(), None, "{case}");
            assert!(test.add_block(a(2000 - depth)).is_empty(), "below the fork nothing has changed");
        }
    }
}

#[test]
fn the_head_goes_back_when_its_branch_has_ended() {
    let (mut test, b, first) = restarted(300, false);
    let later = NOW + test.0.quiet();
    assert_eq!(words(test.0.add(later, b(first))), ["conflict 1701"]);
    // It is the second block in a row, and the leading branch has been idle.
    assert_eq!(words(test.0.add(later, b(first + 1))), ["reorged 1702 from 2000", "replaced 1701-2000"]);
    assert_eq!(test.0.head(), Some(at(&b(first + 1))));
    // The old branch leads again when it is higher.
    assert_eq!(words(test.0.add(later, a(2001))), ["reorged 2001 from 1702", "replaced 1701-1702"]);
}

#[test]
fn a_reorg_with_an_unavailable_block_is_reported_as_far_as_it_is_known() {
    let (mut test, b, first) = restarted(300, true);
    let later = NOW + test.0.quiet();
    test.0.add(later, b(first));
    assert_eq!(words(test.0.add(later, b(first + 1))), ["reorged 1703 from 2000"]);
    assert_eq!(test.0.due(), Some(later + GAP_TIMEOUT));
    assert_eq!(words(test.0.handle_timeout(later + GAP_TIMEOUT)), ["replaced 1701-2000"]);
    assert_eq!((test.0.target(), test.0.due()), (None, None));
    assert_eq!(words(test.0.add(later, b(first + 2))), ["extended 1704"]);
}

#[test]
fn two_nodes_end_at_the_growing_branch_for_any_order_of_arrival() {
    let (mut one, mut other) = (TestHead::new(), TestHead::new());
    for test in [&mut one, &mut other] {
        test.add_block(a(10));
        test.add_block(a(11));
    }
    let b = |number| on(b'b', number, 11);
    for number in 12..15 {
        one.add_block(a(number));
        one.add_block(b(number));
        other.add_block(b(number));
        other.add_block(a(number));
    }
    assert_ne!(one.0.head(), other.0.head());
    for number in 15..18 {
        one.add_block(b(number));
        other.add_block(b(number));
    }
    assert_eq!((one.0.head(), other.0.head()), (Some(at(&b(17))), Some(at(&b(17)))));
}

#[test]
fn a_second_reorg_during_an_incomplete_one_loses_nothing() {
    let (mut test, b, first) = restarted(20, true);
    let c = |number| on(b'c', number, 1990);
    for number in first..=2001 {
        test.0.add(NOW, b(number));
    }
    assert_eq!(test.0.head(), Some(at(&b(2001))));
    // Another branch without known ancestors.
    let events = words(test.0.add(NOW, c(2002)));
    assert_eq!(events, ["conflict 2001", "reorged 2002 from 2001", "replaced 1982-2001"]);
    for number in (1992..=2001).rev() {
        assert_eq!(test.0.target().unwrap().to, number);
        test.0.add(NOW, c(number));
    }
    // The replaced blocks are reported when the fork is known.
    assert_eq!(words(test.0.add(NOW, c(1991))), ["replaced 1991-2000"]);
    assert_eq!((test.0.head(), test.0.target()), (Some(at(&c(2002))), None));
}

#[test]
fn blocks_in_any_order_end_at_the_highest_branch() {
    let mut state = 5_u64;
    for _ in 0..300 {
        let mut blocks: Vec<BlockInfo> = (11..=40).map(a).collect();
        blocks.extend((21..=45).map(|number| on(b'b', number, 20)));
        blocks.extend((31..=43).map(|number| on(b'c', number, 30)));
        let mut test = TestHead::new();
        test.add_block(a(10));
        while !blocks.is_empty() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let block = blocks.swap_remove((state >> 33) as usize % blocks.len());
            test.add_block(block);
        }
        assert_eq!(test.0.head(), Some(at(&on(b'b', 45, 20))));
    }
}
