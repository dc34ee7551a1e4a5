//! A block as `eth_getBlockByNumber` of op-geth gives it, and under `petrel` what this node knows of it.

use alloy_primitives::U256;
use petrel_core::{block::EMPTY_UNCLES, event::Via, hash::keccak_many};

use super::{
    json::{self, Object},
    kept::KeptBlock,
    request::TransactionForm,
    transaction,
};

/// What a block alone does not say.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BlockNews {
    /// Whether it is part of the chain.
    pub(crate) is_canonical: bool,
    /// The base fee of its child, where the chain's parameters are known.
    pub(crate) next_base_fee: Option<U256>,
}

/// The block as JSON.
pub(crate) fn json(block: &KeptBlock, news: BlockNews, form: TransactionForm) -> String {
    let mut out = String::new();
    Object::append(&mut out, |object| {
        bedrock_fields(object, block);
        later_fields(object, block);
        object.quantity("size", block.payload.rlp_size());
        transactions(object.key("transactions"), block, form);
        object.key("uncles").push_str("[]");
        Object::append(object.key("petrel"), |own| own_fields(own, block, news));
    });
    out
}

fn bedrock_fields(object: &mut Object<'_>, block: &KeptBlock) {
    let payload = &block.payload;
    object.quantity("number", payload.number());
    object.hex("hash", block.hash);
    object.hex("parentHash", payload.parent_hash());
    object.hex("sha3Uncles", EMPTY_UNCLES);
    object.hex("miner", payload.fee_recipient());
    object.hex("stateRoot", payload.state_root());
    object.hex("transactionsRoot", payload.transactions_root(keccak_many));
    object.hex("receiptsRoot", payload.receipts_root());
    object.hex("logsBloom", payload.logs_bloom());
    object.quantity("difficulty", 0_u8);
    object.quantity("gasLimit", payload.gas_limit());
    object.quantity("gasUsed", payload.gas_used());
    object.quantity("timestamp", payload.timestamp());
    object.hex("extraData", payload.extra_data());
    object.hex("mixHash", payload.prev_randao());
    object.hex("nonce", [0_u8; 8]);
    object.quantity("baseFeePerGas", payload.base_fee_per_gas());
}

/// What the block's fork has in addition.
fn later_fields(object: &mut Object<'_>, block: &KeptBlock) {
    let payload = &block.payload;
    if let Some(root) = payload.header_withdrawals_root(keccak_many) {
        object.hex("withdrawalsRoot", root);
        // A valid block lists none.
        object.key("withdrawals").push_str("[]");
    }
    if let (Some(used), Some(excess)) = (payload.blob_gas_used(), payload.excess_blob_gas()) {
        object.quantity("blobGasUsed", used);
        object.quantity("excessBlobGas", excess);
    }
    if let Some(root) = payload.parent_beacon_block_root() {
        object.hex("parentBeaconBlockRoot", root);
    }
    if let Some(hash) = payload.requests_hash() {
        object.hex("requestsHash", hash);
    }
}

fn transactions(out: &mut String, block: &KeptBlock, form: TransactionForm) {
    let raw = block.payload.transactions();
    match form {
        TransactionForm::Hashes => {
            json::array(out, block.transaction_hashes(), |out, hash| json::hex(out, hash.as_slice()))
        }
        TransactionForm::Raw => json::array(out, raw, json::hex),
        TransactionForm::Full => {
            json::array(out, raw.enumerate(), |out, (index, raw)| transaction::append(out, block, index, raw));
        }
    }
}

fn own_fields(own: &mut Object<'_>, block: &KeptBlock, news: BlockNews) {
    own.number("timestampMs", block.timestamp_ms);
    own.number("bytes", block.bytes as u64);
    own.word("version", &block.payload.version().to_string());
    own.hex_or_null("signer", block.signer);
    own.word("via", via(block.via));
    own.flag("canonical", news.is_canonical);
    match news.next_base_fee {
        Some(fee) => own.quantity("nextBaseFee", fee),
        None => own.key("nextBaseFee").push_str("null"),
    }
}

/// As in the event `block`.
const fn via(via: Via) -> &'static str {
    match via {
        Via::Gossip => "gossip",
        Via::Local => "local",
        Via::Sync => "sync",
    }
}

#[cfg(test)]
mod tests;
