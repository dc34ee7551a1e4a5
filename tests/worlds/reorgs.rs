//! Reorgs of the unsafe chain in a simulated network, by 1 to 1,500 blocks, with and without the first block of the new branch.

use core::time::Duration;

use alloy_primitives::{B256, U256};
use petrel_core::{
    Event,
    block::ExecutionPayload,
    chain::Chain,
    config::Config,
    event::{Conflict, Reorg},
    fork::{Fork, Forks, Version},
    sign::{Key, seal_body},
};
use petrel_tests::{
    forge::begun,
    world::{Conditions, World},
};

const START: u64 = 1_800_000_000;
const FIRST: u64 = 1001;
const FINE: Conditions = Conditions { latency: (5, 40), loss: 0, duplication: 0 };
/// Number of nodes. Node 0 is the sequencer.
const NODES: usize = 4;
/// Interval of late blocks: a peer may not send more than 50 messages a second for long.
const PACE: Duration = Duration::from_millis(30);

fn key() -> Key {
    Key::from_bytes(&[1; 32]).expect("a key")
}

fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key().address());
    Config::new(begun(&chain, 1000, START, Duration::from_secs(1)))
}

/// A block of a branch.
fn block(branch: u8, number: u64, parent: B256) -> (B256, Vec<u8>) {
    let mut payload = ExecutionPayload {
        parent_hash: parent,
        block_number: number,
        timestamp: START + number - 1000,
        gas_limit: 30_000_000,
        base_fee_per_gas: U256::from(branch),
        transactions: vec![vec![branch; 40].into()],
        ..ExecutionPayload::default()
    };
    let body = payload.finish(Version::V4).expect("it encodes");
    (payload.block_hash, seal_body(&key(), 10, &body))
}

struct Test {
    world: World,
    /// The hashes of the sequencer's chain, by height from [`FIRST`] on.
    hashes: Vec<B256>,
}

impl Test {
    fn new() -> Self {
        let mut world = World::new(&config(), NODES, START, 7, FINE);
        // The sequencer's own node accepts its blocks at any age.
        let mut own = config();
        own.max_age = Duration::from_secs(24 * 60 * 60);
        world.restart(0, &own);
        for one in 0..NODES {
            for other in one + 1..NODES {
                world.link(one, other);
            }
        }
        world.run(Duration::from_millis(1));
        Self { world, hashes: Vec::new() }
    }

    fn next(&self) -> u64 {
        FIRST + self.hashes.len() as u64
    }

    /// Produces the blocks up to `until`, each when it is due, or every [`PACE`] while they are late. Block `withheld` is not gossiped.
    fn make(&mut self, branch: u8, until: u64, withheld: Option<u64>) {
        while self.next() <= until {
            let (number, parent) = (self.next(), self.hashes.last().copied().unwrap_or_default());
            let due = Duration::from_secs(START + number - 1000).saturating_sub(self.world.now().unix);
            self.world.run(due.max(PACE));
            let (hash, message) = block(branch, number, parent);
            self.hashes.push(hash);
            if withheld != Some(number) {
                self.world.produce(0, Version::V4, message);
            }
        }
    }

    fn head(&self, index: usize) -> Option<B256> {
        self.world.node(index).head().map(|head| head.hash)
    }

    fn of<T>(&self, index: usize, kind: impl Fn(&Event) -> Option<T>) -> Vec<T> {
        self.world.events(index).iter().filter_map(kind).collect()
    }

    fn assert_no_peer_is_banned(&self) {
        for index in 0..NODES {
            let is_penalty = |event: &&Event| matches!(event, Event::Banned(_) | Event::Graylisted(_));
            assert_eq!(
                self.world.events(index).iter().find(is_penalty).map(|event| format!("{event:?}")),
                None,
                "{index}"
            );
        }
    }
}

fn reorg(event: &Event) -> Option<(u64, u64, u64)> {
    match event {
        Event::Reorg(Reorg { from, to, depth, .. }) => Some((*from, *to, *depth)),
        _ => None,
    }
}

fn conflict(event: &Event) -> Option<u64> {
    match event {
        Event::Conflict(Conflict { number, .. }) => Some(*number),
        _ => None,
    }
}

/// The sequencer goes back by `depth` blocks and produces another branch. The first block of that branch is never gossiped if
/// `missing` is set.
fn reorganise(depth: u64, missing: bool) {
    println!("depth {depth}, the first block missing: {missing}");
    let mut test = Test::new();
    let top = FIRST + depth + 20;
    test.make(b'a', top, None);
    test.world.run(Duration::from_secs(5));
    let old = test.head(1).expect("a head");
    assert_eq!(Some(&old), test.hashes.last());

    let fork = top - depth;
    test.hashes.truncate((fork + 1 - FIRST) as usize);
    let withheld = missing.then_some(fork + 1);
    // It produces the late blocks, and continues.
    test.make(b'b', top + 70, withheld);
    // Range sync gets four blocks a second from each peer, and waits for the block that no peer has.
    test.world.run(Duration::from_secs(150 + depth / 4));
    for index in 0..NODES {
        assert_eq!(test.head(index), test.hashes.last().copied(), "node {index}");
        // The reorg is reported once, completely if a peer has the block, else as far as it is known.
        assert_eq!(test.of(index, reorg), [(fork + 1, top, depth)], "node {index}");
        assert!(test.of(index, conflict).len() <= 1, "node {index}: {:?}", test.of(index, conflict));
        // Below the fork point the old blocks are served, above it the new branch.
        for number in [FIRST, fork, fork + 2, top, top + 70] {
            if Some(number) == withheld {
                continue;
            }
            let kept = test.world.stored(index, number).map(|stored| stored.hash);
            assert_eq!(kept, test.hashes.get((number - FIRST) as usize).copied(), "node {index}, block {number}");
        }
    }
    test.assert_no_peer_is_banned();
}

#[test]
fn a_reorg_of_one_block_is_followed_by_all_nodes() {
    reorganise(1, false);
    reorganise(1, true);
}

#[test]
fn a_reorg_of_three_blocks_is_followed_by_all_nodes() {
    reorganise(3, false);
    reorganise(3, true);
}

#[test]
fn a_reorg_of_three_hundred_blocks_is_followed_by_all_nodes() {
    reorganise(300, false);
    reorganise(300, true);
}

#[test]
fn a_reorg_of_fifteen_hundred_blocks_is_followed_by_all_nodes() {
    reorganise(1500, false);
    reorganise(1500, true);
}

#[test]
fn of_two_signing_sequencers_the_branch_that_grows_is_followed() {
    let mut test = Test::new();
    test.make(b'a', FIRST + 10, None);
    // Two sequencers sign a block at each height (equivocation); one of them stops.
    let (mut ours, mut theirs) = (*test.hashes.last().unwrap(), *test.hashes.last().unwrap());
    for number in FIRST + 11..FIRST + 16 {
        test.world.run(Duration::from_millis(500));
        let (hash, message) = block(b'a', number, ours);
        ours = hash;
        test.world.produce(0, Version::V4, message);
        test.world.run(Duration::from_millis(500));
        let (hash, message) = block(b'b', number, theirs);
        theirs = hash;
        test.world.produce(0, Version::V4, message);
    }
    for number in FIRST + 16..FIRST + 20 {
        test.world.run(Duration::from_secs(1));
        let (hash, message) = block(b'b', number, theirs);
        theirs = hash;
        test.world.produce(0, Version::V4, message);
    }
    test.world.run(Duration::from_secs(5));
    for index in 0..NODES {
        assert_eq!(test.head(index), Some(theirs), "node {index}");
        assert_eq!(test.of(index, conflict), [FIRST + 11], "node {index}");
    }
    test.assert_no_peer_is_banned();
}
