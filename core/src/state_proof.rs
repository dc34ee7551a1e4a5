//! An account and its storage slots, proven against a state root by an answer to `eth_getProof` (EIP-1186) that nobody is trusted for.
//!
//! Bounds: [`MAX_SLOTS`] slots, and for each proof those of [`proven`]. The caller bounds the length of the JSON. What is absent is
//! proven by its absence from the trie, never by the answer's word.

use core::fmt;

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use serde::Deserialize;

use crate::block::{Account, EMPTY_CODE, ProofError, proven};

/// Slots of one answer: go-ethereum refuses requests for more.
pub const MAX_SLOTS: usize = 1024;

/// The result of `eth_getProof`, unverified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccountProof {
    nonce: U64,
    balance: U256,
    storage_hash: B256,
    code_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotProof>,
}

/// The proof of one storage slot, unverified.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct SlotProof {
    value: U256,
    proof: Vec<Bytes>,
}

/// An account that was proven. One that does not exist is [`Account::ABSENT`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvenAccount {
    /// The account.
    pub account: Account,
    /// The words of the requested slots, in the order of the request; 0 where a slot is empty.
    pub storage: Vec<U256>,
}

impl ProvenAccount {
    /// Whether there is a contract.
    pub fn has_code(&self) -> bool {
        self.account.code_hash != EMPTY_CODE
    }
}

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
            Self::Account => out.write_str("account"),
            Self::Slot(slot) => write!(out, "slot {slot}"),
        }
    }
}

/// Why an answer proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StateProofError {
    /// It has other slots than the requested ones.
    #[error("{found} slots instead of {expected}")]
    Slots {
        /// How many it has.
        found: usize,
        /// How many were requested.
        expected: usize,
    },
    /// A proof shows nothing.
    #[error("{0}: {1}")]
    Trie(Proven, ProofError),
    /// Something else is proven than the answer says.
    #[error("{0}: another value is proven, or none")]
    OtherValue(Proven),
}

/// Verifies an answer for `slots`, in this order, of an account against a state root.
///
/// # Errors
/// See [`StateProofError`].
pub fn verify(
    root: B256,
    account: Address,
    slots: &[B256],
    proof: &AccountProof,
) -> Result<ProvenAccount, StateProofError> {
    let (found, expected) = (proof.storage_proof.len(), slots.len());
    if found != expected || found > MAX_SLOTS {
        return Err(StateProofError::Slots { found, expected: expected.min(MAX_SLOTS) });
    }
    let account = proof.account(root, account)?;
    let storage = slots.iter().zip(&proof.storage_proof).map(|(slot, proof)| proof.word(account.storage_root, *slot));
    Ok(ProvenAccount { account, storage: storage.collect::<Result<_, _>>()? })
}

/// The value that a proof shows at the hash of `key`; `None` if it shows that there is none.
fn leaf<'p>(root: B256, key: &[u8], nodes: &'p [Bytes], of: Proven) -> Result<Option<&'p [u8]>, StateProofError> {
    let nodes = nodes.iter().map(|node| node.iter().as_slice());
    proven(root, &keccak256(key), nodes).map_err(|error| StateProofError::Trie(of, error))
}

impl AccountProof {
    fn account(&self, root: B256, address: Address) -> Result<Account, StateProofError> {
        let account = match leaf(root, address.as_slice(), &self.account_proof, Proven::Account)? {
            Some(leaf) => Account::decode(leaf),
            None => Some(Account::ABSENT),
        };
        account.filter(|account| *account == self.stated()).ok_or(StateProofError::OtherValue(Proven::Account))
    }

    /// The account by the fields beside the proof. Nodes give the hashes of nothing for an account that does not exist, or zeros.
    fn stated(&self) -> Account {
        let or = |hash: B256, empty: B256| if hash.is_zero() { empty } else { hash };
        Account {
            nonce: self.nonce.to(),
            balance: self.balance,
            storage_root: or(self.storage_hash, Account::ABSENT.storage_root),
            code_hash: or(self.code_hash, EMPTY_CODE),
        }
    }
}

impl SlotProof {
    fn word(&self, root: B256, slot: B256) -> Result<U256, StateProofError> {
        let is_proven = match leaf(root, slot.as_slice(), &self.proof, Proven::Slot(slot))? {
            Some(leaf) => !self.value.is_zero() && leaf == alloy_rlp::encode(self.value),
            None => self.value.is_zero(),
        };
        if is_proven { Ok(self.value) } else { Err(StateProofError::OtherValue(Proven::Slot(slot))) }
    }
}
