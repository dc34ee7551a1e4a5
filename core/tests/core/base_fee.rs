//! The base fee of the next block: the cases of op-geth's own test (`consensus/misc/eip1559/eip1559_test.go`).

use alloy_primitives::{Bytes, U256};
use petrel_core::{
    block::Payload,
    chain::FeeParameters,
    fork::{Fork, Forks, Version},
};

use crate::forge::forge;

/// The next base fee after a block of this base fee that used this gas of 30 million.
fn next(version: Version, fee: u64, (used, footprint): (u64, u64), extra: Vec<u8>, of_chain: Chain) -> Option<u64> {
    let block = forge(version).with(|payload| {
        payload.base_fee_per_gas = U256::from(fee);
        payload.gas_used = used;
        payload.blob_gas_used = footprint;
        payload.extra_data = Bytes::from(extra);
    });
    let payload = Payload::decode(version, block.body().into()).unwrap();
    let (fork, fees) = of_chain;
    payload.next_base_fee(&Forks::all_until(fork), fees.as_ref()).map(|fee| fee.to())
}

type Chain = (Fork, Option<FeeParameters>);

fn holocene(denominator: u32, elasticity: u32) -> Vec<u8> {
    [&[0][..], &denominator.to_be_bytes(), &elasticity.to_be_bytes()].concat()
}

fn jovian(least: u64) -> Vec<u8> {
    [&[1][..], &50_u32.to_be_bytes(), &3_u32.to_be_bytes(), &least.to_be_bytes()].concat()
}

const FEES: FeeParameters = FeeParameters { elasticity: 6, denominator: 50, denominator_canyon: Some(250) };

#[test]
fn before_holocene_the_parameters_are_those_of_the_chain() {
    let fee = 1_000_000_000;
    for (used, regolith, canyon) in
        [(5_000_000, fee, fee), (4_000_000, 996_000_000, 999_200_000), (10_000_000, 1_020_000_000, 1_004_000_000)]
    {
        let of = |version, fork| next(version, fee, (used, 0), Vec::new(), (fork, Some(FEES)));
        assert_eq!(of(Version::V1, Fork::Regolith), Some(regolith));
        assert_eq!(of(Version::V2, Fork::Canyon), Some(canyon));
        assert_eq!(of(Version::V3, Fork::Granite), Some(canyon));
    }
    let used = (5_000_000, 0);
    assert_eq!(next(Version::V1, fee, used, Vec::new(), (Fork::Regolith, None)), None);
    let without = FeeParameters { denominator_canyon: None, ..FEES };
    assert_eq!(next(Version::V2, fee, used, Vec::new(), (Fork::Canyon, Some(without))), None);
    assert_eq!(next(Version::V1, fee, used, Vec::new(), (Fork::Regolith, Some(without))), Some(fee));
}

#[test]
fn since_holocene_they_are_in_the_extra_data() {
    let cases: [(u64, u64, u32, u32); 6] = [
        (15_000_000, 10_000_000, 10, 2),
        (10_000_000, 9_666_667, 10, 2),
        (20_000_000, 10_333_333, 10, 2),
        (3_000_000, 10_000_000, 2, 10),
        (1_000_000, 6_666_667, 2, 10),
        (30_000_000, 55_000_000, 2, 10),
    ];
    for (used, expected, denominator, elasticity) in cases {
        let extra = holocene(denominator, elasticity);
        // The chain's own do not count any more.
        let fee = next(Version::V3, 10_000_000, (used, 0), extra, (Fork::Holocene, Some(FEES)));
        assert_eq!(fee, Some(expected));
    }
}

#[test]
fn since_jovian_there_is_a_least_base_fee_and_the_da_footprint_counts() {
    const TARGET: u64 = 10_000_000;
    const BILLION: u64 = 1_000_000_000;
    let cases: [(u64, u64, u64, u64, u64); 10] = [
        (1, TARGET, 0, BILLION, BILLION),
        (1, TARGET + 1_000_000, 0, BILLION, BILLION),
        (2 * BILLION, TARGET + 10_000_000, 0, BILLION, 2_040_000_000),
        (1, TARGET - 1_000_000, 0, BILLION, BILLION),
        (2_097_152, TARGET - 1_000_000, 0, 2_000_000, 2_092_958),
        (10_000, TARGET - 1, 0, 10_000, 10_000),
        (10_000, TARGET + 1, 0, 10_000, 10_001),
        (10_000, TARGET, TARGET + 1, 10_000, 10_001),
        (2 * BILLION, TARGET, TARGET + 10_000_000, BILLION, 2_040_000_000),
        (10_000, TARGET, 1, 0, 10_000),
    ];
    for (fee, used, footprint, least, expected) in cases {
        let found = next(Version::V4, fee, (used, footprint), jovian(least), (Fork::Jovian, None));
        assert_eq!(found, Some(expected), "{fee} {used} {footprint} {least}");
    }
    // Before Jovian the field is no footprint.
    let before = next(Version::V3, 10_000, (TARGET, 3 * TARGET), holocene(50, 3), (Fork::Holocene, None));
    assert_eq!(before, Some(10_000));
}

#[test]
fn parameters_that_say_nothing_give_no_base_fee() {
    let of = |extra: Vec<u8>| next(Version::V3, 10_000, (1, 0), extra, (Fork::Holocene, Some(FEES)));
    for extra in [holocene(0, 0), holocene(0, 6), holocene(250, 0), vec![0; 8], vec![1; 32]] {
        assert_eq!(of(extra.clone()), None, "{extra:?}");
    }
    // The target is 0.
    assert_eq!(of(holocene(250, u32::MAX)), None);
}
