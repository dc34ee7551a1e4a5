//! Evidence made of two verified blocks.

use alloy_primitives::{Address, B256, hex};
use bytes::Bytes;

use super::stated::{KIND, StatedBlock, StatedEvidence, VERSION};
use crate::{
    block::{Block, Verified},
    fork::Version,
};

/// Two signed blocks of one height. Made of verified blocks by [`Evidence::new`]; a document of somebody else is judged
/// by [`judge`](super::judge).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The chain id.
    pub chain: u64,
    /// The signer of both blocks.
    pub signer: Address,
    /// The number of both blocks.
    pub number: u64,
    /// The two blocks, in the order in which they were seen.
    pub blocks: [SignedMessage; 2],
}

/// One of the two blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedMessage {
    /// The version of its topic.
    pub version: Version,
    /// The block's hash.
    pub hash: B256,
    /// The whole message before compression: the signature, and the body that it covers.
    pub message: Bytes,
}

impl SignedMessage {
    /// Copies the block's bytes; `None` for a fetched block, which has no signature.
    fn new(block: &Block) -> Option<Self> {
        let (signature, body) = (block.signature?, block.payload.body());
        let message = [signature.0.as_slice(), body].concat().into();
        Some(Self { version: block.payload.version(), hash: block.hash, message })
    }
}

impl Evidence {
    /// The evidence that these blocks are; `None` unless both are signed by the same signer, have the same number and
    /// different hashes. Copies both bodies.
    pub fn new(chain: u64, blocks: [&Verified<Block>; 2]) -> Option<Self> {
        let [first, second] = blocks;
        let (signer, number) = (first.signer?, first.payload.number());
        let fits = second.signer == Some(signer) && second.payload.number() == number && first.hash != second.hash;
        let blocks = [SignedMessage::new(first)?, SignedMessage::new(second)?];
        fits.then_some(Self { chain, signer, number, blocks })
    }

    /// The document, without white space.
    pub fn to_json(&self) -> String {
        let block = |block: &SignedMessage| StatedBlock {
            version: block.version.name().into(),
            hash: block.hash,
            message: hex::encode_prefixed(&block.message).into(),
        };
        let [first, second] = &self.blocks;
        let stated = StatedEvidence {
            kind: KIND.into(),
            v: VERSION,
            chain: self.chain,
            signer: self.signer,
            number: self.number,
            blocks: [block(first), block(second)],
        };
        // Strings and numbers alone: nothing that JSON cannot hold.
        serde_json::to_string(&stated).unwrap_or_default()
    }
}
