//! The fork schedule: rules for blocks, and detection of a wrong schedule.

use core::time::Duration;

use alloy_primitives::Bytes;
use petrel_core::{
    Event, Input, Output,
    block::{Payload, base_time},
    chain::{Cadence, Chain, Genesis, Subsecond},
    config::Config,
    event::ScheduleMismatch,
    fork::{CarriedFork, Family, Fork, Forks, Version},
    message::Message,
    schedule::{ChainSchedule, OffSchedule},
    time::Now,
};

use crate::{
    driven::{TestNode, connected},
    forge::{Forge, NOW, config, forge, signer},
    vectors,
};

/// A Base chain with Denim at block 110, 20 s after genesis; all other forks are active from genesis.
fn base() -> Chain {
    let mut chain = Chain::preset("base-mainnet").unwrap();
    chain.forks = Forks::all_until(Fork::Jovian);
    let denim = NOW + 20;
    for name in ["azul", "beryl", "cobalt"] {
        assert!(chain.forks.carry(CarriedFork { name: name.to_owned(), time: 0, family: Family::Base }));
    }
    assert!(chain.forks.carry(CarriedFork { name: "denim".to_owned(), time: denim, family: Family::Base }));
    chain.genesis = Genesis { number: 100, time: NOW, ..chain.genesis };
    let legacy = Cadence::constant(100, NOW, Duration::from_secs(2)).unwrap();
    chain.cadence = legacy.then(denim * 1000, Duration::from_millis(200)).unwrap();
    chain.signer = Some(signer());
    chain.id = 10;
    chain
}

/// A block of the schedule, with the deposits first.
fn block(number: u64) -> Forge {
    let time_ms = base().cadence.time_ms(number).unwrap();
    let deposit = base_time::deposit(number, (time_ms % 1000) as u16);
    forge(Version::V4).with(|payload| {
        (payload.block_number, payload.timestamp) = (number, time_ms / 1000);
        payload.transactions = vec![vec![0x7e; 90].into()];
        if number >= 110 {
            payload.transactions.push(Bytes::copy_from_slice(&deposit));
        }
        payload.transactions.push(vec![2; 40].into());
    })
}

fn payload(forge: &Forge) -> Payload {
    Payload::decode(forge.version, forge.signed_bytes()[65..].to_vec().into()).unwrap()
}

#[test]
fn the_deposits_of_base_equal_the_recorded_ones() {
    let vectors = vectors::json("denim.json");
    for block in vectors["blocks"].as_array().unwrap() {
        let (number, millis) = (block["number"].as_u64().unwrap(), block["millis"].as_u64().unwrap() as u16);
        let deposit = base_time::deposit(number, millis);
        let recorded = vectors::text(block, "baseTimeTx");
        assert_eq!(format!("0x{}", alloy_primitives::hex::encode(deposit)), recorded);
        assert_eq!(base_time::millis(&deposit), Some(millis));
    }
    let first = base_time::source(&base_time::deposit(53_556_127, 0)).unwrap();
    assert_eq!(first.to_string(), "0x732c0e3790ffb8b0c2c505631185452a46004ee3b97d48b751ca5b653363f46d");
    // Any other byte makes it another transaction, but for the source hash and the milliseconds.
    let deposit = base_time::deposit(7, 400);
    for at in 0..base_time::LEN {
        let mut changed = deposit;
        changed[at] ^= 1;
        let free = (4..36).contains(&at) || at >= base_time::LEN - 2;
        assert_eq!(base_time::millis(&changed).is_some(), free, "byte {at}");
    }
    assert_eq!(base_time::millis(&deposit[1..]), None);
}

#[test]
fn a_blocks_own_time_has_its_milliseconds() {
    let own = |forge: &Forge, subsecond| payload(forge).timestamp_ms(subsecond);
    assert_eq!(own(&block(113), Subsecond::BaseTime), (NOW + 20) * 1000 + 600);
    assert_eq!(own(&block(105), Subsecond::BaseTime), (NOW + 10) * 1000);
    let mixed = forge(Version::V4).with(|payload| payload.prev_randao.0[..3].copy_from_slice(&[0x02, 0xee, 1]));
    assert_eq!(own(&mixed, Subsecond::MixDigest), NOW * 1000 + 750);
    assert_eq!(own(&mixed, Subsecond::BaseTime), NOW * 1000);
    let beyond = forge(Version::V4).with(|payload| payload.prev_randao.0[..2].copy_from_slice(&[0xff, 0xff]));
    assert_eq!(own(&beyond, Subsecond::MixDigest), NOW * 1000);
}

#[test]
fn on_base_a_block_has_its_numbers_time() {
    let schedule = ChainSchedule::new(&base());
    let check_time = |forge: &Forge| schedule.check_time(&payload(forge));
    for number in [101, 109, 110, 111, 114, 115, 5000] {
        assert_eq!(check_time(&block(number)), Ok(()), "{number}");
    }
    let deposit = |number, millis| Bytes::copy_from_slice(&base_time::deposit(number, millis));
    let early = block(109).with(|payload| payload.transactions.insert(1, deposit(109, 0)));
    assert_eq!(check_time(&early), Err(OffSchedule::Early));
    let without = block(112).with(|payload| drop(payload.transactions.remove(1)));
    assert_eq!(check_time(&without), Err(OffSchedule::Missing));
    let elsewhere = block(112).with(|payload| payload.transactions.swap(1, 2));
    assert_eq!(check_time(&elsewhere), Err(OffSchedule::Missing));
    let twice = block(112).with(|payload| payload.transactions.push(deposit(112, 400)));
    assert_eq!(check_time(&twice), Err(OffSchedule::Missing));
    let others = block(112).with(|payload| payload.transactions[1] = deposit(113, 400));
    assert_eq!(check_time(&others), Err(OffSchedule::Source));
    for changed in [
        block(112).with(|payload| payload.transactions[1] = deposit(112, 600)),
        block(112).with(|payload| payload.timestamp += 1),
        block(112).with(|payload| payload.block_number += 5),
        block(112).with(|payload| payload.transactions[1] = deposit(112, 1400)),
    ] {
        assert!(matches!(check_time(&changed), Err(OffSchedule::Time { .. })), "{:?}", check_time(&changed));
    }
    // Where the operator has changed the schedule, and on other chains, it is no rule.
    for schedule in [
        ChainSchedule::new(&Chain { certain: false, ..base() }),
        schedule.uncertain(),
        ChainSchedule::new(&config().chain),
    ] {
        assert_eq!(schedule.check_time(&payload(&without)), Ok(()));
    }
}

#[test]
fn an_op_stack_network_shows_each_fork_that_a_schedule_lacks() {
    let (chain, _) = vectors::devnet();
    let messages = vectors::list("gossip/op-node-devnet/index.json", "messages");
    let of = |vector: &serde_json::Value| {
        let topic = vectors::text(vector, "topic");
        let version = Version::ALL.into_iter().find(|version| chain.topic(*version) == topic).unwrap();
        let file = format!("gossip/op-node-devnet/{}", vectors::text(vector, "file"));
        Payload::decode(version, Message::decompress(vectors::bytes(&file)).data.slice(65..)).unwrap()
    };
    let payloads: Vec<Payload> = messages.iter().map(of).collect();
    let shown = |chain: &Chain| {
        let schedule = ChainSchedule::new(chain);
        payloads.iter().filter_map(|payload| schedule.contradicts(payload)).collect::<Vec<_>>()
    };
    assert!(shown(&chain).is_empty(), "the schedule is the network's: {:?}", shown(&chain));
    for last in [Fork::Ecotone, Fork::Granite, Fork::Holocene, Fork::Isthmus, Fork::Jovian] {
        let mut stale = chain.clone();
        for fork in Fork::TIMED.into_iter().filter(|fork| *fork > last) {
            stale.forks.set(fork, None);
        }
        let next = Fork::TIMED.into_iter().find(|fork| *fork > last).unwrap();
        let shown = shown(&stale);
        assert_eq!(shown.first(), Some(&next.name()), "after {last}: {shown:?}");
    }
    // A schedule that lacks only the last fork is contradicted by the fork's first block.
    let mut stale = chain.clone();
    stale.forks.set(Fork::Karst, None);
    assert_eq!(shown(&stale), ["karst"]);
}

fn events(outputs: Vec<Output>) -> impl Iterator<Item = Event> {
    outputs.into_iter().filter_map(|output| if let Output::Emit(event) = output { Some(event) } else { None })
}

/// The events of a node that gets these blocks in order.
fn follow(config: Config, blocks: &[Forge]) -> Vec<Event> {
    let mut test = TestNode::with_config(config);
    test.input(connected(1));
    let mut reported = Vec::new();
    let mut parent = alloy_primitives::B256::repeat_byte(7);
    for block in blocks {
        let block = block.clone().with(|payload| payload.parent_hash = parent);
        parent = block.hash();
        let time_ms = payload(&block).timestamp_ms(Subsecond::BaseTime);
        test.now = Now { mono: test.now.mono + Duration::from_millis(200), unix: Duration::from_millis(time_ms) };
        reported.extend(events(test.validate(1, block.message())));
    }
    reported
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| match event {
        Event::ScheduleMismatch(ScheduleMismatch { fork, .. }) => Some(format!("mismatch {fork}")),
        Event::Fork(fork) => Some(format!("fork {} at {}", fork.name, fork.number)),
        Event::Rejected(rejected) => Some(format!("rejected {}", rejected.fault)),
        Event::Banned(_) | Event::Graylisted(_) => Some("banned".to_owned()),
        _ => None,
    };
    events.iter().filter_map(name).collect()
}

#[test]
fn scheduled_forks_are_reported_when_they_activate() {
    let blocks: Vec<Forge> = (105..115).map(block).collect();
    let mut chain = base();
    assert!(chain.forks.carry(CarriedFork {
        name: "something_new".to_owned(),
        time: NOW + 14,
        family: Family::OpStack
    }));
    assert_eq!(names(&follow(Config::new(chain), &blocks)), ["fork something_new at 107", "fork denim at 110"]);
}

#[test]
fn a_node_without_denim_follows_base_and_reports_the_mismatch_once() {
    let mut chain = base();
    chain.forks = Forks::all_until(Fork::Jovian);
    let genesis = chain.genesis;
    let chain = chain.begun(genesis, Duration::from_secs(2)).unwrap();
    let blocks: Vec<Forge> = (105..150).map(block).collect();
    let reported = follow(Config::new(chain), &blocks);
    assert_eq!(names(&reported), ["mismatch denim"]);
    assert_eq!(reported.iter().filter(|event| matches!(event, Event::Head(_))).count(), 45);
}

#[test]
fn blocks_off_the_schedule_are_rejected_until_the_schedule_is_known_to_be_wrong() {
    // From block 120 on the chain makes blocks every 100 ms, because of an unknown fork.
    let quick = |number: u64| {
        let time_ms = base().cadence.time_ms(120).unwrap() + (number - 120) * 100;
        block(120).with(|payload| {
            (payload.block_number, payload.timestamp) = (number, time_ms / 1000);
            payload.transactions[1] = Bytes::copy_from_slice(&base_time::deposit(number, (time_ms % 1000) as u16));
        })
    };
    let blocks: Vec<Forge> = (115..121).map(block).chain((121..140).map(quick)).collect();
    let reported = names(&follow(Config::new(base()), &blocks));
    let rejected = vec!["rejected off_schedule".to_owned(); 10];
    assert_eq!(reported[..9], rejected[..9]);
    assert!(reported.contains(&"mismatch a fork that changes the cadence".to_owned()), "{reported:?}");
    assert_eq!(
        reported.iter().filter(|word| word.starts_with("rejected")).count(),
        10,
        "no peer is banned: {reported:?}"
    );
}

#[test]
fn one_block_off_the_schedule_is_rejected_without_a_penalty() {
    let wrong = block(117).with(|payload| payload.timestamp += 1);
    let blocks = [block(115), block(116), wrong, block(117), block(118)];
    assert_eq!(names(&follow(Config::new(base()), &blocks)), ["rejected off_schedule"]);
}

#[test]
fn an_agreeing_clock_shows_that_the_sequencers_clock_is_wrong() {
    let test = |agrees: bool| {
        let mut test = TestNode::new();
        if agrees {
            test.input(Input::ClockAgrees);
        }
        let mut reported = Vec::new();
        for peer in 1..=4 {
            test.input(connected(peer));
            let old = forge(Version::V4).with(|payload| {
                payload.timestamp = NOW - 600;
                payload.gas_used = u64::from(peer);
            });
            reported.extend(events(test.validate(peer, old.message())));
        }
        reported
            .into_iter()
            .filter_map(|event| match event {
                Event::ClockSkew(_) => Some("ours"),
                Event::SequencerSkew(_) => Some("the sequencer's"),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(test(false), ["ours"]);
    assert_eq!(test(true), ["the sequencer's"]);
}

#[test]
fn topics_are_unsubscribed_when_their_time_is_over() {
    let mut chain = base();
    for (fork, time) in [(Fork::Isthmus, Some(NOW + 10)), (Fork::Jovian, Some(NOW + 10))] {
        chain.forks.set(fork, time);
    }
    assert_eq!(
        chain.open_topics(NOW).collect::<Vec<_>>(),
        [Version::V3, Version::V4],
        "the others were not subscribed"
    );
    let mut test = TestNode::with_config(Config::new(chain));
    assert_eq!(
        test.node.poll_timeout(test.now).map(|deadline| (deadline.at.as_secs(), deadline.why)),
        Some((70, "topic"))
    );
    let left = |outputs: Vec<Output>| {
        let left = |output| if let Output::Unsubscribe { version } = output { Some(version) } else { None };
        outputs.into_iter().filter_map(left).collect::<Vec<_>>()
    };
    assert_eq!(left(test.advance(69_999)), []);
    assert_eq!(left(test.advance(1)), [Version::V3]);
    assert_eq!(left(test.advance(100_000)), []);
    assert!(test.node.poll_timeout(test.now).is_none_or(|deadline| deadline.why != "topic"));
}
