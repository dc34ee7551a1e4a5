use alloy_primitives::{B256, Bytes, keccak256};
use petrel_core::{
    Event,
    block::ExecutionPayload,
    event::{HeadReason, NewBlock, Via},
};

use super::{Window, WindowLimits, WindowSummary};
use crate::contents::fixtures::{head, line, made, payload};

fn limits(blocks: usize) -> WindowLimits {
    WindowLimits { blocks, ..WindowLimits::default() }
}

fn gossip(window: &mut Window, block: &NewBlock) {
    window.observe(&Event::Block(block.clone()));
}

/// Gossips blocks that are the head one after the other.
fn follow(window: &mut Window, blocks: &[NewBlock]) {
    for block in blocks {
        gossip(window, block);
        window.observe(&head(block, HeadReason::Extended));
    }
}

fn fetched(block: &NewBlock) -> Event {
    Event::Block(NewBlock { via: Via::Sync, ..block.clone() })
}

fn numbers(window: &Window) -> Option<(u64, u64)> {
    window.summary().numbers
}

#[test]
fn nothing_is_kept_at_first() {
    let window = Window::default();
    assert_eq!(window.summary(), WindowSummary { numbers: None, blocks: 0, bytes: 0 });
    assert!(window.head().is_none() && window.numbered(0).is_none() && window.block(&B256::ZERO).is_none());
}

#[test]
fn blocks_are_found_by_number_and_by_hash() {
    let blocks = line(1, 5, B256::ZERO, 0);
    let mut window = Window::default();
    follow(&mut window, &blocks);
    for (number, block) in (1..).zip(&blocks) {
        assert_eq!(window.numbered(number).unwrap().hash, block.block.hash);
        assert!(window.is_canonical(window.block(&block.block.hash).unwrap()));
    }
    assert_eq!(window.head().unwrap().hash, blocks[4].block.hash);
    assert!(window.numbered(0).is_none() && window.numbered(6).is_none());
    assert_eq!(numbers(&window), Some((1, 5)));
}

#[test]
fn the_number_of_blocks_is_bounded_and_the_newest_stay() {
    let mut window = Window::new(limits(4));
    let blocks = line(1, 20, B256::ZERO, 0);
    for block in &blocks {
        gossip(&mut window, block);
        window.observe(&head(block, HeadReason::Extended));
        assert!(window.summary().blocks <= 4);
    }
    assert_eq!(numbers(&window), Some((17, 20)));
    assert!(window.block(&blocks[15].block.hash).is_none());
    assert!(window.canonical.newest_first().count() <= 5);
}

#[test]
fn the_bytes_are_bounded() {
    let mut parent = B256::ZERO;
    let mut window = Window::new(WindowLimits { bytes: 30_000, blocks: 1000 });
    for number in 1..=20 {
        let transactions = vec![Bytes::from(vec![0x7e; 8_000])];
        let block = made(ExecutionPayload { transactions, ..payload(number, parent) }, Via::Gossip);
        parent = block.block.hash;
        follow(&mut window, &[block]);
        assert!(window.summary().bytes <= 30_000, "{:?}", window.summary());
    }
    assert_eq!(numbers(&window), Some((18, 20)));
    let all: usize = window.blocks.values().map(super::KeptBlock::cost).sum();
    assert_eq!(window.summary().bytes, all);
}

#[test]
fn a_block_that_is_larger_than_the_window_is_kept_alone() {
    let mut window = Window::new(WindowLimits { bytes: 10, blocks: 1000 });
    follow(&mut window, &line(1, 3, B256::ZERO, 0));
    assert_eq!(numbers(&window), Some((3, 3)));
}

#[test]
fn the_same_block_counts_once() {
    let blocks = line(1, 1, B256::ZERO, 0);
    let mut window = Window::default();
    follow(&mut window, &blocks);
    let once = window.summary();
    follow(&mut window, &blocks);
    window.observe(&fetched(&blocks[0]));
    assert_eq!(window.summary(), once);
}

#[test]
fn after_a_reorg_the_other_branch_is_the_chain_and_the_replaced_blocks_stay_by_hash() {
    let old = line(1, 6, B256::ZERO, 0);
    let new = line(4, 5, old[2].block.hash, 1);
    let mut window = Window::default();
    follow(&mut window, &old);
    for block in &new {
        gossip(&mut window, block);
    }
    // Until the head moves, the old branch is the chain.
    assert!(window.is_canonical(window.block(&old[5].block.hash).unwrap()));
    window.observe(&head(&new[1], HeadReason::Reorged));
    assert_eq!(window.head().unwrap().hash, new[1].block.hash);
    assert_eq!(window.numbered(4).unwrap().hash, new[0].block.hash);
    assert_eq!(window.numbered(3).unwrap().hash, old[2].block.hash);
    assert!(window.numbered(6).is_none());
    for block in &old[3..] {
        assert!(!window.is_canonical(window.block(&block.block.hash).unwrap()));
    }
    assert_eq!((numbers(&window), window.summary().blocks), (Some((1, 5)), 8));
}

#[test]
fn replaced_blocks_with_higher_numbers_go_first() {
    let old = line(1, 20, B256::ZERO, 0);
    let mut window = Window::new(limits(20));
    follow(&mut window, &old);
    let new = line(6, 15, old[4].block.hash, 1);
    gossip(&mut window, &new[0]);
    window.observe(&head(&new[0], HeadReason::Reorged));
    follow(&mut window, &new[1..]);
    // First went 20 to 18, then, when they were farther away, 1 to 5 and the replaced 6, and at last the 6 of the chain.
    for gone in [&old[17..], &old[..6]].concat() {
        assert!(window.block(&gone.block.hash).is_none(), "{}", gone.block.payload.number());
    }
    assert_eq!((numbers(&window), window.summary().blocks), (Some((7, 15)), 20));
}

#[test]
fn fetched_blocks_join_the_chain_when_the_gap_is_closed() {
    let blocks = line(1, 9, B256::ZERO, 0);
    let mut window = Window::default();
    follow(&mut window, &blocks[..3]);
    gossip(&mut window, &blocks[8]);
    assert_eq!(numbers(&window), Some((1, 3)));
    for block in blocks[3..8].iter().rev() {
        window.observe(&fetched(block));
    }
    // Not every block of a long gap has a head event.
    window.observe(&head(&blocks[8], HeadReason::Extended));
    assert_eq!(numbers(&window), Some((1, 9)));
}

#[test]
fn of_a_long_gap_the_highest_blocks_are_kept() {
    let blocks = line(1, 12, B256::ZERO, 0);
    let mut window = Window::new(limits(4));
    follow(&mut window, &blocks[..3]);
    gossip(&mut window, &blocks[11]);
    for block in blocks[3..11].iter().rev() {
        window.observe(&fetched(block));
    }
    window.observe(&head(&blocks[11], HeadReason::Extended));
    assert_eq!(numbers(&window), Some((9, 12)));
}

#[test]
fn below_a_skipped_gap_no_block_is_of_the_chain() {
    let blocks = line(1, 9, B256::ZERO, 0);
    let mut window = Window::default();
    follow(&mut window, &blocks[..3]);
    gossip(&mut window, &blocks[8]);
    window.observe(&head(&blocks[8], HeadReason::Anchored));
    assert_eq!(numbers(&window), Some((9, 9)));
    assert!(window.numbered(3).is_none());
    assert!(!window.is_canonical(window.block(&blocks[2].block.hash).unwrap()));
}

#[test]
fn a_restored_head_has_no_contents() {
    let blocks = line(1, 3, B256::ZERO, 0);
    let mut window = Window::default();
    window.observe(&head(&blocks[1], HeadReason::Anchored));
    assert!(window.head().is_none() && window.numbered(2).is_none());
    follow(&mut window, &blocks[2..]);
    assert_eq!(numbers(&window), Some((3, 3)));
}

#[test]
fn a_transaction_is_found_in_the_chain_alone() {
    let old = line(1, 3, B256::ZERO, 0);
    let new = line(3, 3, old[1].block.hash, 1);
    let mut window = Window::default();
    follow(&mut window, &old);
    let hash = |salt, number| keccak256([0x7e, salt, number]);
    assert_eq!(window.transaction(&hash(0, 2)).map(|(block, index)| (block.payload.number(), index)), Some((2, 0)));
    assert!(window.transaction(&hash(0, 3)).is_some() && window.transaction(&hash(1, 3)).is_none());
    gossip(&mut window, &new[0]);
    window.observe(&head(&new[0], HeadReason::Reorged));
    assert!(window.transaction(&hash(0, 3)).is_none() && window.transaction(&hash(1, 3)).is_some());
}
