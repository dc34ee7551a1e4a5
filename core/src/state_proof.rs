//! An account and its storage slots, proven against a state root by an answer to `eth_getProof` (EIP-1186) that nobody is trusted for.
//!
//! The proof says what the account is. What the answer says beside it must be the same, so that a server that lies in a field is found
//! even where its proof is right. What is absent is proven by its absence from the trie, never by the answer's word.
//!
//! Bounds: [`MAX_SLOTS`] slots, and for each proof those of [`proven`]. The caller bounds the length of the JSON.

use alloy_primitives::{Address, B256, Bytes, U64, U256, keccak256};
use alloy_rlp::Decodable as _;
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::block::{Account, EMPTY_CODE, proven};

mod error;

pub use error::{AccountDifference, Proven, StateProofError};

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
    #[serde(deserialize_with = "slot")]
    key: B256,
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

/// The word of a leaf of a storage trie. Zero has no leaf.
fn word(mut leaf: &[u8]) -> Option<U256> {
    let word = U256::decode(&mut leaf).ok()?;
    (leaf.is_empty() && !word.is_zero()).then_some(word)
}

/// A slot as 0x-hex: servers write it in full, or as short as it was asked for.
fn slot<'de, D: Deserializer<'de>>(deserializer: D) -> Result<B256, D::Error> {
    let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
    let digits = text.strip_prefix("0x").filter(|digits| digits.len() <= 64);
    let digits = digits.filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    let number = digits.and_then(|digits| U256::from_str_radix(digits, 16).ok());
    number.map(B256::from).ok_or_else(|| D::Error::custom("a slot that is not 0x-hex of at most 32 bytes"))
}

impl AccountProof {
    fn account(&self, root: B256, address: Address) -> Result<Account, StateProofError> {
        let account = match leaf(root, address.as_slice(), &self.account_proof, Proven::Account)? {
            Some(leaf) => Account::decode(leaf).ok_or(StateProofError::Leaf(Proven::Account))?,
            None => Account::ABSENT,
        };
        match AccountDifference::between(&self.stated(), &account) {
            Some(difference) => Err(StateProofError::OtherAccount(difference)),
            None => Ok(account),
        }
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
        let of = Proven::Slot(slot);
        if self.key != slot {
            return Err(StateProofError::OtherSlot { stated: self.key, asked: slot });
        }
        let proven = match leaf(root, slot.as_slice(), &self.proof, of)? {
            Some(leaf) => word(leaf).ok_or(StateProofError::Leaf(of))?,
            None => U256::ZERO,
        };
        if proven == self.value {
            return Ok(proven);
        }
        Err(StateProofError::OtherValue { slot, stated: self.value, proven })
    }
}
