//! What transactions pay for L1: the cases of op-geth's own tests (`core/types/rollup_cost_test.go`), and FastLZ beside another library.

use alloy_primitives::{U256, hex};
use petrel_core::{
    block::{EcotoneScalars, L1Attributes, L1Fee, L1Scalars, fastlz_length},
    fork::{Fork, Forks},
};

use crate::vectors;

/// A transaction to `0x095e…` of nothing, as op-geth's tests have it: `NewTransaction(0, to, 0, 0, 0, nil)` without a signature.
const EMPTY: [u8; 30] = hex!("dd80808094095e7baea6a6c7c4c2dfeb977efac326af552d878080808080");
/// A call of a contract on OP Mainnet, `0x8eb9dd4e…`.
const CALL: &str = "02f901550a758302df1483be21b88304743f94f80e51afb613d764fa61751affd3313c190a86bb870151bd62fd12adb8\
    e41ef24f3f000000000000000000000000000000000000000000000000000000000000006e000000000000000000000000af88d065e77c8c\
    c2239327c5edb3a432268e5831000000000000000000000000000000000000000000000000000000000003c1e50000000000000000000000\
    00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000a0000000\
    00000000000000000000000000000000000000000000000000000000148c89ed219d02f1a5be012c689b4f5b731827bebe00000000000000\
    0000000000c001a033fd89cb37c31b2cba46b6466e040c61fc9b2a3675a7f5f493ebd5ad77c497f8a07cdf65680e238392693019b4092f61\
    0222e71b7cec06449cb922b93b6a12744e";

const BASE_FEE: u64 = 1_000_000_000;
const BLOB_BASE_FEE: u64 = 10_000_000;
const OPERATOR: (u32, u64) = (1_439_103_868, 1_256_417_826_609_331_460);

fn word(number: u64) -> Vec<u8> {
    U256::from(number).to_be_bytes::<32>().to_vec()
}

fn bedrock() -> Vec<u8> {
    let arguments = [1234, 1234, BASE_FEE, 1234, 1234, 1234, 50, 7_000_000];
    [hex!("015d8eb9").to_vec(), arguments.into_iter().flat_map(word).collect()].concat()
}

fn packed(selector: [u8; 4]) -> Vec<u8> {
    let scalars = [&selector[..], &2_u32.to_be_bytes(), &3_u32.to_be_bytes(), &[9; 24]].concat();
    [scalars, word(BASE_FEE), word(BLOB_BASE_FEE), word(1234), word(1234)].concat()
}

fn ecotone() -> Vec<u8> {
    packed(hex!("440a5e20"))
}

fn isthmus() -> Vec<u8> {
    [packed(hex!("098999be")), OPERATOR.0.to_be_bytes().to_vec(), OPERATOR.1.to_be_bytes().to_vec()].concat()
}

fn jovian(scalar: u16) -> Vec<u8> {
    let mut calldata = isthmus();
    calldata[..4].copy_from_slice(&hex!("3db6be2b"));
    [calldata, scalar.to_be_bytes().to_vec()].concat()
}

fn read(calldata: &[u8], fork: Fork) -> Option<L1Attributes> {
    L1Attributes::read(calldata, &Forks::all_until(fork), 1)
}

fn fee_of(calldata: &[u8], fork: Fork) -> (u64, u64) {
    let L1Fee { fee, gas_used, .. } = read(calldata, fork).unwrap().fee(&EMPTY).unwrap();
    (fee.to(), gas_used.to())
}

#[test]
fn the_empty_transaction_pays_what_op_geth_says_by_fork() {
    assert_eq!(fee_of(&bedrock(), Fork::Bedrock), (11_326_000_000_000, 1618));
    assert_eq!(fee_of(&bedrock(), Fork::Regolith), (3_710_000_000_000, 530));
    assert_eq!(fee_of(&ecotone(), Fork::Ecotone), (960_900, 480));
    // The first blocks of Ecotone and Isthmus have the attributes of the fork before.
    assert_eq!(fee_of(&bedrock(), Fork::Ecotone), (3_710_000_000_000, 530));
    for (calldata, fork) in
        [(ecotone(), Fork::Fjord), (ecotone(), Fork::Isthmus), (isthmus(), Fork::Isthmus), (jovian(400), Fork::Karst)]
    {
        assert_eq!(fee_of(&calldata, fork), (3_203_000, 1600), "{fork}");
    }
}

#[test]
fn the_fee_of_fjord_is_that_of_the_contract_on_chain() {
    // A length of 235 by FastLZ: the test of parity with Solidity in op-geth. No byte repeats within three, so there are literals alone.
    let raw: Vec<u8> = (0..=227).collect();
    assert_eq!(fastlz_length(&raw), 228 + 8);
    let raw = &raw[..227];
    assert_eq!(fastlz_length(raw), 235);
    let scalars = EcotoneScalars {
        base_fee_scalar: 20,
        blob_base_fee: U256::from(3_000_000),
        blob_base_fee_scalar: 15,
        is_fjord: true,
        operator_fee: None,
        da_footprint_gas_scalar: None,
    };
    let attributes = L1Attributes { base_fee: U256::from(2_000_000), scalars: L1Scalars::Ecotone(scalars) };
    let fee = L1Fee { fee: U256::from(105_484), gas_used: U256::from(2463), da_footprint: None };
    assert_eq!(attributes.fee(raw), Some(fee));
}

#[test]
fn the_operator_fee_and_the_da_footprint_come_with_their_forks() {
    let scalars = |calldata: &[u8], fork| match read(calldata, fork).unwrap().scalars {
        L1Scalars::Ecotone(scalars) => (scalars.operator_fee, scalars.da_footprint_gas_scalar),
        other => panic!("{other:?}"),
    };
    assert_eq!(scalars(&ecotone(), Fork::Isthmus), (None, None));
    assert_eq!(scalars(&isthmus(), Fork::Isthmus), (Some(OPERATOR), None));
    assert_eq!(scalars(&jovian(400), Fork::Jovian), (Some(OPERATOR), Some(400)));
    let mut free = jovian(400);
    free[164..176].fill(0);
    assert_eq!(scalars(&free, Fork::Jovian), (None, Some(400)));
    // The least length is 100 bytes.
    let footprint = |raw: &[u8]| read(&jovian(400), Fork::Jovian).unwrap().fee(raw).unwrap().da_footprint;
    assert_eq!(footprint(&EMPTY), Some(40_000));
    // 202 bytes by FastLZ: 836500 * 202 - 42585600 = 126387400 millionths.
    assert_eq!(footprint(&hex::decode(CALL).unwrap()), Some(126 * 400));
    assert_eq!(read(&isthmus(), Fork::Isthmus).unwrap().fee(&EMPTY).unwrap().da_footprint, None);
}

#[test]
fn calldata_that_the_fork_does_not_have_gives_no_attributes() {
    let all =
        [(bedrock(), Fork::Granite), (ecotone(), Fork::Isthmus), (isthmus(), Fork::Isthmus), (jovian(1), Fork::Karst)];
    for (calldata, fork) in all {
        assert!(read(&calldata, fork).is_some());
        for length in [0, 3, 4, calldata.len() - 1] {
            assert_eq!(read(&calldata[..length], fork), None, "{length} bytes in {fork}");
        }
        let mut other = calldata.clone();
        other[0] ^= 1;
        assert_eq!(read(&other, fork), None);
    }
    assert_eq!(read(&[ecotone(), vec![0]].concat(), Fork::Ecotone), None);
    assert_eq!(read(&ecotone(), Fork::Regolith), None);
    assert_eq!(read(&isthmus(), Fork::Holocene), None);
    // Jovian's first block has Isthmus's, and no transaction that pays.
    assert_eq!(read(&isthmus(), Fork::Jovian), None);
    assert_eq!(read(&bedrock(), Fork::Jovian), None);
}

#[test]
fn numbers_that_do_not_fit_give_no_fee() {
    let mut calldata = bedrock();
    calldata[4 + 2 * 32..4 + 3 * 32].fill(0xff);
    assert_eq!(read(&calldata, Fork::Regolith).unwrap().fee(&EMPTY), None);
    let mut calldata = jovian(400);
    calldata[36..68].fill(0xff);
    assert_eq!(read(&calldata, Fork::Jovian).unwrap().fee(&EMPTY), None);
}

#[test]
fn op_geth_s_cases_of_fastlz_have_their_lengths() {
    let cases: [(&[u8], usize); 4] = [(&[], 0), (&[1; 1000], 21), (&[0; 1000], 21), (&hex::decode(CALL).unwrap(), 202)];
    for (data, length) in cases {
        assert_eq!(fastlz_length(data), length);
    }
    assert_eq!(fastlz_length(&EMPTY), 31);
}

/// Bytes by a linear congruential generator, of which each is below `kinds`.
fn noise(seed: u64, length: usize, kinds: u64) -> Vec<u8> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((state >> 33) % kinds) as u8
    };
    (0..length).map(|_| next()).collect()
}

#[test]
fn another_library_s_fastlz_gives_the_same_lengths() {
    let mut compared = 0;
    for length in (0..80).chain([100, 262, 263, 264, 300, 600, 5_000, 40_000]) {
        for kinds in [1, 2, 3, 16, 256] {
            let data = noise(length as u64 * 31 + kinds, length, kinds);
            assert_eq!(fastlz_length(&data), op_alloy_flz::flz_compress_len(&data) as usize, "{length} of {kinds}");
            // Repeated from farther than the window, and from within it.
            let far = [data.clone(), noise(7, 9_000, 256), data.clone(), data].concat();
            assert_eq!(fastlz_length(&far), op_alloy_flz::flz_compress_len(&far) as usize, "{length} of {kinds}");
            compared += 2;
        }
    }
    for message in vectors::list("gossip/op-node-devnet/index.json", "messages") {
        let wire = vectors::bytes(&format!("gossip/op-node-devnet/{}", vectors::text(&message, "file")));
        assert_eq!(fastlz_length(wire), op_alloy_flz::flz_compress_len(wire) as usize);
        compared += 1;
    }
    assert!(compared > 800, "{compared}");
}
