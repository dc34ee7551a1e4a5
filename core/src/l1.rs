//! What an L1 node says about the signer of unsafe blocks, checked: the header of a block, and the slot of the SystemConfig contract
//! that has the signer. Without I/O: both bodies read L1 in their own way.

use alloy_primitives::{Address, B256, b256};

use crate::state_proof::{self, AccountProof, StateProofError};

mod header;

pub use header::{L1Block, header_hash};

/// The slot of the unsafe block signer: `keccak256("systemconfig.unsafeblocksigner")`, the address in its low 20 bytes
/// (specs, system-config).
pub const SIGNER_SLOT: B256 = b256!("65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08");
/// Seconds that a block of L1 may be ahead of our clock.
pub const MAX_LEAD: u64 = 60;

/// A word that is no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("SystemConfig's signer slot holds {0}, which is no address")]
pub struct NoAddress(pub B256);

/// The word of the slot, proven against a block's state root; `None` if there is no contract at the address.
///
/// # Errors
/// See [`StateProofError`].
pub fn signer_word(
    state_root: B256,
    system_config: Address,
    proof: &AccountProof,
) -> Result<Option<B256>, StateProofError> {
    let account = state_proof::verify(state_root, system_config, &[SIGNER_SLOT], proof)?;
    let word = account.storage.first().map(|word| B256::from(*word));
    Ok(word.filter(|_| account.has_code()))
}

/// The signer in the slot's word; `None` when it is zero.
///
/// # Errors
/// The upper twelve bytes are not zero.
pub fn signer_in(word: B256) -> Result<Option<Address>, NoAddress> {
    let (zeros, address) = word.split_at(12);
    if zeros.iter().any(|byte| *byte != 0) {
        return Err(NoAddress(word));
    }
    Ok(Some(Address::from_slice(address)).filter(|address| !address.is_zero()))
}
