//! Faults of the node itself: an outdated signer, or a wrong clock, among five honest peers. No peer is banned, the node reports
//! the mismatch, and it follows the chain as soon as the fault is corrected.

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
/// Node 0 is the sequencer, nodes 1 to 5 follow and relay, and the last node has the fault.
const PEERS: std::ops::RangeInclusive<usize> = 1..=5;
const WRONG: usize = 6;
/// Three malicious peers at two addresses, in some tests.
const MALICIOUS: std::ops::RangeInclusive<usize> = 7..=9;

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
    /// The network, each node at its own public address. The last node is configured with the signer of this key.
    fn new(signer: u8) -> Self {
        let mut world =
            World::new(&config(1), WRONG + 1, START, 7, Conditions { latency: (5, 80), loss: 0, duplication: 0 });
        for index in 0..=WRONG {
            world.at(index, IpAddr::V4(Ipv4Addr::new(20, index as u8, 0, 1)));
        }
        world.restart(WRONG, &config(signer));
        for peer in PEERS {
            world.link(0, peer);
            world.link(WRONG, peer);
        }
        world.run(Duration::from_millis(1));
        Self { world, number: 1000, parent: B256::ZERO }
    }

    /// The network with three malicious peers at two addresses, linked with the last node, which has no fault here.
    fn with_malicious_peers() -> Self {
        let conditions = Conditions { latency: (5, 80), loss: 0, duplication: 0 };
        let mut world = World::new(&config(1), MALICIOUS.end() + 1, START, 7, conditions);
        for index in 0..=*MALICIOUS.end() {
            let place = if index == *MALICIOUS.end() { index - 1 } else { index };
            world.at(index, IpAddr::V4(Ipv4Addr::new(20, place as u8, 0, 1)));
        }
        for peer in PEERS {
            world.link(0, peer);
            world.link(WRONG, peer);
        }
        for peer in MALICIOUS {
            world.link(WRONG, peer);
        }
        world.mesh();
        world.run(Duration::from_secs(1));
        Self { world, number: 1000, parent: B256::ZERO }
    }

    /// A block of an unknown signer, a different one for each salt.
    fn unknown_signer_block(&self, salt: u64) -> Vec<u8> {
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

    /// Produces `count` blocks, two seconds apart.
    fn blocks(&mut self, count: usize) {
        for _ in 0..count {
            self.block();
            self.world.run(Duration::from_secs(2));
        }
    }

    /// Produces the sequencer's next block.
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

    fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.world.events(WRONG).iter().filter(|event| wanted(event)).count()
    }

    fn assert_no_peer_is_banned(&self) {
        for index in 0..=WRONG {
            let is_penalty =
                |event: &&Event| matches!(event, Event::Banned(_) | Event::Graylisted(_) | Event::Disconnected(_));
            let penalties: Vec<_> = self.world.events(index).iter().filter(is_penalty).collect();
            assert!(penalties.is_empty(), "{index}: {penalties:?}");
        }
        assert_eq!(self.world.status(WRONG).peering.peers.len(), PEERS.count());
    }
}

#[test]
fn an_outdated_signer_is_reported_without_bans_and_after_its_correction_the_chain_is_followed() {
    let mut test = Test::new(9);
    test.blocks(40);
    assert!(gossiped(test.world.events(WRONG)).is_empty());
    let (stale, real) = (key(9).address(), key(1).address());
    let reported = |event: &Event| matches!(event, Event::SignerMismatch(mismatch) if mismatch.expected == stale && mismatch.found == real);
    assert!(test.count(reported) > 0, "it reports the signer that its peers follow");
    assert_eq!(test.world.status(WRONG).validation.signer_mismatch, Some(real));
    test.assert_no_peer_is_banned();

    let news = SignerNews::Read { signer: Some(real), rotation: false };
    test.world.input(WRONG, Input::Signer(news));
    test.blocks(5);
    assert_eq!(gossiped(test.world.events(WRONG)), (1041..=1045).collect::<Vec<_>>());
    assert_eq!(test.world.status(WRONG).validation.signer_mismatch, None);
    test.assert_no_peer_is_banned();
}

#[test]
fn a_clock_that_is_wrong_by_ninety_seconds_is_reported_without_bans_and_after_its_correction_the_chain_is_followed() {
    for skew in [90, -90] {
        let mut test = Test::new(1);
        test.world.set_clock(WRONG, skew);
        test.blocks(40);
        assert!(gossiped(test.world.events(WRONG)).is_empty(), "{skew}");
        let reported =
            |event: &Event| matches!(event, Event::ClockSkew(skewed) if (skewed.offset_secs - skew).abs() <= 2);
        assert!(
            test.count(reported) > 0,
            "{skew}: {:?}",
            test.world.events(WRONG).iter().find(|event| matches!(event, Event::ClockSkew(_)))
        );
        assert!(test.world.status(WRONG).validation.clock_skew);
        test.assert_no_peer_is_banned();

        test.world.set_clock(WRONG, 0);
        test.blocks(5);
        assert_eq!(gossiped(test.world.events(WRONG)), (1041..=1045).collect::<Vec<_>>(), "{skew}");
        assert!(!test.world.status(WRONG).validation.clock_skew, "{skew}");
        test.assert_no_peer_is_banned();
    }
}

#[test]
fn three_peers_with_blocks_of_one_unknown_signer_are_banned_within_a_minute_while_our_signers_blocks_arrive() {
    // At different times between two blocks, one invalid block after the other or all in one burst.
    for invalid_per_block in [1, 2, 20] {
        for after in [0, 150, 1000, 1900] {
            let mut test = Test::with_malicious_peers();
            let begin = test.world.now().mono;
            for round in 0..30 {
                test.block();
                test.world.run(Duration::from_millis(after));
                for count in 0..invalid_per_block {
                    for peer in MALICIOUS {
                        let data = test.unknown_signer_block(round * 1000 + count * 10 + peer as u64);
                        test.world.send_unchecked(peer, Version::V4, &data);
                    }
                }
                test.world.run(Duration::from_millis(2000 - after));
            }
            let what = format!("{invalid_per_block} invalid blocks per block, {after} ms after it");
            for peer in MALICIOUS {
                let is_ban = |event: &Event| matches!(event, Event::Banned(ban) if ban.who == BanTarget::Peer(World::peer(peer)));
                let at = test.world.events_with_times(WRONG).find(|(_, event)| is_ban(event)).map(|(at, _)| at - begin);
                assert!(at.is_some_and(|at| at <= Duration::from_secs(60)), "{what}: peer {peer} is banned at {at:?}");
            }
            let honest = |event: &&Event| matches!(event, Event::Banned(ban) if PEERS.into_iter().any(|peer| ban.who == BanTarget::Peer(World::peer(peer))));
            assert_eq!(test.world.events(WRONG).iter().find(honest).map(|event| format!("{event:?}")), None, "{what}");
            assert_eq!(gossiped(test.world.events(WRONG)), (1001..=1030).collect::<Vec<_>>(), "{what}");
        }
    }
}

#[test]
fn a_signer_mismatch_by_two_peers_does_not_protect_a_third_one_that_sends_many_invalid_blocks() {
    let mut test = Test::with_malicious_peers();
    let [first, second, third] = [7, 8, 9];
    let begin = test.world.now().mono;
    for round in 0..30 {
        test.block();
        for (peer, messages, pause) in [(first, 1, 300), (second, 1, 300), (third, 20, 1400)] {
            test.world.run(Duration::from_millis(if peer == first { 300 } else { 0 }));
            // The first two wait until their penalties have decayed. The third sends after they have caused a signer mismatch.
            for count in (0..messages).filter(|_| round % 10 == 0) {
                let data = test.unknown_signer_block(round * 1000 + count * 10 + peer as u64);
                test.world.send_unchecked(peer, Version::V4, &data);
            }
            test.world.run(Duration::from_millis(pause - if peer == third { 300 } else { 0 }));
        }
    }
    let is_ban = |event: &Event| matches!(event, Event::Banned(ban) if ban.who == BanTarget::Peer(World::peer(third)));
    let at = test.world.events_with_times(WRONG).find(|(_, event)| is_ban(event)).map(|(at, _)| at - begin);
    assert!(at.is_some_and(|at| at <= Duration::from_secs(60)), "it is banned at {at:?}");
}
