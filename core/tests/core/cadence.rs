//! Conversion between block numbers and times, and the estimated block interval.

use core::time::Duration;

use alloy_primitives::B256;
use petrel_core::{
    block::BlockInfo,
    chain::{Cadence, CadenceError, Chain, Step, Subsecond},
    time::Now,
    unsafe_chain::IntervalEstimator,
    validation::FUTURE,
};

const AHEAD: Duration = Duration::from_secs(FUTURE);

fn step(number: u64, time_ms: u64, interval_ms: u64) -> Step {
    Step { number, time_ms, interval_ms }
}

/// Two seconds, 250 ms after a pause, 200 ms, a second again.
fn many() -> Cadence {
    let steps = [step(7, 10_000, 2000), step(10, 60_000, 250), step(14, 61_000, 200), step(1_000, 258_200, 1000)];
    Cadence::new(&steps).unwrap()
}

fn at(millis: u64) -> Now {
    Now { mono: Duration::from_secs(9), unix: Duration::from_millis(millis) }
}

fn link(number: u64, timestamp_ms: u64) -> BlockInfo {
    BlockInfo { number, hash: B256::ZERO, parent: B256::ZERO, timestamp: timestamp_ms / 1000, timestamp_ms }
}

#[test]
fn block_numbers_and_times_convert_both_ways() {
    let mut state = 7_u64;
    let mut chance = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    let mut cadences = vec![many(), Chain::preset("base-mainnet").unwrap().cadence];
    for _ in 0..200 {
        let mut steps: Vec<Step> = Vec::new();
        for _ in 0..=chance(5) {
            let interval = [1, 20, 200, 250, 500, 1000, 2000, 12_000][chance(8) as usize];
            steps.push(match steps.last() {
                None => step(chance(1 << 40), chance(1 << 41), interval),
                Some(last) => {
                    let blocks = 1 + chance(1000);
                    step(
                        last.number + blocks,
                        last.time_ms + blocks * last.interval_ms + chance(2) * chance(5000),
                        interval,
                    )
                }
            });
        }
        cadences.push(Cadence::new(&steps).unwrap());
    }
    for cadence in cadences {
        let first = cadence.steps().next().unwrap().number;
        for near in cadence.steps().map(|step| step.number) {
            for number in near.saturating_sub(1500).max(first)..near + 1500 {
                let time = cadence.time_ms(number).unwrap();
                assert_eq!(cadence.number_at(time), Some(number), "{cadence:?}");
                assert!(number == first || cadence.number_at(time - 1) == Some(number - 1), "{number} of {cadence:?}");
            }
        }
        assert_eq!(first.checked_sub(1).and_then(|before| cadence.time_ms(before)), None);
    }
}

#[test]
fn an_invalid_cadence_is_refused_with_the_invalid_step() {
    let of = |steps: &[Step]| Cadence::new(steps).unwrap_err();
    assert_eq!(of(&[]), CadenceError::Empty);
    assert_eq!(of(&[step(0, 0, 0)]), CadenceError::Interval { step: 0, interval_ms: 0 });
    assert_eq!(
        of(&[step(0, 0, 2), step(9, 18, 3_600_001)]),
        CadenceError::Interval { step: 1, interval_ms: 3_600_001 }
    );
    assert_eq!(of(&[step(5, 0, 2), step(5, 9, 2)]), CadenceError::Back { step: 1 });
    assert_eq!(of(&[step(5, 9, 2), step(6, 9, 2)]), CadenceError::Back { step: 1 });
    let overlap = CadenceError::Overlap { step: 1, number: 9, next: 10 };
    assert_eq!(of(&[step(0, 0, 1000), step(10, 9000, 200)]), overlap);
    assert!(Cadence::new(&[step(0, 0, 1000), step(10, 9001, 200)]).is_ok(), "a step may begin late");
    assert!(matches!(of(&[step(1, 1, 1); Cadence::MAX_STEPS + 1]), CadenceError::TooMany(_)));
    // Nothing overflows.
    let far = Cadence::new(&[step(u64::MAX, u64::MAX, 3_600_000)]).unwrap();
    assert_eq!((far.time_ms(u64::MAX), far.number_at(u64::MAX)), (Some(u64::MAX), Some(u64::MAX)));
    assert_eq!(Cadence::constant(0, 0, Duration::from_secs(1)).unwrap().time_ms(u64::MAX), None);
}

#[test]
fn block_numbers_of_the_base_chains_equal_those_of_base() {
    // Source: base/base `rollup.rs`, L1's `ExecuteDenimUpgrade`, and an observed head.
    let mainnet = Chain::preset("base-mainnet").unwrap().cadence;
    let denim = step(53_556_127, 1_793_901_601_000, 200);
    assert_eq!(mainnet.steps().collect::<Vec<_>>(), [step(0, 1_686_789_347_000, 2000), denim]);
    assert_eq!(mainnet.number_at(1_796_013_600_000), Some(64_116_122));
    assert_eq!(mainnet.number_at(1_793_901_601_000), Some(53_556_127));
    assert_eq!(mainnet.number_at(1_793_901_600_999), Some(53_556_126));
    for (name, first) in [("base-sepolia", 48_418_656), ("base-zeronet", 4_826_106)] {
        assert_eq!(Chain::preset(name).unwrap().cadence.steps().last().unwrap().number, first, "{name}");
    }
}

#[test]
fn block_numbers_of_opbnb_equal_those_of_opbnb() {
    // Source: bnb-chain/opbnb `chaincfg/chains.go`; its own genesis hash is not needed here.
    let json = |time: u64, volta: u64, fourier: u64| {
        format!(
            r#"{{ "l2_chain_id": 204, "block_time": 1, "genesis": {{ "l2": {{ "number": 0, "hash": "0x{:064x}" }}, "l2_time": {time} }},
            "fermat": 9397477, "snow_time": 1718872200, "volta_time": {volta}, "fourier_time": {fourier} }}"#,
            1
        )
    };
    let read = |json: String| Chain::from_rollup_json(json.as_bytes()).unwrap();
    let mainnet = read(json(1_691_753_723, 1_745_204_400, 1_767_754_800));
    let of = |chain: &Chain| chain.cadence.steps().map(|step| (step.number, step.interval_ms)).collect::<Vec<_>>();
    assert_eq!(of(&mainnet), [(0, 1000), (53_450_677, 500), (98_551_477, 250)]);
    let testnet = read(json(1_686_878_506, 1_743_562_800, 1_762_398_000));
    assert_eq!(of(&testnet), [(0, 1000), (56_684_294, 500), (94_354_694, 250)]);
    assert_eq!(mainnet.subsecond, Subsecond::MixDigest);
    assert_eq!(mainnet.cadence.number_at(1_796_013_600_000).map(|number| number / 10_000), Some(21_158));
}

#[test]
fn the_shortest_interval_is_that_of_the_present_and_later_steps() {
    let cadence = many();
    let millis = |at| cadence.shortest_from(at).as_millis();
    assert_eq!([0, 10_000, 61_500, 258_200].map(millis), [200, 200, 200, 1000]);
    assert_eq!(cadence.interval_at(0), Duration::from_secs(2));
}

#[test]
fn the_due_number_grows_from_the_newest_verified_head() {
    // The configured interval is two seconds; the real one is 200 ms.
    let stale = || Cadence::constant(0, 0, Duration::from_secs(2)).unwrap();
    let mut estimator = IntervalEstimator::new(stale(), &[]);
    assert_eq!(estimator.due(at(1_000_000), Duration::ZERO), Some(500));
    for number in 9_000..9_040 {
        estimator.verified(link(number, 1_000_000 + 200 * (number - 9_000)));
    }
    assert_eq!(estimator.interval(at(1_008_000)), Duration::from_millis(200));
    // The head is of 1,007.8 s.
    assert_eq!(estimator.due(at(1_007_800), Duration::ZERO), Some(9_039));
    assert_eq!(estimator.due(at(1_007_800), AHEAD), Some(9_064));
    assert_eq!(estimator.due(at(1_067_800), Duration::ZERO), Some(9_339));
    // A clock that is set back, and a clock before the chain's genesis.
    assert_eq!(estimator.due(at(0), Duration::ZERO), Some(9_039));
    assert_eq!(IntervalEstimator::new(Cadence::constant(3, 60, AHEAD).unwrap(), &[]).due(at(1000), AHEAD), None);
}

#[test]
fn no_valid_block_is_above_the_due_number_for_any_configured_interval() {
    for interval in [250, 200, 1000, 2000, 100] {
        for stale in [1000, 2000, 12_000, 200] {
            let mut estimator =
                IntervalEstimator::new(Cadence::constant(0, 0, Duration::from_millis(stale)).unwrap(), &[]);
            for number in 50_000_u64..50_200 {
                let time = 9_000_000 + (number - 50_000) * interval;
                estimator.verified(link(number, time));
                // The next block, at its timestamp.
                let due = estimator.due(at(time + interval), AHEAD).unwrap();
                assert!(due > number, "{interval} ms, configured {stale}: {due} at {number}");
            }
        }
    }
}

#[test]
fn the_interval_of_a_chain_without_milliseconds_is_estimated_from_seconds() {
    let mut estimator = IntervalEstimator::new(Cadence::constant(0, 0, Duration::from_secs(2)).unwrap(), &[]);
    for number in 0..100 {
        estimator.verified(link(number, number / 5 * 1000));
    }
    let interval = estimator.interval(at(20_000)).as_millis();
    assert!((180..=220).contains(&interval), "{interval}");
}

#[test]
fn blocks_that_an_earlier_run_verified_count() {
    let links: Vec<BlockInfo> = (0..100).map(|number| link(1000 + number, 200 * number)).collect();
    let estimator = IntervalEstimator::new(Cadence::constant(0, 0, Duration::from_secs(2)).unwrap(), &links);
    assert_eq!(estimator.observed(), Some(Duration::from_millis(200)));
    assert_eq!(estimator.due(at(79_800), Duration::ZERO), Some(1399), "a minute later");
}
