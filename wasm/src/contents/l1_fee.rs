//! What a receipt says of the fee for L1, as op-geth's `eth_getBlockReceipts` does: it follows from the bytes that the sequencer signed.

use alloy_primitives::U256;
use op_alloy_consensus::OpTxEnvelope;
use petrel_core::{
    block::{EcotoneScalars, L1Attributes, L1Scalars},
    fork::Forks,
};

use super::{decoded::DecodedTransaction, json::Object, kept::KeptBlock};

/// Significant digits that op-geth writes of the scalar before Ecotone.
const DIGITS: u64 = 10_u64.pow(10);
/// From here on it would write an exponent.
const LARGE: u64 = 10_u64.pow(16);
const MILLION: u64 = 1_000_000;

/// The L1 attributes of a block, which its first transaction has. `None` when that is of another kind than the block's fork says.
pub(crate) fn attributes(block: &KeptBlock, forks: &Forks) -> Option<L1Attributes> {
    let first = DecodedTransaction::decode(block.payload.transactions().next()?)?;
    let OpTxEnvelope::Deposit(deposit) = &first.envelope else { return None };
    L1Attributes::read(&deposit.input, forks, block.payload.timestamp())
}

/// Adds the fields of a transaction whose bytes are `raw`; none for one that pays nothing for L1.
pub(crate) fn append(object: &mut Object<'_>, attributes: &L1Attributes, decoded: &DecodedTransaction, raw: &[u8]) {
    if matches!(decoded.envelope, OpTxEnvelope::Deposit(_) | OpTxEnvelope::PostExec(_)) {
        return;
    }
    let Some(paid) = attributes.fee(raw) else { return };
    object.quantity("l1GasPrice", attributes.base_fee);
    object.quantity("l1GasUsed", paid.gas_used);
    object.quantity("l1Fee", paid.fee);
    match &attributes.scalars {
        L1Scalars::Bedrock { scalar, .. } => {
            if let Some(scalar) = decimal(*scalar) {
                object.word("l1FeeScalar", &scalar);
            }
        }
        L1Scalars::Ecotone(scalars) => ecotone(object, scalars),
    }
    if let Some(footprint) = paid.da_footprint {
        object.quantity("blobGasUsed", footprint);
    }
}

fn ecotone(object: &mut Object<'_>, scalars: &EcotoneScalars) {
    object.quantity("l1BlobBaseFee", scalars.blob_base_fee);
    object.quantity("l1BaseFeeScalar", scalars.base_fee_scalar);
    object.quantity("l1BlobBaseFeeScalar", scalars.blob_base_fee_scalar);
    if let Some((scalar, constant)) = scalars.operator_fee {
        object.quantity("operatorFeeScalar", scalar);
        object.quantity("operatorFeeConstant", constant);
    }
    if let Some(scalar) = scalars.da_footprint_gas_scalar {
        object.quantity("daFootprintGasScalar", scalar);
    }
}

/// Millionths as a decimal number, as Go writes it with ten significant digits; `None` when these are too few, or when it would have
/// eleven digits before the point.
fn decimal(millionths: U256) -> Option<String> {
    let millionths = u64::try_from(millionths).ok().filter(|number| *number < LARGE)?;
    let mut digits = millionths;
    while digits != 0 && digits % 10 == 0 {
        digits /= 10;
    }
    if digits >= DIGITS {
        return None;
    }
    let text = match millionths {
        1..10 => format!("{millionths}e-06"),
        10..100 if digits < 10 => format!("{digits}e-05"),
        10..100 => format!("{}.{}e-05", digits / 10, digits % 10),
        _ => {
            let text = format!("{}.{:06}", millionths / MILLION, millionths % MILLION);
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
    };
    Some(text)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::U256;

    use super::decimal;

    #[test]
    fn a_scalar_is_written_as_go_writes_it() {
        // The output of Go's `new(big.Float).Quo(scalar, 1e6).String()`.
        let written = [
            (0_u64, "0"),
            (1, "1e-06"),
            (10, "1e-05"),
            (99, "9.9e-05"),
            (100, "0.0001"),
            (684_000, "0.684"),
            (1_000_000, "1"),
            (1_500_001, "1.500001"),
            (7_000_000, "7"),
            (10_000_000, "10"),
            (1_234_567_890_000_000, "1234567890"),
            (1_234_567_891, "1234.567891"),
        ];
        for (scalar, text) in written {
            assert_eq!(decimal(U256::from(scalar)).as_deref(), Some(text));
        }
        for unknown in [U256::MAX, U256::from(10_u64.pow(16)), U256::from(12_345_678_901_u64)] {
            assert_eq!(decimal(unknown), None);
        }
    }
}
