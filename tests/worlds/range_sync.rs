//! Gaps and their repair in a simulated world: bad conditions, peers without history, liars of every kind, restarts.

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
    random::SplitMix64,
    world::{Answers, Conditions, World},
};

const START: u64 = 1_800_000_000;
const FINE: Conditions = Conditions { latency: (5, 80), loss: 0, duplication: 0 };
const FIRST: u64 = 1001;

fn key() -> Key {
    Key::from_bytes(&[1; 32]).expect("a key")
}

/// A chain whose clock says that block 1000 is due at [`START`], with every fork.
fn config() -> Config {
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain = begun(&chain, 1000, START, Duration::from_secs(2));
    chain.signer = Some(key().address());
    Config::new(chain)
}

/// A world and the chain in it: node 0 makes a block every two seconds.
struct Test {
    world: World,
    config: Config,
    parent: B256,
    hashes: Vec<B256>,
}

impl Test {
    /// Node 0, linked with all others; node 1 is who is looked at.
    fn new(nodes: usize, seed: u64, conditions: Conditions) -> Self {
        Self::of(config(), nodes, seed, conditions)
    }

    fn of(config: Config, nodes: usize, seed: u64, conditions: Conditions) -> Self {
        let mut world = World::new(&config, nodes, START, seed, conditions);
        for one in 0..nodes {
            for other in one + 1..nodes {
                world.link(one, other);
            }
        }
        world.run(Duration::from_millis(1));
        Self { world, config, parent: B256::ZERO, hashes: Vec::new() }
    }

    fn make(&mut self, blocks: usize) {
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

    /// Node 1 has no links while so many blocks are made.
    fn away(&mut self, nodes: usize, blocks: usize) {
        for other in (0..nodes).filter(|other| *other != 1) {
            self.world.cut(1, other);
        }
        self.make(blocks);
        for other in (0..nodes).filter(|other| *other != 1) {
            self.world.link(1, other);
        }
    }

    /// What node 1 has told.
    fn told(&self) -> &[Event] {
        self.world.events(1)
    }

    fn gaps(&self) -> Vec<(u64, u64, GapState)> {
        let gap = |event: &Event| match event {
            Event::Gap(Gap { from, to, state }) => Some((*from, *to, *state)),
            _ => None,
        };
        self.told().iter().filter_map(gap).collect()
    }

    /// Every block is there, once, with its own hash, and the head is the last one.
    fn whole(&self) {
        let mut seen: Vec<(u64, B256)> =
            self.told().iter().filter_map(block).map(|(number, hash, _)| (number, hash)).collect();
        seen.sort_unstable();
        let made: Vec<(u64, B256)> = (FIRST..).zip(self.hashes.iter().copied()).collect();
        assert_eq!(seen, made);
        let head = self.world.node(1).head().expect("a head");
        assert_eq!((head.number, head.hash), *made.last().expect("a block"));
    }

    fn fetched(&self) -> Vec<u64> {
        self.told().iter().filter_map(block).filter(|(.., via)| *via == Via::Sync).map(|(number, ..)| number).collect()
    }

    /// The faults that were found in the answers of a peer.
    fn faults(&self, of: usize) -> Vec<&'static str> {
        let fault = |event: &Event| match event {
            Event::FetchFailed(failed) if failed.peer == World::peer(of) => Some(failed.fault),
            _ => None,
        };
        self.told().iter().filter_map(fault).collect()
    }
}

fn block(event: &Event) -> Option<(u64, B256, Via)> {
    match event {
        Event::Block(new) => Some((new.block.payload.number(), new.block.hash, new.via)),
        _ => None,
    }
}

#[test]
fn a_relay_that_is_fetching_the_block_itself_is_asked_again() {
    for seed in 1..=20 {
        // 0 makes, 2 relays, 1 knows the relay alone.
        let mut test = Test::new(3, seed, FINE);
        test.world.cut(0, 1);
        test.make(3);
        test.world.cut(0, 2);
        test.make(1);
        test.world.link(0, 2);
        test.make(1);
        test.world.run(Duration::from_secs(20));
        test.whole();
        assert_eq!(test.fetched(), [FIRST + 3], "seed {seed}");
    }
}

#[test]
fn the_only_relay_may_be_away_for_longer_than_a_gap_is_waited_for() {
    let mut test = Test::new(2, 1, FINE);
    test.make(5);
    test.away(2, 60);
    test.make(1);
    let before = test.fetched().len();
    assert!((1..60).contains(&before), "{before} are there already");
    test.world.cut(0, 1);
    test.world.run(Duration::from_secs(30));
    assert_eq!(test.gaps().len(), 1, "{:?}", test.gaps());
    test.world.link(0, 1);
    test.world.run(Duration::from_secs(60));
    test.whole();
}

#[test]
fn a_relay_that_never_comes_back_ends_the_gap() {
    let mut test = Test::new(2, 1, FINE);
    test.make(5);
    test.away(2, 60);
    test.make(1);
    test.world.cut(0, 1);
    test.world.run(Duration::from_secs(90));
    assert!(matches!(test.gaps().last(), Some((.., GapState::Skipped))), "{:?}", test.gaps());
    let is_whole = |event: &Event| matches!(event, Event::Synced(synced) if synced.done == synced.to - synced.from + 1);
    assert!(!test.told().iter().any(is_whole), "a gap that was given up is not told as closed");
}

/// Strangers who come, promise and go for ever: the gap ends all the same.
#[test]
fn a_gap_without_progress_ends_whoever_comes() {
    let mut test = Test::new(3, 1, FINE);
    test.make(5);
    test.world.answers(0, Answers::Nothing);
    test.world.answers(2, Answers::Silence);
    test.away(3, 20);
    test.make(1);
    for _ in 0..9 {
        test.world.run(Duration::from_secs(20));
        test.world.cut(1, 2);
        test.world.link(1, 2);
    }
    assert!(matches!(test.gaps().last(), Some((.., GapState::Skipped))), "{:?}", test.gaps());
}

/// Silent peers may take every place that there is for requests: the one that answers is asked all the same.
#[test]
fn many_silent_peers_do_not_hold_up_the_one_that_answers() {
    let nodes = 20;
    let mut test = Test::new(nodes, 1, FINE);
    for silent in 2..nodes {
        test.world.answers(silent, Answers::Silence);
    }
    test.make(5);
    test.away(nodes, 20);
    test.make(10);
    let closed = test.gaps().iter().any(|(.., state)| *state == GapState::Closed);
    assert!(closed, "not within 20 s: {:?}", test.gaps());
    test.whole();
    assert_eq!(test.faults(0), Vec::<&str>::new());
}

#[test]
fn a_gap_is_closed_newest_first_and_said() {
    let mut test = Test::new(3, 1, FINE);
    test.make(5);
    test.away(3, 40);
    test.make(15);
    test.whole();
    let expected: Vec<u64> = (1006..=1045).rev().collect();
    assert_eq!(test.fetched(), expected);
    assert_eq!(test.gaps(), [(1006, 1045, GapState::Opened), (1006, 1045, GapState::Closed)]);
    let mut synced = test.told().iter().filter_map(|event| match event {
        Event::Synced(synced) => Some((synced.from, synced.to, synced.done)),
        _ => None,
    });
    assert_eq!(synced.next_back(), Some((1006, 1045, 40)));
}

#[test]
fn the_encoding_changes_within_a_gap() {
    let mut config = config();
    // Canyon, Ecotone and Isthmus come ten blocks apart, the first with block 1011.
    for (fork, blocks) in [(Fork::Canyon, 10), (Fork::Delta, 10), (Fork::Ecotone, 20), (Fork::Fjord, 20)] {
        config.chain.forks.set(fork, Some(START + blocks * 2));
    }
    for fork in [Fork::Granite, Fork::Holocene, Fork::Isthmus, Fork::Jovian] {
        config.chain.forks.set(fork, Some(START + 30 * 2));
    }
    let mut test = Test::of(config, 3, 2, FINE);
    test.make(4);
    test.away(3, 40);
    test.make(15);
    test.whole();
    assert_eq!(test.fetched().len(), 40);
}

fn weathers(seeds: core::ops::Range<u64>) {
    for seed in seeds {
        let conditions = Conditions { latency: (5, 900), loss: 20, duplication: 20 };
        let mut test = Test::new(5, seed, conditions);
        // What is lost at the very first is before any anchor.
        test.world.link(0, 1);
        test.make(30);
        test.world.run(Duration::from_secs(90));
        let mut seen: Vec<u64> = test.told().iter().filter_map(block).map(|(number, ..)| number).collect();
        seen.sort_unstable();
        let first = *seen.first().expect("a block");
        let last = test.world.node(1).head().expect("a head").number;
        assert_eq!(seen, (first..=last).collect::<Vec<_>>(), "seed {seed}: no hole, and each once");
        assert!(last >= 1025, "seed {seed}: {last}");
    }
}

#[test]
fn what_bad_weather_takes_is_fetched() {
    weathers(0..8);
}

#[test]
#[ignore = "long: many seeds"]
fn what_any_weather_takes_is_fetched() {
    weathers(8..500);
}

#[test]
fn a_run_with_gaps_can_be_replayed() {
    let run = |seed: u64| {
        let mut test = Test::new(4, seed, Conditions { latency: (1, 500), loss: 15, duplication: 10 });
        test.world.answers(3, Answers::Stray);
        test.make(8);
        test.away(4, 20);
        test.make(20);
        test.world.log().to_owned()
    };
    assert!(run(1).contains("\"sync\""));
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

/// A liar among the peers costs time at most; what is provably false names it, and it is asked no more.
#[test]
fn liars_of_every_kind_are_named_and_gone_round() {
    let kinds = [
        (Answers::Neighbour, Some("number")),
        (Answers::Tampered, Some("block_hash")),
        (Answers::Stray, Some("unlinked")),
        (Answers::Garbage, Some("snappy")),
        (Answers::Bomb, Some("too_large")),
        (Answers::Silence, Some("timeout")),
        (Answers::Nothing, None),
    ];
    for (answers, fault) in kinds {
        let mut test = Test::new(3, 7, FINE);
        test.make(5);
        test.world.answers(2, answers);
        test.away(3, 20);
        test.make(30);
        test.whole();
        let faults = test.faults(2);
        match fault {
            None => assert_eq!(faults, Vec::<&str>::new(), "{answers:?}"),
            Some(fault) => {
                assert!(faults.iter().all(|found| *found == fault) && !faults.is_empty(), "{answers:?}: {faults:?}")
            }
        }
        assert_eq!(test.faults(0), Vec::<&str>::new(), "{answers:?}: the honest one is not blamed");
        // Lies that no honest program tells: at most those that were under way when the first was found.
        let told_more = matches!(answers, Answers::Neighbour | Answers::Tampered | Answers::Garbage | Answers::Bomb);
        assert!(!told_more || faults.len() <= 4, "{answers:?}: {faults:?}");
        let reason = |event: &Event| match event {
            Event::Disconnected(gone) if gone.peer == World::peer(2) => Some(gone.reason.clone()),
            _ => None,
        };
        let dropped = test.told().iter().filter_map(reason).any(|reason| reason.starts_with("invalid response"));
        assert_eq!(dropped, told_more, "{answers:?}: who lies is dropped, and it is said");
    }
}

#[test]
fn a_peer_that_did_not_answer_once_is_asked_once_more() {
    let mut test = Test::new(2, 12, FINE);
    test.make(5);
    test.world.answers(0, Answers::Silence);
    test.away(2, 10);
    test.make(2);
    test.world.answers(0, Answers::Honest);
    test.make(30);
    test.whole();
}

#[test]
fn no_liar_alone_is_ever_believed() {
    for answers in [Answers::Neighbour, Answers::Tampered, Answers::Stray, Answers::Garbage, Answers::Silence] {
        let mut test = Test::new(2, 3, FINE);
        test.make(5);
        test.world.answers(0, answers);
        test.away(2, 10);
        test.make(40);
        assert_eq!(test.fetched(), Vec::<u64>::new(), "{answers:?}");
        let gaps = test.gaps();
        assert!(gaps.contains(&(1006, 1015, GapState::Skipped)), "{answers:?}: {gaps:?}");
        assert!(test.world.node(1).head().expect("a head").number > 1015, "{answers:?}: it goes on behind the gap");
    }
}

#[test]
fn a_gap_longer_than_anybodys_history_is_closed_as_far_as_that_reaches() {
    let mut test = Test::new(3, 4, FINE);
    test.make(5);
    test.away(3, 30);
    test.world.forget(0, 12);
    test.world.forget(2, 12);
    test.make(20);
    assert_eq!(test.fetched(), (1024..=1035).rev().collect::<Vec<_>>());
    assert_eq!(test.gaps().last(), Some(&(1006, 1023, GapState::Skipped)));
    assert_eq!(test.world.node(1).head().expect("a head").number, 1055);
}

#[test]
fn a_peer_without_a_block_is_no_reason_to_give_the_gap_up() {
    let mut test = Test::new(4, 5, FINE);
    test.make(5);
    test.away(4, 30);
    // Only one has them all.
    test.world.forget(0, 3);
    test.world.forget(2, 8);
    test.make(25);
    test.whole();
}

#[test]
fn a_gap_that_is_too_wide_is_not_fetched() {
    let mut config = config();
    config.sync.max_gap = Duration::from_secs(40);
    let mut test = Test::of(config, 3, 6, FINE);
    test.make(5);
    test.away(3, 21);
    test.make(3);
    assert_eq!(test.gaps(), [(1006, 1026, GapState::Opened), (1006, 1026, GapState::Skipped)]);
    assert_eq!(test.fetched(), Vec::<u64>::new());
    assert_eq!(test.world.node(1).head().expect("a head").number, 1029);
}

#[test]
fn a_node_that_was_started_again_goes_on_where_it_was() {
    let mut test = Test::new(3, 8, FINE);
    test.make(5);
    let config = test.config.clone();
    test.world.restart(1, &config);
    assert_eq!(test.world.node(1).head().expect("a head").number, 1005);
    test.make(12);
    test.world.link(1, 0);
    test.world.link(1, 2);
    // Before anything is gossiped: fetched ahead, and believed of none of it.
    test.world.run(Duration::from_secs(1));
    assert_eq!(test.fetched(), Vec::<u64>::new());
    test.make(1);
    assert_eq!(test.fetched(), (1006..=1017).rev().collect::<Vec<_>>(), "there at once: it was fetched ahead");
    test.make(3);
    test.whole();
}

#[test]
fn sync_that_is_switched_off_asks_and_answers_nobody() {
    let mut config = config();
    config.sync.enabled = false;
    let mut test = Test::of(config, 3, 9, FINE);
    test.make(5);
    test.away(3, 5);
    test.make(10);
    assert_eq!(test.fetched(), Vec::<u64>::new());
    assert_eq!(test.gaps().last(), Some(&(1006, 1010, GapState::Skipped)));
}

#[test]
fn blocks_that_are_kept_are_said_to_be() {
    let mut test = Test::new(3, 10, FINE);
    test.make(5);
    test.away(3, 5);
    test.make(10);
    test.world.run(Duration::from_secs(1));
    let stored = test.told().iter().filter(|event| matches!(event, Event::Stored(stored) if stored.stored)).count();
    assert_eq!(stored, 20);
}

/// Links come and go while a gap is being closed.
#[test]
fn churn_does_not_stop_it() {
    let mut random = SplitMix64(3);
    let mut test = Test::new(6, 11, FINE);
    test.make(5);
    test.away(6, 60);
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
