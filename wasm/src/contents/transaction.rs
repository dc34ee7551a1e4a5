//! A transaction as `eth_getTransactionByHash` of op-geth gives it, without what is in the receipt: a deposit's nonce is 0.

use alloy_consensus::{Transaction as _, Typed2718 as _};
use alloy_eips::{eip2930::AccessList, eip7702::SignedAuthorization};
use alloy_primitives::Signature as TransactionSignature;
use op_alloy_consensus::OpTxEnvelope;
use petrel_core::block::transaction_type;

use super::{
    decoded::DecodedTransaction,
    json::{self, Object},
    kept::KeptBlock,
};

/// Appends the transaction `index` of a block, whose bytes are `raw`.
pub(crate) fn append(out: &mut String, block: &KeptBlock, index: usize, raw: &[u8]) {
    Object::append(out, |object| {
        place(object, block, index);
        match DecodedTransaction::decode(raw) {
            Some(decoded) => decoded_fields(object, block, &decoded),
            None => {
                object.quantity("type", transaction_type(raw));
                object.hex("raw", raw);
            }
        }
    });
}

/// Its hash, and where it is.
fn place(object: &mut Object<'_>, block: &KeptBlock, index: usize) {
    object.hex_or_null("hash", block.transaction_hashes().get(index));
    object.hex("blockHash", block.hash);
    object.quantity("blockNumber", block.payload.number());
    object.quantity("transactionIndex", index);
}

fn decoded_fields(object: &mut Object<'_>, block: &KeptBlock, decoded: &DecodedTransaction) {
    let envelope = &decoded.envelope;
    object.quantity("blockTimestamp", block.payload.timestamp());
    object.quantity("type", envelope.ty());
    object.hex("from", decoded.from);
    object.hex_or_null("to", decoded.to());
    object.quantity("nonce", if envelope.is_deposit() { 0 } else { envelope.nonce() });
    object.quantity("gas", envelope.gas_limit());
    object.quantity("gasPrice", decoded.gas_price(block.payload.base_fee_per_gas()));
    object.quantity("value", envelope.value());
    object.hex("input", envelope.input());
    match envelope {
        OpTxEnvelope::Legacy(signed) => {
            let chain = signed.tx().chain_id;
            if let Some(chain) = chain {
                object.quantity("chainId", chain);
            }
            scalars(object, legacy_v(signed.signature().v(), chain), Some(signed.signature()));
        }
        OpTxEnvelope::Deposit(deposit) => {
            object.hex("sourceHash", deposit.source_hash);
            // op-geth gives it for deposits that mint nothing too.
            object.quantity("mint", deposit.mint);
            if deposit.is_system_transaction {
                object.flag("isSystemTx", true);
            }
            scalars(object, 0, None);
        }
        OpTxEnvelope::PostExec(_) => scalars(object, 0, None),
        OpTxEnvelope::Eip2930(signed) => typed(object, envelope, signed.signature()),
        OpTxEnvelope::Eip1559(signed) => typed(object, envelope, signed.signature()),
        OpTxEnvelope::Eip7702(signed) => typed(object, envelope, signed.signature()),
    }
}

/// The fields of types 1, 2 and 4.
fn typed(object: &mut Object<'_>, envelope: &OpTxEnvelope, signature: &TransactionSignature) {
    if let Some(chain) = envelope.chain_id() {
        object.quantity("chainId", chain);
    }
    if let Some(tip) = envelope.max_priority_fee_per_gas() {
        object.quantity("maxPriorityFeePerGas", tip);
        object.quantity("maxFeePerGas", envelope.max_fee_per_gas());
    }
    if let Some(list) = envelope.access_list() {
        access_list(object.key("accessList"), list);
    }
    if let Some(authorizations) = envelope.authorization_list() {
        json::array(object.key("authorizationList"), authorizations, authorization);
    }
    let parity = u8::from(signature.v());
    scalars(object, parity.into(), Some(signature));
    object.quantity("yParity", parity);
}

fn access_list(out: &mut String, list: &AccessList) {
    json::array(out, &list.0, |out, item| {
        Object::append(out, |object| {
            object.hex("address", item.address);
            json::array(object.key("storageKeys"), &item.storage_keys, |out, key| json::hex(out, key.as_slice()));
        });
    });
}

fn authorization(out: &mut String, signed: &SignedAuthorization) {
    Object::append(out, |object| {
        object.quantity("chainId", signed.chain_id());
        object.hex("address", signed.address());
        object.quantity("nonce", signed.nonce());
        object.quantity("yParity", signed.y_parity());
        object.quantity("r", signed.r());
        object.quantity("s", signed.s());
    });
}

fn scalars(object: &mut Object<'_>, v: u128, signature: Option<&TransactionSignature>) {
    object.quantity("v", v);
    object.quantity("r", signature.map(TransactionSignature::r).unwrap_or_default());
    object.quantity("s", signature.map(TransactionSignature::s).unwrap_or_default());
}

/// `v` of a legacy signature (EIP-155).
const fn legacy_v(is_odd: bool, chain: Option<u64>) -> u128 {
    let parity = is_odd as u128;
    match chain {
        Some(chain) => 35 + 2 * chain as u128 + parity,
        None => 27 + parity,
    }
}

#[cfg(test)]
mod tests;
