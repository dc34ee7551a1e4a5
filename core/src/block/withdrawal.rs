//! A withdrawal. An OP Stack block has none; a list that is not empty is decoded and hashed, and then rejected.

use alloy_primitives::Address;
use alloy_rlp::{Encodable, Header};

use crate::block::layout::{WITHDRAWAL, array};

/// A withdrawal as in the consensus spec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the consensus spec's own names")]
pub struct Withdrawal {
    pub index: u64,
    pub validator_index: u64,
    pub address: Address,
    /// The amount, gwei.
    pub amount: u64,
}

impl Withdrawal {
    pub(super) fn from_ssz(record: &[u8; WITHDRAWAL]) -> Self {
        let quantity = |at| array(record, at).map_or(0, u64::from_le_bytes);
        Self {
            index: quantity(0),
            validator_index: quantity(8),
            address: Address::from(array(record, 16).unwrap_or_default()),
            amount: quantity(36),
        }
    }

    /// `[index, validatorIndex, address, amount]`: the item in the withdrawals trie.
    pub(super) fn rlp(&self) -> Vec<u8> {
        let fields: [&dyn Encodable; 4] = [&self.index, &self.validator_index, &self.address, &self.amount];
        let mut out = Vec::new();
        Header { list: true, payload_length: fields.iter().map(|field| field.length()).sum() }.encode(&mut out);
        fields.iter().for_each(|field| field.encode(&mut out));
        out
    }
}
