//! Blocks to send: a valid one, and blocks with one error. Nothing is validated here.

use core::time::Duration;
use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, address, b256};
use petrel_core::{
    block::ExecutionPayload,
    chain::{Chain, Genesis},
    fork::{Fork, Version},
    schedule::ChainSchedule,
    sign::{Key, seal_body, signing_hash},
};

/// The fee vault that every OP Stack sequencer pays to.
const FEE_VAULT: Address = address!("4200000000000000000000000000000000000011");
/// The storage root of an account without storage.
const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");

/// The key that consists of 32 bytes `seed`.
#[must_use]
pub fn key(seed: u8) -> Key {
    Key::from_bytes(&[seed; 32]).expect("below the curve's order")
}

/// The same chain, whose first block is `number` at `time` (Unix seconds), with a block every `interval`.
///
/// # Panics
/// The interval is not valid.
#[must_use]
pub fn begun(chain: &Chain, number: u64, time: u64, interval: Duration) -> Chain {
    let genesis = Genesis { number, time, ..chain.genesis };
    chain.clone().begun(genesis, interval).expect("an interval")
}

/// A schedule without a rule on the time of a block.
///
/// # Panics
/// There is no preset of that name.
#[must_use]
pub fn schedule() -> Arc<ChainSchedule> {
    Arc::new(ChainSchedule::new(&Chain::preset("op-mainnet").expect("a preset")))
}

/// A block and how it is signed.
#[derive(Clone, Debug)]
pub struct Forge {
    /// The chain that the signature is for.
    pub chain_id: u64,
    /// The encoding.
    pub version: Version,
    /// The block. Its hash is computed when it is signed, unless [`Forge::claiming`] set one.
    pub payload: ExecutionPayload,
    claimed: bool,
    key: u8,
}

impl Forge {
    /// A valid block of this fork with one transaction of `bytes` bytes that do not compress.
    #[must_use]
    pub fn new(chain_id: u64, fork: Fork, number: u64, timestamp: u64, bytes: usize) -> Self {
        let payload = ExecutionPayload {
            fee_recipient: FEE_VAULT,
            block_number: number,
            gas_limit: 60_000_000,
            gas_used: 21_000,
            timestamp,
            base_fee_per_gas: U256::from(252),
            extra_data: extra_data(fork),
            transactions: vec![Bytes::from(noise(number ^ timestamp.rotate_left(32), bytes))],
            withdrawals_root: EMPTY_ROOT,
            parent_beacon_block_root: B256::repeat_byte(0xbe),
            ..ExecutionPayload::default()
        };
        Self { chain_id, version: fork.version(), payload, claimed: false, key: 1 }
    }

    /// The same block with one change.
    #[must_use]
    pub fn with(mut self, change: impl FnOnce(&mut ExecutionPayload)) -> Self {
        change(&mut self.payload);
        self
    }

    /// With this block hash instead of the computed one.
    #[must_use]
    pub fn claiming(mut self, hash: B256) -> Self {
        self.payload.block_hash = hash;
        self.claimed = true;
        self
    }

    /// Signed by [`key`]`(seed)`; the default is `key(1)`.
    #[must_use]
    pub const fn by(mut self, seed: u8) -> Self {
        self.key = seed;
        self
    }

    /// Signed for another chain.
    #[must_use]
    pub const fn for_chain(mut self, chain_id: u64) -> Self {
        self.chain_id = chain_id;
        self
    }

    /// Encoded as another version.
    #[must_use]
    pub const fn encoded_as(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The bytes that the signature covers, and the block hash in them.
    #[must_use]
    pub fn body(&self) -> (Vec<u8>, B256) {
        let mut payload = self.payload.clone();
        let body = if self.claimed { payload.encode(self.version) } else { payload.finish(self.version) };
        (body.expect("within SSZ's limits"), payload.block_hash)
    }

    /// The whole message, uncompressed, and its block hash.
    #[must_use]
    pub fn sealed(&self) -> (Vec<u8>, B256) {
        let (body, hash) = self.body();
        (self.seal(&body), hash)
    }

    /// Signs this body instead.
    #[must_use]
    pub fn seal(&self, body: &[u8]) -> Vec<u8> {
        seal_body(&key(self.key), self.chain_id, body)
    }

    /// The hash that a signature of `body` covers.
    #[must_use]
    pub fn signing_hash(&self, body: &[u8]) -> B256 {
        signing_hash(self.chain_id, body)
    }
}

/// EIP-1559 parameters as the fork encodes them.
fn extra_data(fork: Fork) -> Bytes {
    match fork {
        fork if fork >= Fork::Jovian => Bytes::from_static(b"\x01\0\0\0\xfa\0\0\0\x06\0\0\0\0\0\0\0\0"),
        fork if fork >= Fork::Holocene => Bytes::from_static(b"\0\0\0\0\xfa\0\0\0\x06"),
        _ => Bytes::new(),
    }
}

/// Bytes that do not compress, another sequence for each seed.
#[must_use]
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = vec![0; len];
    // By words: this is not optimised in tests, and a block may have ten million bytes.
    for word in bytes.chunks_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes()[..word.len()]);
    }
    bytes
}

/// Compressed, as on the wire.
#[must_use]
pub fn compress(message: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(message).expect("shorter than 4 GiB")
}
