//! A simulated network of one sequencer and its followers, and the events of one follower.

use core::time::Duration;

use alloy_primitives::{B256, Bytes, U256};
use petrel_core::{
    Event,
    block::ExecutionPayload,
    chain::Chain,
    config::Config,
    event::{Gap, GapState, Via},
    fork::{Fork, Forks},
    sign::{Key, seal_body},
};
use petrel_tests::{
    forge::begun,
    world::{Conditions, World},
};

pub(super) const START: u64 = 1_800_000_000;
pub(super) const FINE: Conditions = Conditions { latency: (5, 80), loss: 0, duplication: 0 };
pub(super) const FIRST: u64 = 1001;

fn key() -> Key {
    Key::from_bytes(&[1; 32]).expect("a key")
}

/// A chain with all forks active, whose block 1000 is due at [`START`].
pub(super) fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain = begun(&chain, 1000, START, Duration::from_secs(2));
    chain.signer = Some(key().address());
    Config::new(chain)
}

/// A simulated network and its chain: node 0 produces a block every two seconds.
pub(super) struct Test {
    pub(super) world: World,
    pub(super) config: Config,
    parent: B256,
    hashes: Vec<B256>,
}

impl Test {
    /// All nodes are linked with each other; node 0 is the sequencer, and the tests observe node 1.
    pub(super) fn new(nodes: usize, seed: u64, conditions: Conditions) -> Self {
        Self::of(config(), nodes, seed, conditions)
    }

    pub(super) fn of(config: Config, nodes: usize, seed: u64, conditions: Conditions) -> Self {
        let mut world = World::new(&config, nodes, START, seed, conditions);
        for one in 0..nodes {
            for other in one + 1..nodes {
                world.link(one, other);
            }
        }
        world.run(Duration::from_millis(1));
        Self { world, config, parent: B256::ZERO, hashes: Vec::new() }
    }

    pub(super) fn make(&mut self, blocks: usize) {
        for _ in 0..blocks {
            let at = self.world.now().secs();
            let version = self.config.chain.version_at(at);
            let mut payload = ExecutionPayload {
                parent_hash: self.parent,
                block_number: FIRST + self.hashes.len() as u64,
                timestamp: at,
                gas_limit: 30_000_000,
                base_fee_per_gas: U256::from(7),
                transactions: vec![Bytes::from(vec![self.hashes.len() as u8; 400])],
                ..ExecutionPayload::default()
            };
            let body = payload.finish(version).expect("it encodes");
            self.parent = payload.block_hash;
            self.hashes.push(payload.block_hash);
            self.world.produce(0, version, seal_body(&key(), 10, &body));
            self.world.run(Duration::from_secs(2));
        }
    }

    /// Node 1 has no links while `blocks` blocks are produced.
    pub(super) fn produce_while_disconnected(&mut self, nodes: usize, blocks: usize) {
        for other in (0..nodes).filter(|other| *other != 1) {
            self.world.cut(1, other);
        }
        self.make(blocks);
        for other in (0..nodes).filter(|other| *other != 1) {
            self.world.link(1, other);
        }
    }

    /// The events of node 1.
    pub(super) fn events(&self) -> &[Event] {
        self.world.events(1)
    }

    pub(super) fn gaps(&self) -> Vec<(u64, u64, GapState)> {
        let gap = |event: &Event| match event {
            Event::Gap(Gap { from, to, state }) => Some((*from, *to, *state)),
            _ => None,
        };
        self.events().iter().filter_map(gap).collect()
    }

    /// Checks that node 1 emitted every block once, with the right hash, and that the last one is its head.
    pub(super) fn assert_complete(&self) {
        let mut seen: Vec<(u64, B256)> =
            self.events().iter().filter_map(block).map(|(number, hash, _)| (number, hash)).collect();
        seen.sort_unstable();
        let made: Vec<(u64, B256)> = (FIRST..).zip(self.hashes.iter().copied()).collect();
        assert_eq!(seen, made);
        let head = self.world.node(1).head().expect("a head");
        assert_eq!((head.number, head.hash), *made.last().expect("a block"));
    }

    pub(super) fn fetched(&self) -> Vec<u64> {
        self.events()
            .iter()
            .filter_map(block)
            .filter(|(.., via)| *via == Via::Sync)
            .map(|(number, ..)| number)
            .collect()
    }

    /// The faults of a peer's responses.
    pub(super) fn faults(&self, of: usize) -> Vec<&'static str> {
        let fault = |event: &Event| match event {
            Event::FetchFailed(failed) if failed.peer == World::peer(of) => Some(failed.fault),
            _ => None,
        };
        self.events().iter().filter_map(fault).collect()
    }
}

pub(super) fn block(event: &Event) -> Option<(u64, B256, Via)> {
    match event {
        Event::Block(new) => Some((new.block.payload.number(), new.block.hash, new.via)),
        _ => None,
    }
}
