//! Why an answer to `eth_getProof` proves nothing, for programs and in words.

use core::fmt;

use alloy_primitives::{B256, U256};

use crate::block::{Account, ProofError};

/// What a proof is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proven {
    /// The account.
    Account,
    /// This slot.
    Slot(B256),
}

impl fmt::Display for Proven {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account => out.write_str("the account"),
            Self::Slot(slot) => write!(out, "slot {slot}"),
        }
    }
}

/// Why an answer proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// It has more or fewer slots than were asked for.
    #[error("{found} slots are proven, and {expected} were asked for")]
    Slots {
        /// How many it has.
        found: usize,
        /// How many were requested.
        expected: usize,
    },
    /// It has another slot than the one at its place of the request.
    #[error("slot {stated} is proven, and {asked} was asked for")]
    OtherSlot {
        /// The slot in the answer.
        stated: B256,
        /// The slot that was requested.
        asked: B256,
    },
    /// A proof shows nothing.
    #[error("{0} is not proven: {1}")]
    Trie(Proven, ProofError),
    /// The trie has something at the key that is no account, or no word.
    #[error("{0} has a leaf in the trie that does not decode")]
    Leaf(Proven),
    /// Another account is proven than the answer says.
    #[error("the account's {0}")]
    OtherAccount(AccountDifference),
    /// Another word is proven than the answer says.
    #[error("slot {slot} is stated as {stated:#x}, and proven as {proven:#x}")]
    OtherValue {
        /// The slot.
        slot: B256,
        /// Its word in the answer.
        stated: U256,
        /// Its word in the trie; 0 where it has none.
        proven: U256,
    },
}

/// The first field in which an account differs from the proven one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "each has the field as the answer says it, and as it is proven")]
pub enum AccountDifference {
    /// The nonce.
    #[error("nonce is stated as {stated}, and proven as {proven}")]
    Nonce { stated: u64, proven: u64 },
    /// The balance, wei.
    #[error("balance is stated as {stated} wei, and proven as {proven} wei")]
    Balance { stated: U256, proven: U256 },
    /// The root of its storage.
    #[error("storage hash is stated as {stated}, and proven as {proven}")]
    StorageHash { stated: B256, proven: B256 },
    /// The hash of its code.
    #[error("code hash is stated as {stated}, and proven as {proven}")]
    CodeHash { stated: B256, proven: B256 },
}

impl AccountDifference {
    /// `None` when the accounts are equal.
    pub(super) fn between(stated: &Account, proven: &Account) -> Option<Self> {
        let (is, should) = (stated, proven);
        if is.nonce != should.nonce {
            return Some(Self::Nonce { stated: is.nonce, proven: should.nonce });
        }
        if is.balance != should.balance {
            return Some(Self::Balance { stated: is.balance, proven: should.balance });
        }
        if is.storage_root != should.storage_root {
            return Some(Self::StorageHash { stated: is.storage_root, proven: should.storage_root });
        }
        let (stated, proven) = (is.code_hash, should.code_hash);
        (stated != proven).then_some(Self::CodeHash { stated, proven })
    }
}
