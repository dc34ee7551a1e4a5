//! Base's BaseTime deposit: from Denim on the second transaction of every block, with the milliseconds of the block's
//! time (base/base `base_time.rs`).
//!
//! It has 122 bytes, all of them fixed but two parts: the source hash, which follows from the block number, and the
//! milliseconds. So it is compared and not decoded.

use alloy_primitives::{B256, U256, keccak256};

/// Length of the deposit, bytes.
pub const LEN: usize = 122;

/// Deposit type, a list of 119 bytes, a string of 32: the source hash follows.
const HEAD: [u8; 4] = [0x7e, 0xf8, 0x77, 0xa0];
/// `from` (the L1 attributes depositor), `to` (BaseTime's predeploy), no mint, value 0, gas 1,000,000, no system
/// transaction, and 36 bytes of call: `setTimestampMillisPart(uint16)`.
const MIDDLE: [u8; 54] = alloy_primitives::hex!(
    "94deaddeaddeaddeaddeaddeaddeaddeaddead0001944200000000000000000000000000000000000030808083"
    "0f424080a486bdf394"
);
const SOURCE: usize = HEAD.len();
const AFTER_SOURCE: usize = SOURCE + 32;
const CALL: usize = AFTER_SOURCE + MIDDLE.len();
/// The domain of its source hash.
const DOMAIN: u64 = 3;

/// The deposit of block `number` whose time is `millis` milliseconds after the header's second.
pub fn deposit(number: u64, millis: u16) -> [u8; LEN] {
    let word = |value: u64| U256::from(value).to_be_bytes::<32>();
    let source = keccak256([word(DOMAIN), keccak256(word(number)).0].concat());
    let mut bytes = [0; LEN];
    let parts = [&HEAD[..], source.as_slice(), &MIDDLE, &[0; 30], &millis.to_be_bytes()];
    bytes.iter_mut().zip(parts.concat()).for_each(|(to, from)| *to = from);
    bytes
}

/// The milliseconds that a transaction sets, if it is a BaseTime deposit, of this block or of another one.
pub fn millis(transaction: &[u8]) -> Option<u16> {
    let bytes: &[u8; LEN] = transaction.try_into().ok()?;
    let fits = bytes.starts_with(&HEAD)
        && bytes.get(AFTER_SOURCE..CALL) == Some(&MIDDLE)
        && bytes.get(CALL..LEN - 2).is_some_and(|padding| padding.iter().all(|byte| *byte == 0));
    fits.then(|| u16::from_be_bytes([bytes[LEN - 2], bytes[LEN - 1]]))
}

/// The source hash of a BaseTime deposit (one that [`millis`] recognises).
pub fn source(transaction: &[u8]) -> Option<B256> {
    transaction.get(SOURCE..AFTER_SOURCE).map(B256::from_slice)
}
