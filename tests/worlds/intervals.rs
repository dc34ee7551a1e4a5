//! Chains of every cadence in a simulated network: 2 s, 1 s, 250 ms, 200 ms, and one that changes while it runs; and nodes with an
//! outdated configuration.

use core::time::Duration;
use std::collections::BTreeMap;

use alloy_primitives::{B256, Bytes, U256};
use petrel_core::{
    Event,
    block::{ExecutionPayload, base_time},
    chain::{Cadence, Chain, Subsecond},
    config::Config,
    event::Via,
    fork::{CarriedFork, Family, Fork, Forks},
    sign::{Key, seal_body},
};
use petrel_tests::{
    forge::begun,
    world::{Conditions, World},
};

const START: u64 = 1_800_000_000;
const FIRST: u64 = 1001;
const FINE: Conditions = Conditions { latency: (5, 40), loss: 0, duplication: 0 };
const LOSSY: Conditions = Conditions { loss: 10, ..FINE };
const DENIM: Duration = Duration::from_millis(200);
/// Number of nodes. Node 0 is the sequencer, and the tests observe node 1.
const NODES: usize = 4;

fn key() -> Key {
    Key::from_bytes(&[1; 32]).expect("a key")
}

/// A chain whose block 1000 is due at [`START`].
fn chain(interval: Duration) -> Chain {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key().address());
    begun(&chain, 1000, START, interval)
}

/// opBNB's form: the milliseconds are in the mix digest.
fn quarter() -> Chain {
    Chain { subsecond: Subsecond::MixDigest, ..chain(Duration::from_millis(250)) }
}

/// Base's form: Denim activates `after` seconds after [`START`].
fn denim(after: u64) -> Chain {
    let mut chain = chain(Duration::from_secs(2));
    for (name, time) in [("azul", 0), ("beryl", 0), ("cobalt", 0), (Family::DENIM, START + after)] {
        assert!(chain.forks.carry(CarriedFork { name: name.to_owned(), time, family: Family::Base }));
    }
    chain.cadence = chain.cadence.then((START + after) * 1000, DENIM).expect("it comes later");
    chain
}

/// A simulated network and its chain.
struct Test {
    world: World,
    chain: Chain,
    parent: B256,
    hashes: Vec<B256>,
}

impl Test {
    fn new(chain: Chain, seed: u64, conditions: Conditions) -> Self {
        let mut world = World::new(&Config::new(chain.clone()), NODES, START, seed, conditions);
        for one in 0..NODES {
            for other in one + 1..NODES {
                world.link(one, other);
            }
        }
        world.run(Duration::from_millis(1));
        world.identify_all();
        Self { world, chain, parent: B256::ZERO, hashes: Vec::new() }
    }

    /// Restarts node 1 with another configuration.
    fn configured(mut self, config: &Config) -> Self {
        self.world.restart(1, config);
        self.link(0..NODES);
        self
    }

    fn link(&mut self, others: core::ops::Range<usize>) {
        others.filter(|other| *other != 1).for_each(|other| self.world.link(1, other));
        self.world.run(Duration::from_millis(1));
        self.world.identify_all();
    }

    fn next(&self) -> u64 {
        FIRST + self.hashes.len() as u64
    }

    /// Runs for `time`, and produces each block when it is due.
    fn run(&mut self, time: Duration) {
        let end = self.world.now().plus(time).millis();
        while let Some(due) = self.chain.cadence.time_ms(self.next()).filter(|due| *due <= end) {
            self.world.run(Duration::from_millis(due.saturating_sub(self.world.now().millis())));
            self.block(due);
        }
        self.world.run(Duration::from_millis(end.saturating_sub(self.world.now().millis())));
    }

    fn block(&mut self, due: u64) {
        let (number, timestamp, millis) = (self.next(), due / 1000, (due % 1000) as u16);
        let mut payload = ExecutionPayload {
            parent_hash: self.parent,
            block_number: number,
            timestamp,
            gas_limit: 30_000_000,
            blob_gas_used: 9,
            base_fee_per_gas: U256::from(7),
            transactions: vec![vec![0x7e; 90].into(), vec![2; 300].into()],
            ..ExecutionPayload::default()
        };
        if self.chain.forks.base(Family::DENIM).is_some_and(|denim| timestamp >= denim) {
            payload.transactions.insert(1, Bytes::copy_from_slice(&base_time::deposit(number, millis)));
        }
        if self.chain.subsecond == Subsecond::MixDigest {
            payload.prev_randao.0[..2].copy_from_slice(&millis.to_be_bytes());
        }
        let version = self.chain.version_at(timestamp);
        let body = payload.finish(version).expect("it encodes");
        self.parent = payload.block_hash;
        self.hashes.push(payload.block_hash);
        self.world.produce(0, version, seal_body(&key(), 10, &body));
    }

    fn disconnect(&mut self) {
        (0..NODES).filter(|other| *other != 1).for_each(|other| self.world.cut(1, other));
    }

    /// Checks that a node emitted every block once with its own time, and that the last one is its head.
    fn assert_complete(&mut self, index: usize) {
        self.world.run(Duration::from_secs(2));
        let block = |event: &Event| match event {
            Event::Block(new) => Some((new.block.payload.number(), (new.block.hash, new.timestamp_ms))),
            _ => None,
        };
        let seen: BTreeMap<_, _> = self.world.events(index).iter().filter_map(block).collect();
        for (number, hash) in (FIRST..).zip(&self.hashes) {
            let made = (*hash, self.chain.cadence.time_ms(number).unwrap());
            assert_eq!(seen.get(&number), Some(&made), "node {index}, block {number} of {}", self.next() - 1);
        }
        assert_eq!(self.world.node(index).head().map(|head| head.hash), self.hashes.last().copied(), "node {index}");
    }

    fn assert_no_penalties(&self) {
        for index in 0..NODES {
            let charged = |event: &&Event| {
                matches!(event, Event::Banned(_) | Event::Graylisted(_) | Event::Rejected(_) | Event::ClockSkew(_))
            };
            let charged: Vec<_> = self.world.events(index).iter().filter(charged).collect();
            assert!(charged.is_empty(), "{index}: {charged:?}");
        }
    }

    fn mismatches(&self) -> Vec<&str> {
        let fork = |event: &Event| match event {
            Event::ScheduleMismatch(mismatch) => Some(mismatch.fork),
            _ => None,
        };
        self.world.events(1).iter().filter_map(fork).collect()
    }

    /// The number of blocks that node 1 fetched.
    fn fetched(&self) -> usize {
        let fetched = |event: &&Event| matches!(event, Event::Block(new) if new.via == Via::Sync);
        self.world.events(1).iter().filter(fetched).count()
    }

    fn skipped(&self) -> usize {
        let skipped =
            |event: &&Event| matches!(event, Event::Gap(gap) if gap.state == petrel_core::event::GapState::Skipped);
        self.world.events(1).iter().filter(skipped).count()
    }
}

fn chains() -> [(&'static str, Chain); 5] {
    [
        ("2 s", chain(Duration::from_secs(2))),
        ("1 s", chain(Duration::from_secs(1))),
        ("250 ms", quarter()),
        ("200 ms", denim(0)),
        ("2 s, then 200 ms", denim(20)),
    ]
}

#[test]
fn every_cadence_is_followed_although_messages_are_lost() {
    for (name, chain) in chains() {
        for seed in 1..=3 {
            println!("{name}, seed {seed}");
            let mut test = Test::new(chain.clone(), seed, LOSSY);
            test.run(Duration::from_secs(60));
            // A node detects a missed block by the next one; then it has time to fetch it.
            test.world.run(Duration::from_secs(60));
            (0..NODES).for_each(|index| {
                let head = test.world.node(index).head().map(|head| head.number);
                assert!(head.is_some_and(|head| head + 2 >= test.next() - 1), "{index}: {head:?}");
            });
            test.assert_no_penalties();
        }
    }
}

#[test]
fn blocks_missed_in_a_minute_are_fetched_from_one_peer_within_half_a_minute() {
    for (name, chain) in chains() {
        println!("{name}");
        let mut test = Test::new(chain, 1, FINE);
        test.run(Duration::from_secs(30));
        test.disconnect();
        test.run(Duration::from_secs(60));
        test.link(2..3);
        // The chain continues in the meantime.
        test.run(Duration::from_secs(30));
        test.world.run(Duration::from_secs(2));
        test.assert_complete(1);
        test.assert_no_penalties();
        assert_eq!(test.skipped(), 0);
    }
}

#[test]
fn after_a_restart_missed_blocks_are_fetched_before_any_gossip() {
    for (name, chain) in chains() {
        println!("{name}");
        let config = Config::new(chain.clone());
        let mut test = Test::new(chain, 1, FINE);
        test.run(Duration::from_secs(40));
        test.disconnect();
        test.run(Duration::from_secs(20));
        // Until the last block has arrived at the other nodes.
        test.world.run(Duration::from_secs(2));
        let before = test.fetched();
        test.world.restart(1, &config);
        test.link(2..3);
        // No more blocks are produced.
        test.world.run(Duration::from_secs(20));
        // The fetched blocks stay in quarantine: no signed block names their hashes yet.
        assert_eq!(test.fetched(), before);
        assert!(test.world.status(1).quarantine >= 8, "{}", test.world.status(1).quarantine);
        let due = test.chain.cadence.time_ms(test.next()).unwrap();
        let late = test.world.now().millis().saturating_sub(due);
        assert!(late > 0, "the next block is late");
        test.block(due);
        test.world.run(Duration::from_secs(10));
        test.assert_complete(1);
        test.assert_no_penalties();
    }
}

/// Outdated configurations of an operator: another interval, or missing forks.
fn outdated(chain: &Chain) -> Vec<Chain> {
    let old = |interval: Duration, last: Fork| {
        let mut old = begun(chain, 1000, START, interval);
        old.forks = Forks::all_until(last);
        old
    };
    let mut all = Vec::new();
    for (last, interval) in
        [(Fork::Jovian, 1), (Fork::Jovian, 2), (Fork::Jovian, 12), (Fork::Isthmus, 2), (Fork::Holocene, 12)]
    {
        all.push(old(Duration::from_secs(interval), last));
    }
    // Base's upgrades without Denim, and a cadence that the operator has set.
    let mut cobalt = old(Duration::from_secs(2), Fork::Jovian);
    assert!(cobalt.forks.carry(CarriedFork { name: "cobalt".to_owned(), time: 0, family: Family::Base }));
    let by_hand = Chain { cadence: cobalt.cadence.then((START + 20) * 1000, DENIM).unwrap(), ..cobalt.clone() };
    all.extend([cobalt, by_hand]);
    all
}

#[test]
fn an_outdated_schedule_is_reported_and_causes_no_penalties() {
    for (at, chain) in [(0, denim(0)), (20, denim(20))] {
        for outdated in outdated(&chain) {
            println!(
                "denim after {at} s, configured {:?} until {}",
                outdated.cadence,
                outdated.forks.name_at(u64::MAX)
            );
            let config = Config::new(outdated);
            let mut test = Test::new(chain.clone(), 1, FINE).configured(&config);
            test.run(Duration::from_secs(40));
            test.assert_complete(1);
            // It fetches missed blocks from one peer.
            test.disconnect();
            test.run(Duration::from_secs(30));
            test.link(2..3);
            test.run(Duration::from_secs(25));
            test.world.run(Duration::from_secs(2));
            test.assert_complete(1);
            test.assert_no_penalties();
            assert_eq!(
                (test.mismatches().is_empty(), test.skipped()),
                (false, 0),
                "the mismatch is reported, and no gap is skipped"
            );
            let (first, count) = (test.mismatches()[0].to_owned(), test.mismatches().len());
            assert!(count <= 2, "{:?}", test.mismatches());
            assert!(test.world.status(1).schedule_mismatch.is_some(), "{first}");
        }
    }
}

#[test]
fn a_node_with_an_outdated_schedule_serves_its_blocks() {
    let chain = denim(0);
    let old = Config::new(outdated(&chain).remove(1));
    let mut test = Test::new(chain.clone(), 1, FINE).configured(&old);
    test.run(Duration::from_secs(30));
    // Node 3 is disconnected for a while, and then linked with node 1 only.
    (0..NODES - 1).for_each(|other| test.world.cut(3, other));
    test.run(Duration::from_secs(20));
    test.world.link(3, 1);
    test.world.run(Duration::from_millis(1));
    test.world.identify_all();
    test.run(Duration::from_secs(20));
    test.world.run(Duration::from_secs(2));
    test.assert_complete(3);
    test.assert_no_penalties();
}

#[test]
fn a_cadence_set_by_the_operator_gives_no_rule_on_the_time_of_a_block() {
    let chain = denim(0);
    let config = Config::new(Chain {
        cadence: Cadence::constant(1000, START, Duration::from_millis(500)).unwrap(),
        certain: false,
        ..chain.clone()
    });
    let mut test = Test::new(chain, 1, FINE).configured(&config);
    test.run(Duration::from_secs(20));
    test.assert_complete(1);
    test.assert_no_penalties();
}
