//! When the fault may be ours: a node with a stale signer, or with a clock that is wrong, among five honest peers. Nobody is
//! banned, the node says what is wrong, and follows as soon as it is put right.

use std::{
    net::{IpAddr, Ipv4Addr},
    time::Duration,
};

use alloy_primitives::{B256, Bytes, U256};
use petrel_core::{
    Event, Input,
    ban::BanTarget,
    block::ExecutionPayload,
    chain::Chain,
    config::Config,
    fork::{Fork, Forks, Version},
    sign::{Key, seal_body},
    validation::SignerNews,
};
use petrel_tests::world::{Conditions, World, gossiped};

const START: u64 = 1_800_000_000;
/// The sequencer is the first node; five follow and pass on; the last one has something wrong.
const PEERS: std::ops::RangeInclusive<usize> = 1..=5;
const WRONG: usize = 6;
/// In the test of liars: three of them, at two addresses.
const LIARS: std::ops::RangeInclusive<usize> = 7..=9;

fn key(seed: u8) -> Key {
    Key::from_bytes(&[seed; 32]).unwrap()
}

fn config(signer: u8) -> Config {
    let mut chain = Chain::preset("op-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key(signer).address());
    Config::new(chain)
}

struct Test {
    world: World,
    number: u64,
    parent: B256,
}

impl Test {
    /// The network, each node at a public address of its own; the last one believes this signer.
    fn new(believed: u8) -> Self {
        let mut world =
            World::new(&config(1), WRONG + 1, START, 7, Conditions { latency: (5, 80), loss: 0, duplication: 0 });
        for index in 0..=WRONG {
            world.at(index, IpAddr::V4(Ipv4Addr::new(20, index as u8, 0, 1)));
        }
        world.restart(WRONG, &config(believed));
        for peer in PEERS {
            world.link(0, peer);
            world.link(WRONG, peer);
        }
        world.run(Duration::from_millis(1));
        Self { world, number: 1000, parent: B256::ZERO }
    }

    /// The network with three liars, at two addresses, linked to the last node, which has nothing wrong.
    fn liars() -> Self {
        let conditions = Conditions { latency: (5, 80), loss: 0, duplication: 0 };
        let mut world = World::new(&config(1), LIARS.end() + 1, START, 7, conditions);
        for index in 0..=*LIARS.end() {
            let place = if index == *LIARS.end() { index - 1 } else { index };
            world.at(index, IpAddr::V4(Ipv4Addr::new(20, place as u8, 0, 1)));
        }
        for peer in PEERS {
            world.link(0, peer);
            world.link(WRONG, peer);
        }
        for liar in LIARS {
            world.link(WRONG, liar);
        }
        world.mesh();
        world.run(Duration::from_secs(1));
        Self { world, number: 1000, parent: B256::ZERO }
    }

    /// A block of one unknown signer, another for each salt.
    fn strange(&self, salt: u64) -> Vec<u8> {
        let mut payload = ExecutionPayload {
            block_number: self.number + 1,
            timestamp: self.world.now().secs(),
            gas_used: salt,
            gas_limit: 30_000_000,
            base_fee_per_gas: U256::from(7),
            ..ExecutionPayload::default()
        };
        seal_body(&key(9), 10, &payload.finish(Version::V4).unwrap())
    }

    /// So many blocks, two seconds apart.
    fn blocks(&mut self, count: usize) {
        for _ in 0..count {
            self.block();
            self.world.run(Duration::from_secs(2));
        }
    }

    /// The sequencer's next block.
    fn block(&mut self) {
        let mut payload = ExecutionPayload {
            parent_hash: self.parent,
            block_number: self.number + 1,
            timestamp: self.world.now().secs(),
            gas_limit: 30_000_000,
            base_fee_per_gas: U256::from(7),
            transactions: vec![Bytes::from(vec![self.number as u8; 400])],
            ..ExecutionPayload::default()
        };
        let body = payload.finish(Version::V4).unwrap();
        (self.number, self.parent) = (self.number + 1, payload.block_hash);
        self.world.produce(0, Version::V4, seal_body(&key(1), 10, &body));
    }

    fn told(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.world.events(WRONG).iter().filter(|event| wanted(event)).count()
    }

    fn nobody_is_banned(&self) {
        for index in 0..=WRONG {
            let hard =
                |event: &&Event| matches!(event, Event::Banned(_) | Event::Graylisted(_) | Event::Disconnected(_));
            let hard: Vec<_> = self.world.events(index).iter().filter(hard).collect();
            assert!(hard.is_empty(), "{index}: {hard:?}");
        }
        assert_eq!(self.world.status(WRONG).peering.peers.len(), PEERS.count());
    }
}

#[test]
fn a_stale_signer_is_said_and_charged_to_nobody_and_a_right_one_follows_at_once() {
    let mut test = Test::new(9);
    test.blocks(40);
    assert!(gossiped(test.world.events(WRONG)).is_empty());
    let (stale, real) = (key(9).address(), key(1).address());
    let said = |event: &Event| matches!(event, Event::SignerMismatch(mismatch) if mismatch.expected == stale && mismatch.found == real);
    assert!(test.told(said) > 0, "it says who its peers follow");
    assert_eq!(test.world.status(WRONG).validation.signer_mismatch, Some(real));
    test.nobody_is_banned();

    let news = SignerNews::Read { signer: Some(real), rotation: false };
    test.world.input(WRONG, Input::Signer(news));
    test.blocks(5);
    assert_eq!(gossiped(test.world.events(WRONG)), (1041..=1045).collect::<Vec<_>>());
    assert_eq!(test.world.status(WRONG).validation.signer_mismatch, None);
    test.nobody_is_banned();
}

#[test]
fn a_clock_that_is_ninety_seconds_off_is_said_and_charged_to_nobody_and_a_right_one_follows_at_once() {
    for skew in [90, -90] {
        let mut test = Test::new(1);
        test.world.set_clock(WRONG, skew);
        test.blocks(40);
        assert!(gossiped(test.world.events(WRONG)).is_empty(), "{skew}");
        let said = |event: &Event| matches!(event, Event::ClockSkew(skewed) if (skewed.offset_secs - skew).abs() <= 2);
        assert!(
            test.told(said) > 0,
            "{skew}: {:?}",
            test.world.events(WRONG).iter().find(|event| matches!(event, Event::ClockSkew(_)))
        );
        assert!(test.world.status(WRONG).validation.clock_skew);
        test.nobody_is_banned();

        test.world.set_clock(WRONG, 0);
        test.blocks(5);
        assert_eq!(gossiped(test.world.events(WRONG)), (1041..=1045).collect::<Vec<_>>(), "{skew}");
        assert!(!test.world.status(WRONG).validation.clock_skew, "{skew}");
        test.nobody_is_banned();
    }
}

#[test]
fn three_liars_of_one_stranger_at_two_addresses_are_banned_within_a_minute_while_our_signers_blocks_come() {
    // At every moment of a block's time, one lie after the other or all in one burst.
    for lies_per_block in [1, 2, 20] {
        for after in [0, 150, 1000, 1900] {
            let mut test = Test::liars();
            let begin = test.world.now().mono;
            for round in 0..30 {
                test.block();
                test.world.run(Duration::from_millis(after));
                for lie in 0..lies_per_block {
                    for liar in LIARS {
                        let data = test.strange(round * 1000 + lie * 10 + liar as u64);
                        test.world.lie(liar, Version::V4, &data);
                    }
                }
                test.world.run(Duration::from_millis(2000 - after));
            }
            let what = format!("{lies_per_block} lies a block, {after} ms after it");
            for liar in LIARS {
                let is_ban = |event: &Event| matches!(event, Event::Banned(ban) if ban.who == BanTarget::Peer(World::peer(liar)));
                let at = test.world.events_with_times(WRONG).find(|(_, event)| is_ban(event)).map(|(at, _)| at - begin);
                assert!(at.is_some_and(|at| at <= Duration::from_secs(60)), "{what}: liar {liar} is banned at {at:?}");
            }
            let honest = |event: &&Event| matches!(event, Event::Banned(ban) if PEERS.into_iter().any(|peer| ban.who == BanTarget::Peer(World::peer(peer))));
            assert_eq!(test.world.events(WRONG).iter().find(honest).map(|event| format!("{event:?}")), None, "{what}");
            assert_eq!(gossiped(test.world.events(WRONG)), (1001..=1030).collect::<Vec<_>>(), "{what}");
        }
    }
}

#[test]
fn two_that_lie_seldom_excuse_no_third_that_lies_all_it_can() {
    let mut test = Test::liars();
    let [first, second, third] = [7, 8, 9];
    let begin = test.world.now().mono;
    for round in 0..30 {
        test.block();
        for (liar, count, pause) in [(first, 1, 300), (second, 1, 300), (third, 20, 1400)] {
            test.world.run(Duration::from_millis(if liar == first { 300 } else { 0 }));
            // The two wait long enough to be forgiven; the third lies when they have made its signer a mismatch.
            for lie in (0..count).filter(|_| round % 10 == 0) {
                let data = test.strange(round * 1000 + lie * 10 + liar as u64);
                test.world.lie(liar, Version::V4, &data);
            }
            test.world.run(Duration::from_millis(pause - if liar == third { 300 } else { 0 }));
        }
    }
    let is_ban = |event: &Event| matches!(event, Event::Banned(ban) if ban.who == BanTarget::Peer(World::peer(third)));
    let at = test.world.events_with_times(WRONG).find(|(_, event)| is_ban(event)).map(|(at, _)| at - begin);
    assert!(at.is_some_and(|at| at <= Duration::from_secs(60)), "it is banned at {at:?}");
}
