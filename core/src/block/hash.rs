//! The block hash: keccak-256 of the header's RLP, rebuilt from the payload.

use alloy_primitives::{B256, keccak256};

use crate::{
    block::{Payload, header::header_rlp},
    hash::KeccakMany,
};

impl Payload {
    /// The block hash by the header's rules (as op-node of 2026, `CheckBlockHash`): decided by the encoding, never by
    /// the timestamp.
    pub fn compute_hash(&self, keccak_many: KeccakMany) -> B256 {
        let roots = (self.transactions_root(keccak_many), self.header_withdrawals_root(keccak_many));
        keccak256(header_rlp(self, roots.0, roots.1))
    }
}
