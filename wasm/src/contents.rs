//! The contents of verified blocks, for JavaScript: blocks and transactions as JSON-RPC objects, made of the bytes that were signed;
//! and the answers of untrusted RPC servers about receipts and state, each proven by a root of a kept block.
//!
//! `json` writes; `kept`, `canonical` and `window` keep blocks; `request`, `matching` and `answer` read what is given; `decoded`,
//! `transaction` and `block` show a block, `receipts`, `receipt`, `l1_fee` and `account` what a server proves.

use alloy_primitives::keccak256;
use petrel_core::{
    Event,
    chain::{Chain, FeeParameters},
    fork::Forks,
};

use crate::error::{Error, ErrorCode};

mod account;
mod answer;
mod block;
mod canonical;
mod decoded;
#[cfg(test)]
mod fixtures;
mod json;
mod kept;
mod l1_fee;
mod matching;
mod receipt;
mod receipts;
mod request;
mod transaction;
mod window;

use block::BlockNews;
use json::Object;
use kept::KeptBlock;
use matching::{Blocks, Matching};
use receipts::ProvenReceipt;
use request::{TransactionForm, Which};
use window::Window;

/// The kept blocks, and what is asked of them. Arguments and results are the strings of [`Client`](crate::Client)'s methods.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    window: Window,
    /// The chain's schedule, and its own parameters of the base fee.
    forks: Forks,
    fees: Option<FeeParameters>,
}

impl Contents {
    /// Those of a chain; no block is kept yet.
    pub(crate) fn new(chain: &Chain) -> Self {
        Self { window: Window::default(), forks: chain.forks.clone(), fees: chain.fees }
    }

    /// Takes what an event says of the chain.
    pub(crate) fn observe(&mut self, event: &Event) {
        self.window.observe(event);
    }

    /// A block.
    pub(crate) fn block(&self, which: &str, transactions: &str) -> Result<Option<String>, Error> {
        let form = TransactionForm::read(transactions)?;
        let block = match Which::read(which)? {
            Which::Latest => self.window.head(),
            Which::Number(number) => self.window.numbered(number),
            Which::Hash(hash) => self.window.block(&hash),
        };
        Ok(block.map(|block| {
            let next_base_fee = block.payload.next_base_fee(&self.forks, self.fees.as_ref());
            let is_canonical = self.window.is_canonical(block);
            block::json(block, BlockNews { is_canonical, next_base_fee }, form)
        }))
    }

    /// A transaction of the chain.
    pub(crate) fn transaction(&self, hash: &str) -> Result<Option<String>, Error> {
        let Some((block, index)) = self.window.transaction(&request::hash(hash)?) else { return Ok(None) };
        let mut out = String::new();
        let raw = block.payload.transactions().nth(index).unwrap_or_default();
        transaction::append(&mut out, block, index, raw);
        Ok(Some(out))
    }

    /// The receipts of a block.
    pub(crate) fn receipts(&self, block_hash: &str, json: &str) -> Result<String, Error> {
        self.proven(block_hash, json).map(|(block, receipts)| receipt::json(block, &receipts, &self.forks))
    }

    /// The logs of a block.
    pub(crate) fn logs(&self, block_hash: &str, json: &str) -> Result<String, Error> {
        self.proven(block_hash, json).map(|(block, receipts)| receipt::logs_json(block, &receipts))
    }

    /// The blocks of a range, or one block, whose blooms do not exclude a filter of logs.
    pub(crate) fn matching(&self, json: &str) -> Result<String, Error> {
        let Matching { blocks, values } = Matching::read(json)?;
        let found: Vec<&KeptBlock> = match blocks {
            Blocks::Hash(hash) => vec![self.window.block(&hash).ok_or_else(|| not_kept(hash))?],
            Blocks::Numbers(numbers) => {
                // A number that is not kept ends it, so the window bounds the range.
                let block = |number| self.window.numbered(number).ok_or_else(|| not_kept(number));
                numbers.map(block).collect::<Result<_, _>>()?
            }
        };
        let mut out = String::new();
        let matching = found.into_iter().filter(|block| values.may_be_in(block.payload.logs_bloom()));
        json::array(&mut out, matching, |out, block| {
            Object::append(out, |object| {
                object.quantity("number", block.payload.number());
                object.hex("hash", block.hash);
            });
        });
        Ok(out)
    }

    fn proven(&self, block_hash: &str, json: &str) -> Result<(&KeptBlock, Vec<ProvenReceipt>), Error> {
        let block = self.kept(block_hash)?;
        Ok((block, receipts::prove(block, json)?))
    }

    /// An account after a block, and slots of its storage.
    pub(crate) fn account(&self, block_hash: &str, address: &str, keys: &str, json: &str) -> Result<String, Error> {
        let (address, slots) = (request::address(address)?, request::slots(keys)?);
        let block = self.kept(block_hash)?;
        account::json(block.payload.state_root(), address, &slots, json)
    }

    fn kept(&self, block_hash: &str) -> Result<&KeptBlock, Error> {
        self.window.block(&request::hash(block_hash)?).ok_or_else(|| not_kept(block_hash))
    }

    /// What is kept.
    pub(crate) fn window(&self) -> String {
        let summary = self.window.summary();
        let mut out = String::new();
        Object::append(&mut out, |object| {
            let (from, to) = summary.numbers.unzip();
            for (key, number) in [("from", from), ("to", to)] {
                match number {
                    Some(number) => object.number(key, number),
                    None => object.key(key).push_str("null"),
                }
            }
            object.number("blocks", summary.blocks as u64);
            object.number("bytes", summary.bytes as u64);
        });
        out
    }
}

fn not_kept(which: impl core::fmt::Display) -> Error {
    Error::new(
        ErrorCode::NoBlock,
        format!("the block {which} is not among the kept ones"),
        "ask for a newer block; `window` says which numbers are kept",
    )
}

/// Keccak-256 of 0x-hex.
pub(crate) fn hash_of(hex: &str) -> Result<String, Error> {
    Ok(keccak256(request::data(hex)?).to_string())
}

#[cfg(test)]
mod tests;
