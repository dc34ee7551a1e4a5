//! The rules of a block's contents: the one door to a block that can be believed, gossiped or fetched.
//!
//! A block hash commits to the header alone: not to the withdrawals list of a V4 block (its header has the withdrawals
//! root of the message passer) and not to empty transactions (the trie has no leaf for them; op-node's `DeriveSha` drops the
//! same error). Whoever relays a block could add both and keep its hash. So a payload is valid only when neither is there,
//! and then its bytes follow from its hash.
//!
//! Cost: no empty transaction means that a payload of 10 MiB has at most two million; the trie's memory is bounded by
//! [`super::ordered_root`].

use alloy_primitives::B256;

use crate::{block::Payload, fork::Version, hash::KeccakMany};

/// A payload that has the hash that it claims and breaks no rule of its contents. [`Payload::validate`] alone makes one.
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

/// Which rule of its contents a payload breaks; in the order of op-node's topic validator, and what a hash leaves out first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayload {
    /// The number does not fit 63 bits: op-node's hash of it is meaningless.
    #[error("block number {0} does not fit 63 bits")]
    Number(u64),
    /// A transaction has no byte, which no transaction has.
    #[error("transaction {index} is empty")]
    EmptyTransaction {
        /// Which one.
        index: usize,
    },
    /// The payload's hash is not its hash.
    #[error("block hash is {computed}, the payload claims another")]
    BlockHash {
        /// What it really is.
        computed: B256,
    },
    /// Withdrawals are listed.
    #[error("{0} withdrawals listed, an OP Stack block has none")]
    Withdrawals(usize),
    /// Blob gas used in a block that cannot be one of Jovian's, which alone has a use for the field.
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

    /// Whether the block's own maker broke the rule: the hash commits to it. Whoever passes such a block on has not made it.
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
