//! An account as the state root commits to it: `[nonce, balance, storage root, code hash]` at keccak-256 of the address.

use alloy_primitives::{B256, U256, b256};
use alloy_rlp::{Decodable, Header};

use crate::block::trie::EMPTY_ROOT;

/// Keccak-256 of nothing: the code hash of an account without code.
pub const EMPTY_CODE: B256 = b256!("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");

/// An account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    /// The nonce.
    pub nonce: u64,
    /// The balance, wei.
    pub balance: U256,
    /// The root of its storage.
    pub storage_root: B256,
    /// Keccak-256 of its code.
    pub code_hash: B256,
}

impl Account {
    /// An account that does not exist: no balance, no nonce, no code, no storage.
    pub const ABSENT: Self = Self { nonce: 0, balance: U256::ZERO, storage_root: EMPTY_ROOT, code_hash: EMPTY_CODE };

    /// Reads the value of a leaf of the state trie; `None` when it is anything else than these four fields.
    pub fn decode(leaf: &[u8]) -> Option<Self> {
        let mut rest = leaf;
        let mut fields = Header::decode_bytes(&mut rest, true).ok()?;
        let account = Self {
            nonce: u64::decode(&mut fields).ok()?,
            balance: U256::decode(&mut fields).ok()?,
            storage_root: B256::decode(&mut fields).ok()?,
            code_hash: B256::decode(&mut fields).ok()?,
        };
        (rest.is_empty() && fields.is_empty()).then_some(account)
    }
}
