//! A verified block as the window keeps it.

use core::cell::OnceCell;
use std::sync::Arc;

use alloy_primitives::{B256, keccak256};
use petrel_core::{
    block::{Block, Payload, Verified},
    event::{NewBlock, Via},
};

/// Bytes that a block takes in addition to its body and its index: a node of each map, and the block itself.
const OVERHEAD: usize = 512;

/// A verified block, and how it came.
#[derive(Debug)]
pub(crate) struct KeptBlock {
    block: Arc<Verified<Block>>,
    /// How it reached this node.
    pub(crate) via: Via,
    /// Its own time, Unix milliseconds.
    pub(crate) timestamp_ms: u64,
    /// The hashes of its transactions, once they were asked for.
    hashes: OnceCell<Vec<B256>>,
}

impl core::ops::Deref for KeptBlock {
    type Target = Block;

    fn deref(&self) -> &Block {
        &self.block
    }
}

impl KeptBlock {
    pub(crate) fn new(event: &NewBlock) -> Self {
        let block = Arc::clone(&event.block);
        Self { block, via: event.via, timestamp_ms: event.timestamp_ms, hashes: OnceCell::new() }
    }

    /// Bytes that it takes, with the hashes of its transactions.
    pub(crate) fn cost(&self) -> usize {
        let payload: &Payload = &self.payload;
        payload.body().len() + payload.transaction_count() * size_of::<B256>() + OVERHEAD
    }

    /// The hashes of its transactions, in order; computed once.
    pub(crate) fn transaction_hashes(&self) -> &[B256] {
        self.hashes.get_or_init(|| self.payload.transactions().map(keccak256).collect())
    }
}
