//! A transaction of a block, decoded. Its bytes are signed by the sequencer with the block, and may be anything: those that this
//! version does not know are `None`, and are shown as bytes.

use alloy_consensus::{SignableTransaction, Signed, Transaction as _};
use alloy_eips::eip2718::{Decodable2718 as _, Encodable2718 as _};
use alloy_primitives::{Address, B256, Signature as TransactionSignature, U256};
use op_alloy_consensus::OpTxEnvelope;
use petrel_core::sign::{self, Signature};

/// A decoded transaction, and who sent it.
#[derive(Debug)]
pub(crate) struct DecodedTransaction {
    /// Types 0, 1, 2, 4, 0x7e (deposit) and 0x7d (post-exec).
    pub(crate) envelope: OpTxEnvelope,
    /// The signer; of a deposit the sender that it states; of a post-exec transaction, which nobody signs, zero.
    pub(crate) from: Address,
}

impl DecodedTransaction {
    /// Decodes the bytes of one transaction. `None` when they are not exactly what such a transaction encodes to, or when no key
    /// fits the signature.
    pub(crate) fn decode(raw: &[u8]) -> Option<Self> {
        // A legacy transaction has no type byte in a block.
        raw.first().filter(|first| **first != 0)?;
        let envelope = OpTxEnvelope::decode_2718_exact(raw).ok()?;
        if envelope.encoded_2718() != raw {
            return None;
        }
        let from = sender(&envelope)?;
        Some(Self { envelope, from })
    }

    /// Wei that it pays for each gas in a block of this base fee.
    pub(crate) fn gas_price(&self, base_fee: U256) -> u128 {
        match &self.envelope {
            OpTxEnvelope::Legacy(signed) => signed.tx().gas_price,
            OpTxEnvelope::Eip2930(signed) => signed.tx().gas_price,
            OpTxEnvelope::Deposit(_) | OpTxEnvelope::PostExec(_) => 0,
            OpTxEnvelope::Eip1559(_) | OpTxEnvelope::Eip7702(_) => {
                let base_fee = u128::try_from(base_fee).unwrap_or(u128::MAX);
                let tip = self.envelope.max_priority_fee_per_gas().unwrap_or_default();
                base_fee.saturating_add(tip).min(self.envelope.max_fee_per_gas())
            }
        }
    }

    /// The recipient; `None` when it creates a contract, and of a post-exec transaction.
    pub(crate) fn to(&self) -> Option<Address> {
        match &self.envelope {
            OpTxEnvelope::PostExec(_) => None,
            other => other.to(),
        }
    }

    /// The address of the contract that it creates. A deposit's nonce is in its receipt.
    pub(crate) fn created(&self, deposit_nonce: Option<u64>) -> Option<Address> {
        let nonce = match &self.envelope {
            OpTxEnvelope::PostExec(_) => return None,
            OpTxEnvelope::Deposit(_) => deposit_nonce?,
            other => other.nonce(),
        };
        self.to().is_none().then(|| self.from.create(nonce))
    }
}

fn sender(envelope: &OpTxEnvelope) -> Option<Address> {
    match envelope {
        OpTxEnvelope::Legacy(signed) => signer(signed),
        OpTxEnvelope::Eip2930(signed) => signer(signed),
        OpTxEnvelope::Eip1559(signed) => signer(signed),
        OpTxEnvelope::Eip7702(signed) => signer(signed),
        OpTxEnvelope::Deposit(deposit) => Some(deposit.from),
        OpTxEnvelope::PostExec(transaction) => Some(transaction.signer_address()),
    }
}

fn signer<T: SignableTransaction<TransactionSignature>>(signed: &Signed<T>) -> Option<Address> {
    recovered(&signed.signature_hash(), signed.signature())
}

/// By the core's k256, of which the module has one.
fn recovered(hash: &B256, signature: &TransactionSignature) -> Option<Address> {
    let mut bytes = [0; Signature::LEN];
    let (scalars, v) = bytes.split_first_chunk_mut::<64>()?;
    let (r, s) = scalars.split_at_mut(32);
    r.copy_from_slice(&signature.r().to_be_bytes::<32>());
    s.copy_from_slice(&signature.s().to_be_bytes::<32>());
    *v.first_mut()? = u8::from(signature.v());
    sign::recover(hash, &Signature(bytes)).ok()
}
