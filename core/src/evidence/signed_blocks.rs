//! The last signed blocks by height, so that a second one of the same height is noticed with both messages at hand.
//!
//! A host gives it each [`Event::Block`](crate::event::Event::Block). Fetched blocks have no signature and are not kept.
//!
//! Bounds: [`SignedBlocks::HEIGHTS`] heights with [`Seen::PER_HEIGHT`] blocks each, and [`SignedBlocks::MAX_BYTES`]
//! bytes of messages; the lowest heights are forgotten first. The bytes are shared with whoever else keeps the block.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    block::{Block, Verified},
    validation::Seen,
};

type SharedBlock = Arc<Verified<Block>>;

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct SignedBlocks {
    by_number: BTreeMap<u64, Vec<SharedBlock>>,
    bytes: usize,
}

impl SignedBlocks {
    /// Heights that are kept: 100 s of a chain with a block every 200 ms, 17 min of one with a block every 2 s.
    pub const HEIGHTS: usize = 512;
    /// Bytes of messages that are kept: more than three of the maximum length.
    pub const MAX_BYTES: usize = 32 << 20;

    /// Keeps a block. If it is another block than one of the same height and signer that is kept, returns the two, the
    /// earlier one first.
    pub fn take(&mut self, block: &SharedBlock) -> Option<[SharedBlock; 2]> {
        block.signature?;
        let blocks = self.by_number.entry(block.payload.number()).or_default();
        if blocks.iter().any(|kept| kept.hash == block.hash) {
            return None;
        }
        let earlier = blocks.iter().find(|kept| kept.signer == block.signer).cloned();
        if blocks.len() < Seen::PER_HEIGHT {
            blocks.push(block.clone());
            self.bytes += block.bytes;
        }
        self.forget_lowest();
        earlier.map(|earlier| [earlier, block.clone()])
    }

    /// Two blocks of this height by one signer, if so many are kept.
    pub fn pair(&self, number: u64) -> Option<[SharedBlock; 2]> {
        let blocks = self.by_number.get(&number)?;
        let pairs =
            blocks.iter().enumerate().flat_map(|(at, one)| blocks.iter().skip(at + 1).map(move |two| [one, two]));
        pairs.into_iter().find(|[one, two]| one.signer == two.signer).map(|pair| pair.map(Arc::clone))
    }

    fn forget_lowest(&mut self) {
        while self.by_number.len() > Self::HEIGHTS || self.bytes > Self::MAX_BYTES {
            let Some((_, blocks)) = self.by_number.pop_first() else { return };
            self.bytes -= blocks.iter().map(|block| block.bytes).sum::<usize>();
        }
    }
}
