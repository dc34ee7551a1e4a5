//! An account and slots of its storage as JSON, proven by an untrusted RPC server's `eth_getProof` against a block's state root: see the
//! core's `state_proof`.
//!
//! Bounds: 32 MiB of JSON; 65 nodes of 532 bytes for each of at most 1025 proofs.

use alloy_primitives::{Address, B256};
use petrel_core::state_proof::{self, AccountProof};

use super::{
    answer::{self, bad_proof},
    json::{self, Object},
    request::Slot,
};
use crate::error::Error;

/// Maximum length of an answer, bytes. A proof of 1024 slots in a state of a billion entries takes 8 MB: eight nodes of 1 KB of hex.
const MAX_JSON: usize = 32 << 20;

/// The account and its slots as JSON, proven by a state root.
///
/// # Errors
/// `bad_proof`.
pub(crate) fn json(state_root: B256, address: Address, slots: &[Slot], json: &str) -> Result<String, Error> {
    let answer: AccountProof = answer::read("the proofs", json, MAX_JSON)?;
    let keys: Vec<B256> = slots.iter().map(|slot| slot.key.into()).collect();
    let proven = state_proof::verify(state_root, address, &keys, &answer);
    let proven = proven.map_err(|error| bad_proof(error.to_string()))?;
    let account = proven.account;
    let mut out = String::new();
    Object::append(&mut out, |object| {
        object.quantity("balance", account.balance);
        object.quantity("nonce", account.nonce);
        object.hex("codeHash", account.code_hash);
        object.hex("storageHash", account.storage_root);
        json::array(object.key("storage"), slots.iter().zip(&proven.storage), |out, (slot, value)| {
            Object::append(out, |object| {
                object.word("key", &slot.text);
                object.quantity("value", value);
            });
        });
    });
    Ok(out)
}

#[cfg(test)]
mod tests;
