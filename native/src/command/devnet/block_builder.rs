//! Builds valid signed blocks: transactions that decode, correct roots and hashes, the fields that each fork requires.

use alloy_primitives::{Address, B256, Bytes, U256, address, keccak256};
use petrel_core::{
    block::{EncodeError, ExecutionPayload, base_time},
    chain::{Chain, Subsecond},
    fork::{Family, Fork, Version},
    sign::{Key, seal_body},
};

use super::transactions;

/// The fee vault of every OP Stack sequencer.
const FEE_VAULT: Address = address!("4200000000000000000000000000000000000011");
const GAS_LIMIT: u64 = 60_000_000;
/// Bytes of a message that are not transactions, at most: signature, beacon root, fixed part, extra data.
const OVERHEAD: usize = 65 + 32 + 560 + 17;

/// See the module.
#[derive(Debug)]
pub struct BlockBuilder {
    chain: Chain,
    key: Key,
    bytes: usize,
    number: u64,
    parent: B256,
}

/// A built block.
#[derive(Clone, Debug)]
pub struct BuiltBlock {
    /// Its encoding version, which selects its topic.
    pub version: Version,
    /// The uncompressed message, signature first.
    pub message: Vec<u8>,
    /// Its payload.
    pub payload: ExecutionPayload,
}

impl BlockBuilder {
    /// Builds blocks of about `bytes` on the chain's genesis.
    pub const fn new(chain: Chain, key: Key, bytes: usize) -> Self {
        let (number, parent) = (chain.genesis.number, chain.genesis.hash);
        Self { chain, key, bytes, number, parent }
    }

    /// The chain.
    pub const fn chain(&self) -> &Chain {
        &self.chain
    }

    /// When the next block is due, Unix milliseconds.
    pub fn due_ms(&self) -> u64 {
        self.chain.cadence.time_ms(self.number + 1).unwrap_or(u64::MAX)
    }

    /// Builds the next block.
    ///
    /// # Errors
    /// It cannot be encoded.
    pub fn build(&mut self) -> Result<BuiltBlock, EncodeError> {
        let (number, time_ms) = (self.number + 1, self.due_ms());
        let version = self.chain.version_at(time_ms / 1000);
        let mut payload = self.payload(number, time_ms);
        let body = payload.finish(version)?;
        let message = seal_body(&self.key, self.chain.id, &body);
        (self.number, self.parent) = (number, payload.block_hash);
        Ok(BuiltBlock { version, message, payload })
    }

    /// The random value, which starts with the milliseconds on chains that have them there (opBNB, BEP-543).
    fn mix_digest(&self, mut randao: B256, millis: u16) -> B256 {
        if let (Subsecond::MixDigest, [first, second, ..]) = (self.chain.subsecond, &mut randao.0) {
            [*first, *second] = millis.to_be_bytes();
        }
        randao
    }

    fn payload(&self, number: u64, time_ms: u64) -> ExecutionPayload {
        let (timestamp, millis) = (time_ms / 1000, (time_ms % 1000) as u16);
        let root = |what: &str| keccak256(format!("{what} of block {number}"));
        let mut transactions = transactions::fill(self.chain.id, number, self.bytes.saturating_sub(OVERHEAD));
        if self.chain.forks.base(Family::DENIM).is_some_and(|denim| timestamp >= denim) {
            transactions.insert(1, Bytes::copy_from_slice(&base_time::deposit(number, millis)));
        }
        let size: usize = transactions.iter().map(|transaction| transaction.len()).sum();
        let jovian = self.chain.forks.active(Fork::Jovian, timestamp);
        ExecutionPayload {
            parent_hash: self.parent,
            fee_recipient: FEE_VAULT,
            state_root: root("state"),
            receipts_root: root("receipts"),
            prev_randao: self.mix_digest(root("randao"), millis),
            block_number: number,
            gas_limit: GAS_LIMIT,
            gas_used: (21_000 * transactions.len() as u64).min(GAS_LIMIT),
            timestamp,
            extra_data: extra_data(self.chain.fork_at(timestamp)),
            base_fee_per_gas: U256::from(252),
            // From Jovian on the field has the data availability footprint.
            blob_gas_used: if jovian { size as u64 } else { 0 },
            withdrawals_root: root("withdrawals"),
            parent_beacon_block_root: root("beacon"),
            transactions,
            ..ExecutionPayload::default()
        }
    }
}

/// EIP-1559 parameters as the fork encodes them: nothing before Holocene; version 0, denominator, elasticity; from Jovian
/// on version 1 and the minimum base fee behind.
fn extra_data(fork: Fork) -> Bytes {
    let (denominator, elasticity) = (250_u32.to_be_bytes(), 6_u32.to_be_bytes());
    let parameters = [denominator, elasticity].concat();
    match fork {
        fork if fork >= Fork::Jovian => [&[1][..], &parameters, &[0; 8]].concat().into(),
        fork if fork >= Fork::Holocene => [&[0][..], &parameters].concat().into(),
        _ => Bytes::new(),
    }
}
