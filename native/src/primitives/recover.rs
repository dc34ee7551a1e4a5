//! Signer recovery with libsecp256k1: about half the time of the portable implementation, and the same results.

use alloy_primitives::{Address, B256};
use petrel_core::sign::{Signature, SignatureError, address_of};
use secp256k1::{
    Message,
    ecdsa::{RecoverableSignature, RecoveryId},
};

/// [`petrel_core::sign::Recover`] with libsecp256k1.
///
/// # Errors
/// See [`SignatureError`].
pub fn recover(hash: &B256, signature: &Signature) -> Result<Address, SignatureError> {
    let v = signature.v();
    let id = RecoveryId::try_from(i32::from(v)).map_err(|_| SignatureError::RecoveryId(v))?;
    let signature = RecoverableSignature::from_compact(signature.scalars(), id).map_err(|_| SignatureError::NoKey)?;
    let key = signature.recover_ecdsa(Message::from_digest(hash.0)).map_err(|_| SignatureError::NoKey)?;
    let point = key.serialize_uncompressed();
    Ok(address_of(point.get(1..).unwrap_or_default()))
}
