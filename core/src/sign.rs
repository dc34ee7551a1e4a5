//! Signatures: what the sequencer signs, and recovery of the signer.
//!
//! The signature covers the bytes on the wire, not the block: `keccak256(domain ‖ chain id ‖ keccak256(body))`, with a
//! domain of zeros (SPEC and op-node `SigningHash`). The host may provide its fastest implementation of recovery
//! ([`Recover`]); tests show that all of them agree on one corpus. [`recover`] is the portable one.

use core::fmt;

use alloy_primitives::{Address, B256, Keccak256, keccak256};
use k256::ecdsa::{RecoveryId, SigningKey, VerifyingKey};
use zeroize::Zeroizing;

use crate::{
    block::{EncodeError, ExecutionPayload},
    fork::Version,
};

/// `r ‖ s ‖ v`: two 32-byte big-endian scalars and the recovery id.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Signature(pub [u8; Signature::LEN]);

impl Signature {
    /// Length of a signature, bytes; every gossip message begins with one.
    pub const LEN: usize = 65;

    /// `r ‖ s`.
    pub fn scalars(&self) -> &[u8; 64] {
        self.0.first_chunk().unwrap_or(&[0; 64])
    }

    /// The recovery id as sent. op-node accepts 0 to 3 and refuses 27 and up, which kona accepts.
    pub const fn v(&self) -> u8 {
        self.0[64]
    }

    /// The same signature with the recovery id 0 or 1 as kona reads it: 27, 28, and from 35 on the parity of EIP-155.
    pub const fn with_parity(&self) -> Option<Self> {
        let mut bytes = self.0;
        bytes[64] = match self.v() {
            v @ (27 | 28) => v - 27,
            v @ 35.. => (v - 35) % 2,
            _ => return None,
        };
        Some(Self(bytes))
    }
}

impl fmt::Debug for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&alloy_primitives::hex::encode_prefixed(self.0))
    }
}

/// Why no signer can be recovered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The recovery id is not 0 to 3.
    #[error("recovery id {0} is not 0 to 3")]
    RecoveryId(u8),
    /// A scalar is 0 or not below the curve's order, or no curve point matches.
    #[error("no public key fits the signature")]
    NoKey,
}

/// Recovers the signer of a hash. High `s` is accepted, as op-node does; the result equals [`recover`]'s for every
/// input.
pub type Recover = fn(&B256, &Signature) -> Result<Address, SignatureError>;

/// The signing hash of a message body (everything after the signature).
pub fn signing_hash(chain_id: u64, body: &[u8]) -> B256 {
    let mut preimage = [0_u8; 96];
    let (words, _) = preimage.as_chunks_mut::<32>();
    if let [_domain, chain, payload] = words {
        chain[24..].copy_from_slice(&chain_id.to_be_bytes());
        *payload = keccak256(body).0;
    }
    keccak256(preimage)
}

/// [`Recover`] with k256.
///
/// # Errors
/// See [`SignatureError`].
pub fn recover(hash: &B256, signature: &Signature) -> Result<Address, SignatureError> {
    let v = signature.v();
    let id = RecoveryId::from_byte(v).ok_or(SignatureError::RecoveryId(v))?;
    let scalars = k256::ecdsa::Signature::from_slice(signature.scalars()).map_err(|_| SignatureError::NoKey)?;
    let key = VerifyingKey::recover_from_prehash(hash.as_slice(), &scalars, id).map_err(|_| SignatureError::NoKey)?;
    Ok(address(&key))
}

fn address(key: &VerifyingKey) -> Address {
    let point = key.to_sec1_point(false);
    address_of(point.as_bytes().get(1..).unwrap_or_default())
}

/// The address of an uncompressed public key, `x ‖ y`.
pub fn address_of(key: &[u8]) -> Address {
    Address::from_word({
        let mut hasher = Keccak256::new();
        hasher.update(key);
        hasher.finalize()
    })
}

/// A sequencer's secret key. Never printed: `Debug` prints its address, and the memory is cleared on drop.
pub struct Key(SigningKey);

/// Text or bytes that are no secret key. The error does not contain them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a secp256k1 secret key: expected 32 bytes of hex, not zero and below the curve's order")]
pub struct NotAKey;

impl Key {
    /// From 32 bytes, big endian.
    ///
    /// # Errors
    /// Zero, or not below the curve's order.
    pub fn from_bytes(secret: &[u8; 32]) -> Result<Self, NotAKey> {
        SigningKey::from_slice(secret).map(Self).map_err(|_| NotAKey)
    }

    /// From 64 hex digits; a leading `0x` and surrounding white space are allowed (op-node's key files).
    ///
    /// # Errors
    /// Not 32 bytes of hex, or no key.
    pub fn from_hex(text: &str) -> Result<Self, NotAKey> {
        let mut secret = Zeroizing::new([0; 32]);
        alloy_primitives::hex::decode_to_slice(text.trim(), secret.as_mut_slice()).map_err(|_| NotAKey)?;
        Self::from_bytes(&secret)
    }

    /// The address that its signatures recover to.
    pub fn address(&self) -> Address {
        address(self.0.verifying_key())
    }

    /// Signs a hash deterministically (RFC 6979): low `s`, `v` 0 or 1.
    pub fn sign(&self, hash: &B256) -> Signature {
        let (scalars, id) = self.0.sign_prehash_recoverable(hash.as_slice());
        let mut bytes = [0; Signature::LEN];
        bytes[..64].copy_from_slice(&scalars.to_bytes());
        bytes[64] = id.to_byte();
        Signature(bytes)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.address())
    }
}

/// Encodes and signs a payload as an uncompressed gossip message: `signature ‖ [parent beacon root ‖] ssz`.
///
/// # Errors
/// The payload cannot be encoded in this version.
pub fn seal(key: &Key, chain_id: u64, version: Version, payload: &ExecutionPayload) -> Result<Vec<u8>, EncodeError> {
    let body = payload.encode(version)?;
    Ok(seal_body(key, chain_id, &body))
}

/// Signs a message body that is already encoded: `signature ‖ body`.
pub fn seal_body(key: &Key, chain_id: u64, body: &[u8]) -> Vec<u8> {
    let signature = key.sign(&signing_hash(chain_id, body));
    let mut message = Vec::with_capacity(Signature::LEN + body.len());
    message.extend_from_slice(&signature.0);
    message.extend_from_slice(body);
    message
}
