//! The rules on a block's contents. Every accepted block, gossiped or fetched, passes them.
//!
//! A block hash commits to the header alone: not to the withdrawals list of a V4 block (its header has the withdrawals
//! root of the message passer) and not to empty transactions (the trie has no leaf for them; op-node's `DeriveSha`
//! ignores the same error). A relay could add both to a block without changing its hash. So a payload is valid only
//! when it has neither, and then its bytes follow from its hash.
//!
//! Cost: without empty transactions a payload of 10 MiB has at most two million of them; the trie's memory is bounded
//! by [`super::ordered_root`].

use alloy_primitives::B256;

use crate::{block::Payload, fork::Version, hash::KeccakMany};

/// A payload with the hash that it states and with valid contents. Only [`Payload::validate`] makes one.
#[derive(Clone, Debug)]
pub struct ValidPayload {
    payload: Payload,
    hash: B256,
}

impl core::ops::Deref for ValidPayload {
    type Target = Payload;

    fn deref(&self) -> &Payload {
        &self.payload
    }
}

impl ValidPayload {
    /// The block hash, recomputed.
    pub const fn hash(&self) -> B256 {
        self.hash
    }

    /// The payload and its hash.
    pub fn into_parts(self) -> (Payload, B256) {
        (self.payload, self.hash)
    }
}

/// The rule on its contents that a payload breaks; in the order of op-node's topic validator, after the rules on what a
/// hash does not cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayload {
    /// The number does not fit 63 bits, for which op-node's block hash is undefined.
    #[error("block number {0} does not fit 63 bits")]
    Number(u64),
    /// A transaction is empty; a valid one has at least one byte.
    #[error("transaction {index} is empty")]
    EmptyTransaction {
        /// Its index.
        index: usize,
    },
    /// The stated hash is not the actual hash.
    #[error("block hash is {computed}, the payload states another")]
    BlockHash {
        /// The actual hash.
        computed: B256,
    },
    /// Withdrawals are listed.
    #[error("{0} withdrawals listed, an OP Stack block has none")]
    Withdrawals(usize),
    /// Blob gas used in a block before Jovian, which alone uses the field.
    #[error("blobGasUsed is {0} in a block before Isthmus, must be 0")]
    BlobGasUsed(u64),
    /// Excess blob gas.
    #[error("excessBlobGas is {0}, must be 0")]
    ExcessBlobGas(u64),
}

impl InvalidPayload {
    /// A stable name, for events and counters.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Number(_) => "number",
            Self::EmptyTransaction { .. } => "empty_transaction",
            Self::BlockHash { .. } => "block_hash",
            Self::Withdrawals(_) => "withdrawals",
            Self::BlobGasUsed(_) => "blob_gas_used",
            Self::ExcessBlobGas(_) => "excess_blob_gas",
        }
    }

    /// Whether the sequencer itself broke the rule, because the hash commits to it. A peer that forwards such a block
    /// did not make it.
    pub const fn is_its_makers(&self) -> bool {
        match self {
            Self::Number(_) | Self::BlobGasUsed(_) | Self::ExcessBlobGas(_) => true,
            Self::EmptyTransaction { .. } | Self::BlockHash { .. } | Self::Withdrawals(_) => false,
        }
    }
}

impl Payload {
    /// Checks the contents and recomputes the hash.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn validate(self, keccak_many: KeccakMany) -> Result<ValidPayload, InvalidPayload> {
        if i64::try_from(self.number()).is_err() {
            return Err(InvalidPayload::Number(self.number()));
        }
        if let Some(index) = self.transactions().position(<[u8]>::is_empty) {
            return Err(InvalidPayload::EmptyTransaction { index });
        }
        let computed = self.compute_hash(keccak_many);
        if computed != self.block_hash() {
            return Err(InvalidPayload::BlockHash { computed });
        }
        match self.withdrawals().len() {
            0 => {}
            listed => return Err(InvalidPayload::Withdrawals(listed)),
        }
        match self.blob_gas_used() {
            // From Jovian on, whose blocks are V4, it is the data availability footprint.
            Some(used) if used != 0 && self.version() < Version::V4 => return Err(InvalidPayload::BlobGasUsed(used)),
            _ => {}
        }
        match self.excess_blob_gas() {
            Some(excess) if excess != 0 => Err(InvalidPayload::ExcessBlobGas(excess)),
            _ => Ok(ValidPayload { payload: self, hash: computed }),
        }
    }
}
