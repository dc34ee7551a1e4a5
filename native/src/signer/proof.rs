//! A storage value proven against a state root: the account in the state trie, the slot in the account's trie (EIP-1186).

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U256, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{
    Nibbles, TrieAccount,
    proof::{ProofVerificationError, verify_proof},
};

use serde::Deserialize;

/// The result of `eth_getProof` (EIP-1186).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct AccountProof {
    nonce: U64,
    balance: U256,
    storage_hash: B256,
    code_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<StorageProof>,
}

/// The proof of one storage slot.
#[derive(Debug, Deserialize)]
pub(super) struct StorageProof {
    value: U256,
    proof: Vec<Bytes>,
}

/// The slot's word; `None` if the account has no code or does not exist.
///
/// # Errors
/// The proof is invalid: what does not match.
pub(super) fn verify(root: B256, account: Address, slot: B256, proof: &AccountProof) -> Result<Option<B256>, String> {
    let state = TrieAccount {
        nonce: proof.nonce.to(),
        balance: proof.balance,
        storage_root: proof.storage_hash,
        code_hash: proof.code_hash,
    };
    let [storage] = proof.storage_proof.as_slice() else {
        return Err(format!("{} slots instead of one", proof.storage_proof.len()));
    };
    let path = |key: &[u8]| Nibbles::unpack(keccak256(key));
    // A missing account is proven by its absence from the trie.
    let absent = state.nonce == 0 && state.balance.is_zero() && proof.code_hash_is_empty();
    if absent && verify_proof(root, path(account.as_slice()), None, &proof.account_proof).is_ok() {
        return Ok(None);
    }
    verify_proof(root, path(account.as_slice()), Some(encoded(&state)), &proof.account_proof)
        .map_err(|error| short_error("account", &error))?;
    if proof.code_hash_is_empty() {
        return Ok(None);
    }
    let value = Some(storage.value).filter(|value| !value.is_zero());
    verify_proof(proof.storage_hash, path(slot.as_slice()), value.as_ref().map(encoded), &storage.proof)
        .map_err(|error| short_error("slot", &error))?;
    Ok(Some(storage.value.into()))
}

impl AccountProof {
    fn code_hash_is_empty(&self) -> bool {
        self.code_hash == KECCAK256_EMPTY || self.code_hash.is_zero()
    }
}

/// The error without the trie's nodes, which may have kilobytes.
fn short_error(what: &str, error: &ProofVerificationError) -> String {
    match error {
        ProofVerificationError::RootMismatch { .. } => format!("{what}: the proof has another root"),
        ProofVerificationError::ValueMismatch { .. } => format!("{what}: another value is proven, or none"),
        other => format!("{what}: {}", other.to_string().chars().take(80).collect::<String>()),
    }
}

fn encoded(value: &impl Encodable) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out);
    out
}
