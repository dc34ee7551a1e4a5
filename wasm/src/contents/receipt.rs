//! Proven receipts as `eth_getBlockReceipts` of op-geth gives them, and their logs as `eth_getLogs` gives them.

use petrel_core::{
    block::{L1Attributes, ReceiptLog, transaction_type},
    fork::Forks,
};

use super::{
    decoded::DecodedTransaction,
    json::{self, Object},
    kept::KeptBlock,
    l1_fee,
    receipts::ProvenReceipt,
};

/// The receipts as JSON.
pub(crate) fn json(block: &KeptBlock, receipts: &[ProvenReceipt], forks: &Forks) -> String {
    let attributes = l1_fee::attributes(block, forks);
    let mut out = String::new();
    let with_transactions = receipts.iter().zip(block.payload.transactions()).enumerate();
    json::array(&mut out, with_transactions, |out, (index, (proven, raw))| {
        Object::append(out, |object| {
            proven_fields(object, block, index, proven);
            transaction_fields(object, block, raw, (proven, attributes.as_ref()));
        });
    });
    out
}

/// The logs of all receipts as JSON. No signature is recovered.
pub(crate) fn logs_json(block: &KeptBlock, receipts: &[ProvenReceipt]) -> String {
    let mut out = String::new();
    let logs = receipts.iter().enumerate().flat_map(|(index, proven)| {
        let numbered = (proven.logs_before..).zip(&proven.receipt.logs);
        numbered.map(move |(log_index, log)| (index, log_index, log))
    });
    json::array(&mut out, logs, |out, (index, log_index, log)| append_log(out, block, index, log_index, log));
    out
}

fn proven_fields(object: &mut Object<'_>, block: &KeptBlock, index: usize, proven: &ProvenReceipt) {
    let receipt = &proven.receipt;
    place(object, block, index);
    object.quantity("type", receipt.transaction_type);
    object.quantity("status", u8::from(receipt.succeeded));
    object.quantity("cumulativeGasUsed", receipt.cumulative_gas_used);
    object.quantity("gasUsed", proven.gas_used);
    object.hex("logsBloom", proven.bloom);
    let logs = (proven.logs_before..).zip(&receipt.logs);
    json::array(object.key("logs"), logs, |out, (log_index, log)| append_log(out, block, index, log_index, log));
    if let Some(deposit) = receipt.deposit {
        object.quantity("depositNonce", deposit.nonce);
        object.quantity("depositReceiptVersion", deposit.version);
    }
}

/// What follows from the transaction; of one that cannot be decoded only its type is known.
fn transaction_fields(
    object: &mut Object<'_>,
    block: &KeptBlock,
    raw: &[u8],
    (proven, attributes): (&ProvenReceipt, Option<&L1Attributes>),
) {
    debug_assert_eq!(transaction_type(raw), proven.receipt.transaction_type, "the receipt is of this transaction");
    if let Some(decoded) = DecodedTransaction::decode(raw) {
        object.hex("from", decoded.from);
        object.hex_or_null("to", decoded.to());
        object.hex_or_null("contractAddress", decoded.created(proven.receipt.deposit.map(|deposit| deposit.nonce)));
        object.quantity("effectiveGasPrice", decoded.gas_price(block.payload.base_fee_per_gas()));
        if let Some(attributes) = attributes {
            l1_fee::append(object, attributes, &decoded, raw);
        }
    }
}

fn place(object: &mut Object<'_>, block: &KeptBlock, index: usize) {
    object.hex_or_null("transactionHash", block.transaction_hashes().get(index));
    object.quantity("transactionIndex", index);
    object.hex("blockHash", block.hash);
    object.quantity("blockNumber", block.payload.number());
}

fn append_log(out: &mut String, block: &KeptBlock, index: usize, log_index: usize, log: &ReceiptLog) {
    Object::append(out, |object| {
        object.hex("address", log.address);
        json::array(object.key("topics"), &log.topics, |out, topic| json::hex(out, topic.as_slice()));
        object.hex("data", &log.data);
        place(object, block, index);
        object.quantity("blockTimestamp", block.payload.timestamp());
        object.quantity("logIndex", log_index);
        // A log of a block that is no longer of the chain is told by the block's hash.
        object.flag("removed", false);
    });
}
