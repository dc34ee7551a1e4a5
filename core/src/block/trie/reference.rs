//! The reference of a node in its parent.

use alloy_primitives::{B256, keccak256};

use crate::hash::Parts;

/// The node's RLP when shorter than 32 bytes, else the RLP of its hash.
#[derive(Clone)]
pub(super) struct Reference(arrayvec::ArrayVec<u8, 33>);

impl Reference {
    pub(super) fn as_rlp(&self) -> &[u8] {
        &self.0
    }

    /// `None` for a node that must be hashed.
    pub(super) fn inline(node: Parts<'_>) -> Option<Self> {
        if node.head.len() + node.body.len() >= 32 {
            return None;
        }
        let mut rlp = arrayvec::ArrayVec::new();
        rlp.try_extend_from_slice(node.head).ok()?;
        rlp.try_extend_from_slice(node.body).ok()?;
        Some(Self(rlp))
    }

    pub(super) fn hash(digest: &B256) -> Self {
        let mut rlp = arrayvec::ArrayVec::new();
        rlp.push(0xa0);
        rlp.extend(digest.0);
        Self(rlp)
    }

    /// The hash of the node, short or not.
    pub(super) fn digest(&self) -> B256 {
        // An inline node has fewer than 32 bytes after its first.
        match self.0.get(1..).map(B256::try_from) {
            Some(Ok(digest)) => digest,
            _ => keccak256(&self.0),
        }
    }
}
