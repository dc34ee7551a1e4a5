//! The receipts of a block, of which an untrusted RPC server's `eth_getBlockReceipts` gives what the block does not say: whether each
//! transaction succeeded, its gas and its logs. They are encoded anew, and the root over them must be the block's receipts root.
//!
//! Bounds: 64 MiB of JSON, which takes about as much memory when it is parsed; as many receipts as the block has transactions, and
//! four topics a log.

use alloy_primitives::{Address, B256, Bloom, Bytes};
use petrel_core::{
    block::{DEPOSIT, DepositReceipt, MAX_TOPICS, Receipt, ReceiptLog, ordered_root, transaction_type},
    hash::keccak_many,
};
use serde::Deserialize;

use super::{
    answer::{self, Quantity, bad_proof},
    kept::KeptBlock,
};
use crate::error::Error;

/// Maximum length of an answer, bytes. A block with 60 million gas of logs makes 20 MB of JSON (8 gas for each byte of data).
const MAX_JSON: usize = 64 << 20;

/// A receipt that the block's receipts root commits to.
#[derive(Debug)]
pub(crate) struct ProvenReceipt {
    pub(crate) receipt: Receipt,
    /// The bloom filter of its logs.
    pub(crate) bloom: Bloom,
    /// Gas that the transaction used.
    pub(crate) gas_used: u64,
    /// The number of logs in the block before its own.
    pub(crate) logs_before: usize,
}

/// What is read of a receipt; the rest of it follows from the block, or cannot be proven.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptAnswer {
    status: Quantity,
    cumulative_gas_used: Quantity,
    logs: Vec<LogAnswer>,
    deposit_nonce: Option<Quantity>,
    deposit_receipt_version: Option<Quantity>,
}

#[derive(Deserialize)]
struct LogAnswer {
    address: Address,
    topics: Vec<B256>,
    data: Bytes,
}

/// The receipts of a block, proven by its receipts root.
///
/// # Errors
/// `bad_proof`.
pub(crate) fn prove(block: &KeptBlock, json: &str) -> Result<Vec<ProvenReceipt>, Error> {
    let answers: Vec<ReceiptAnswer> = answer::read("the receipts", json, MAX_JSON)?;
    let transactions = block.payload.transactions();
    if answers.len() != transactions.len() {
        return Err(bad_proof(format!(
            "{} receipts for a block of {} transactions",
            answers.len(),
            transactions.len()
        )));
    }
    let mut receipts = Vec::with_capacity(answers.len());
    let mut encoded = Vec::with_capacity(answers.len());
    for (index, (answer, transaction)) in answers.into_iter().zip(transactions).enumerate() {
        let receipt = answer
            .receipt(transaction_type(transaction))
            .map_err(|what| bad_proof(format!("receipt {index} has {what}")))?;
        let bloom = receipt.logs_bloom();
        encoded.push(receipt.encode(&bloom));
        receipts.push((receipt, bloom));
    }
    let root = ordered_root(encoded.iter().map(Vec::as_slice), keccak_many);
    let expected = block.payload.receipts_root();
    if root != expected {
        return Err(bad_proof(format!("the receipts have the root {root}, the block has {expected}")));
    }
    Ok(derived(receipts))
}

/// With what follows from the receipts before each.
fn derived(receipts: Vec<(Receipt, Bloom)>) -> Vec<ProvenReceipt> {
    let (mut gas, mut logs) = (0, 0);
    let proven = receipts.into_iter().map(|(receipt, bloom)| {
        // What the sequencer signed may even fall.
        let gas_used = receipt.cumulative_gas_used.saturating_sub(gas);
        let logs_before = logs;
        gas = receipt.cumulative_gas_used;
        logs += receipt.logs.len();
        ProvenReceipt { receipt, bloom, gas_used, logs_before }
    });
    proven.collect()
}

impl ReceiptAnswer {
    /// The receipt of a transaction of this type, or what makes it none.
    fn receipt(self, transaction_type: u8) -> Result<Receipt, &'static str> {
        let succeeded = match self.status.0 {
            0 => false,
            1 => true,
            _ => return Err("a status that is neither 0 nor 1"),
        };
        if self.logs.iter().any(|log| log.topics.len() > MAX_TOPICS) {
            return Err("a log of more than four topics");
        }
        // Before Canyon there is no version, and the root does not commit to the nonce.
        let deposit = match (self.deposit_nonce, self.deposit_receipt_version) {
            (Some(nonce), Some(version)) if transaction_type == DEPOSIT => {
                Some(DepositReceipt { nonce: nonce.0, version: version.0 })
            }
            _ => None,
        };
        let logs = self.logs.into_iter().map(LogAnswer::log).collect();
        Ok(Receipt { transaction_type, succeeded, cumulative_gas_used: self.cumulative_gas_used.0, logs, deposit })
    }
}

impl LogAnswer {
    fn log(self) -> ReceiptLog {
        ReceiptLog { address: self.address, topics: self.topics, data: self.data }
    }
}

#[cfg(test)]
mod tests;
