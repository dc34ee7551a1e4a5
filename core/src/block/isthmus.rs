//! Isthmus payloads in V3's layout: op-node encodes a payload so when its withdrawals root is the empty trie's
//! (`inferVersion`), which happens on test chains with an unusual genesis. Its hash is that of the V4 header.

use alloy_primitives::{B256, b256};
use bytes::Bytes;

use crate::{
    block::{
        Payload,
        layout::{at, fixed_len},
    },
    fork::Version,
};

/// The root of a trie without entries.
const EMPTY_ROOT: B256 = b256!("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421");
/// Length of the parent beacon block root at the start, bytes.
const BEACON_ROOT: usize = 32;
/// Bytes that V4's fixed part has in addition to V3's.
const MORE: u32 = 32;

impl Payload {
    /// The V4 payload with the empty withdrawals root, made of a payload in V3's layout; `None` for other versions.
    pub fn with_empty_withdrawals_root(&self) -> Option<Self> {
        if self.version() != Version::V3 {
            return None;
        }
        let (fixed, variable) = self.body().split_at_checked(BEACON_ROOT + fixed_len(Version::V3))?;
        let mut body = Vec::with_capacity(self.body().len() + MORE as usize);
        body.extend_from_slice(fixed);
        for offset in [at::EXTRA_DATA, at::TRANSACTIONS, at::WITHDRAWALS] {
            let bytes = body.get_mut(BEACON_ROOT + offset..)?.first_chunk_mut::<4>()?;
            *bytes = u32::from_le_bytes(*bytes).checked_add(MORE)?.to_le_bytes();
        }
        body.extend_from_slice(EMPTY_ROOT.as_slice());
        body.extend_from_slice(variable);
        Self::decode(Version::V4, Bytes::from(body)).ok()
    }
}
