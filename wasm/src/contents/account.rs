//! An account and slots of its storage, proven by an untrusted RPC server's `eth_getProof` against a block's state root.
//!
//! The proof says what the account is; what the answer says beside it must be the same, so that a server that lies in a field is
//! found even where its proof is right. That an account or a value does not exist must be proven too.
//!
//! Bounds: 32 MiB of JSON; 65 nodes of 532 bytes for each of at most 1025 proofs.

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use alloy_rlp::Decodable as _;
use petrel_core::block::{Account, EMPTY_CODE, ProofError, proven};
use serde::Deserialize;

use super::{
    answer::{self, Quantity, Wide, bad_proof},
    json::{self, Object},
    request::{self, Slot},
};
use crate::error::Error;

/// Maximum length of an answer, bytes. A proof of 1024 slots in a state of a billion entries takes 8 MB: eight nodes of 1 KB of hex.
const MAX_JSON: usize = 32 << 20;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccountAnswer {
    balance: Wide,
    nonce: Quantity,
    code_hash: B256,
    storage_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotAnswer>,
}

#[derive(Deserialize)]
struct SlotAnswer {
    key: String,
    value: Wide,
    proof: Vec<Bytes>,
}

/// The account and its slots as JSON, proven by a state root.
///
/// # Errors
/// `bad_proof`.
pub(crate) fn json(state_root: B256, address: Address, slots: &[Slot], json: &str) -> Result<String, Error> {
    let answer: AccountAnswer = answer::read("the proofs", json, MAX_JSON)?;
    let account = account(state_root, address, &answer)?;
    if answer.storage_proof.len() != slots.len() {
        return Err(bad_proof(format!(
            "{} slots are proven, {} were asked for",
            answer.storage_proof.len(),
            slots.len()
        )));
    }
    let values =
        slots.iter().zip(&answer.storage_proof).map(|(slot, answer)| value(account.storage_root, slot, answer));
    let values = values.collect::<Result<Vec<_>, _>>()?;
    let mut out = String::new();
    Object::append(&mut out, |object| {
        object.quantity("balance", account.balance);
        object.quantity("nonce", account.nonce);
        object.hex("codeHash", account.code_hash);
        object.hex("storageHash", account.storage_root);
        json::array(object.key("storage"), slots.iter().zip(values), |out, (slot, value)| {
            Object::append(out, |object| {
                object.word("key", &slot.text);
                object.quantity("value", value);
            });
        });
    });
    Ok(out)
}

fn account(state_root: B256, address: Address, answer: &AccountAnswer) -> Result<Account, Error> {
    let leaf =
        follow(state_root, address.as_slice(), &answer.account_proof).map_err(|error| refused("the account", error))?;
    let account = match leaf {
        Some(leaf) => Account::decode(leaf).ok_or_else(|| bad_proof("the account's leaf is no account".to_owned()))?,
        None => Account::ABSENT,
    };
    let stated = answer.stated();
    if stated != account {
        return Err(bad_proof(format!("the account is stated as {stated:?} and proven as {account:?}")));
    }
    Ok(account)
}

fn value(storage_root: B256, slot: &Slot, answer: &SlotAnswer) -> Result<U256, Error> {
    if request::slot(&answer.key).map(|stated| stated.key) != Some(slot.key) {
        return Err(bad_proof(format!("another slot than {} is proven", slot.text)));
    }
    let leaf =
        follow(storage_root, &slot.key.to_be_bytes::<32>(), &answer.proof).map_err(|error| refused("a slot", error))?;
    let value = match leaf {
        Some(leaf) => word(leaf).ok_or_else(|| bad_proof("a slot's leaf is no word".to_owned()))?,
        None => U256::ZERO,
    };
    if value != answer.value.0 {
        return Err(bad_proof(format!(
            "slot {} is stated as {:#x} and proven as {value:#x}",
            slot.text, answer.value.0
        )));
    }
    Ok(value)
}

fn follow<'a>(root: B256, key: &[u8], nodes: &'a [Bytes]) -> Result<Option<&'a [u8]>, ProofError> {
    proven(root, &keccak256(key), nodes.iter().map(|node| node.iter().as_slice()))
}

fn refused(what: &str, error: ProofError) -> Error {
    bad_proof(format!("{what} is not proven: {error}"))
}

/// The word of a leaf of a storage trie. Zero has no leaf.
fn word(mut leaf: &[u8]) -> Option<U256> {
    let word = U256::decode(&mut leaf).ok()?;
    (leaf.is_empty() && !word.is_zero()).then_some(word)
}

impl AccountAnswer {
    /// The account by the fields beside the proof. op-geth gives zeros for the hashes of an account that does not exist.
    fn stated(&self) -> Account {
        let or = |hash: B256, empty: B256| if hash.is_zero() { empty } else { hash };
        Account {
            nonce: self.nonce.0,
            balance: self.balance.0,
            storage_root: or(self.storage_hash, Account::ABSENT.storage_root),
            code_hash: or(self.code_hash, EMPTY_CODE),
        }
    }
}

#[cfg(test)]
mod tests;
