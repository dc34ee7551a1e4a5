//! The methods of [`Client`] about the contents of blocks, and the free function that checks code.

use wasm_bindgen::prelude::*;

use super::Client;
use crate::contents;

#[wasm_bindgen]
impl Client {
    /// A kept block as JSON in the form of `eth_getBlockByNumber`, with `petrel: {timestampMs, bytes, version, signer, via,
    /// canonical, nextBaseFee}`; the last is null where the parameters of the base fee are not known. `which` is `latest`, a decimal number of the chain, or a hash of any branch; `transactions` is `hashes`, `raw`
    /// or `full`. Undefined when no such block is kept.
    ///
    /// # Errors
    /// `{code, message, remedy}`: `bad_request`.
    pub fn block(&self, which: &str, transactions: &str) -> Result<Option<String>, JsValue> {
        Ok(self.contents.borrow().block(which, transactions)?)
    }

    /// A transaction of the kept chain as JSON in the form of `eth_getTransactionByHash`. One of a type that this version does not
    /// know is `{hash, blockHash, blockNumber, transactionIndex, type, raw}`. Undefined when the kept chain has none of this hash.
    ///
    /// # Errors
    /// `{code, message, remedy}`: `bad_request`.
    pub fn transaction(&self, hash: &str) -> Result<Option<String>, JsValue> {
        Ok(self.contents.borrow().transaction(hash)?)
    }

    /// The receipts of a kept block as JSON, from `json`, the answer of an untrusted server to `eth_getBlockReceipts`: what the
    /// block's receipts root and the block itself prove.
    ///
    /// # Errors
    /// `{code, message, remedy}`: `bad_request`, `no_block`, `bad_proof`.
    pub fn receipts(&self, block_hash: &str, json: &str) -> Result<String, JsValue> {
        Ok(self.contents.borrow().receipts(block_hash, json)?)
    }

    /// The logs of those receipts as JSON in the form of `eth_getLogs`, all of them. It costs less than `receipts`, which recovers
    /// the sender of each transaction.
    ///
    /// # Errors
    /// As `receipts`.
    pub fn logs(&self, block_hash: &str, json: &str) -> Result<String, JsValue> {
        Ok(self.contents.borrow().logs(block_hash, json)?)
    }

    /// The kept blocks whose blooms do not exclude a filter of logs, as JSON: `[{number, hash}]`. `filter` is JSON: `{from, to, any}` with
    /// two numbers of the chain, or `{hash, any}`; `any` has for each position of the filter the addresses or topics of which one must
    /// be there.
    ///
    /// # Errors
    /// `{code, message, remedy}`: `bad_request`, `no_block`.
    pub fn matching(&self, filter: &str) -> Result<String, JsValue> {
        Ok(self.contents.borrow().matching(filter)?)
    }

    /// An account after a kept block as JSON, `{balance, nonce, codeHash, storageHash, storage: [{key, value}]}`, from `json`, the
    /// answer of an untrusted server to `eth_getProof` for the slots `keys` (a JSON array). All of it is proven by the block's state
    /// root, also that the account or a value does not exist.
    ///
    /// # Errors
    /// `{code, message, remedy}`: `bad_request`, `no_block`, `bad_proof`.
    pub fn account(&self, block_hash: &str, address: &str, keys: &str, json: &str) -> Result<String, JsValue> {
        Ok(self.contents.borrow().account(block_hash, address, keys, json)?)
    }

    /// Which blocks are kept, as JSON: `{from, to, blocks, bytes}`. `from` and `to` are the lowest and the highest number of the
    /// chain without a hole, null when there is none; `blocks` and `bytes` also count other branches.
    pub fn window(&self) -> String {
        self.contents.borrow().window()
    }
}

/// Keccak-256 of 0x-hex, as 0x-hex: the code of an account hashes to its proven `codeHash`.
///
/// # Errors
/// `{code, message, remedy}`: `bad_request`.
#[wasm_bindgen(js_name = hashOf)]
pub fn hash_of(hex: &str) -> Result<String, JsValue> {
    Ok(contents::hash_of(hex)?)
}
