//! A storage value proven against a state root: the account in the state trie, the slot in the account's trie (EIP-1186).

use alloy_primitives::{Address, B256, KECCAK256_EMPTY, keccak256};
use alloy_rlp::Encodable;
use alloy_trie::{
    Nibbles, TrieAccount,
    proof::{ProofVerificationError, verify_proof},
};

use super::l1_client::Proof;

/// The slot's word; `None` when the account is there and has no code.
///
/// # Errors
/// What does not fit.
pub(super) fn verify(root: B256, account: Address, slot: B256, proof: &Proof) -> Result<Option<B256>, String> {
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
    // An account that is not there at all is proven by its absence.
    let absent = state.nonce == 0 && state.balance.is_zero() && proof.code_hash_is_empty();
    if absent && verify_proof(root, path(account.as_slice()), None, &proof.account_proof).is_ok() {
        return Ok(None);
    }
    verify_proof(root, path(account.as_slice()), Some(encoded(&state)), &proof.account_proof)
        .map_err(|error| short("account", &error))?;
    if proof.code_hash_is_empty() {
        return Ok(None);
    }
    let value = Some(storage.value).filter(|value| !value.is_zero());
    verify_proof(proof.storage_hash, path(slot.as_slice()), value.as_ref().map(encoded), &storage.proof)
        .map_err(|error| short("slot", &error))?;
    Ok(Some(storage.value.into()))
}

impl Proof {
    fn code_hash_is_empty(&self) -> bool {
        self.code_hash == KECCAK256_EMPTY || self.code_hash.is_zero()
    }
}

/// Without the nodes of the trie, of which there may be kilobytes.
fn short(what: &str, error: &ProofVerificationError) -> String {
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
