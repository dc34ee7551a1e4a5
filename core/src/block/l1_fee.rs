//! What a transaction pays for its bytes on L1, as its receipt says it: it follows from the block's first transaction, the deposit of the
//! L1 attributes, and from the transaction's own bytes.
//!
//! Source: op-geth `core/types/rollup_cost.go` and `receipt_opstack.go`. Numbers are checked: a fee that 256 bits do not hold is none.

use alloy_primitives::{B256, U256};

use super::fastlz::fastlz_length;
use crate::fork::{Fork, Forks};

/// The first bytes of the calldata: Bedrock's function of the L1Block contract, and those that Ecotone, Isthmus and Jovian brought.
const BEDROCK: [u8; 4] = [0x01, 0x5d, 0x8e, 0xb9];
const ECOTONE: [u8; 4] = [0x44, 0x0a, 0x5e, 0x20];
const ISTHMUS: [u8; 4] = [0x09, 0x89, 0x99, 0xbe];
const JOVIAN: [u8; 4] = [0x3d, 0xb6, 0xbe, 0x2b];
/// Bytes of the calldata: Bedrock's eight words, and the packed fields of the later ones.
const BEDROCK_LENGTH: usize = 4 + 8 * 32;
const ECOTONE_LENGTH: usize = 164;
const ISTHMUS_LENGTH: usize = 176;

/// Gas of a byte of calldata on L1: of a zero, and of any other (EIP-2028).
const ZERO_GAS: u64 = 4;
const OTHER_GAS: u64 = 16;
/// Bytes that op-geth adds before Regolith, for the signature.
const SIGNATURE: u64 = 68;
/// Fjord's estimate of a transaction's compressed length, in millionths of a byte: at least 100 bytes.
const INTERCEPT: u64 = 42_585_600;
const COEFFICIENT: u64 = 836_500;
const LEAST: u64 = 100_000_000;
const MILLION: u64 = 1_000_000;

/// The L1 attributes of a block, as far as fees follow from them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct L1Attributes {
    /// The base fee of L1, wei per gas.
    pub base_fee: U256,
    /// The rest of them.
    pub scalars: L1Scalars,
}

/// By what the base fee is multiplied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum L1Scalars {
    /// Before Ecotone, and in its first block.
    Bedrock {
        /// Gas that is added for each transaction.
        overhead: U256,
        /// Millionths.
        scalar: U256,
        /// Whether Regolith is active.
        is_regolith: bool,
    },
    /// From Ecotone on.
    Ecotone(EcotoneScalars),
}

/// From Ecotone on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcotoneScalars {
    /// Of the base fee, millionths.
    pub base_fee_scalar: u32,
    /// The base fee of L1's blobs, wei per gas.
    pub blob_base_fee: U256,
    /// Of the blobs' base fee, millionths.
    pub blob_base_fee_scalar: u32,
    /// Whether Fjord is active, which estimates the length that the transaction has when it is compressed.
    pub is_fjord: bool,
    /// From Isthmus on: the scalar of the operator fee, and its constant. `None` when both are 0.
    pub operator_fee: Option<(u32, u64)>,
    /// From Jovian on: gas of a byte in the DA footprint.
    pub da_footprint_gas_scalar: Option<u16>,
}

/// What one transaction pays for L1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L1Fee {
    /// Wei, without the operator fee.
    pub fee: U256,
    /// Gas on L1.
    pub gas_used: U256,
    /// From Jovian on: its part of the block's DA footprint, gas.
    pub da_footprint: Option<u64>,
}

impl L1Attributes {
    /// Reads the calldata of the first transaction of a block of this timestamp (Unix seconds). `None` when it is not what the block's
    /// fork has there.
    pub fn read(calldata: &[u8], forks: &Forks, timestamp: u64) -> Option<Self> {
        let is_active = |fork| forks.active(fork, timestamp);
        let selector: [u8; 4] = *calldata.first_chunk()?;
        // The first block of a fork still has the function of the one before.
        match selector {
            ISTHMUS | JOVIAN if is_active(Fork::Isthmus) => {
                let operator_fee = (number::<4>(calldata, 164)? as u32, number::<8>(calldata, 168)?);
                let da_footprint_gas_scalar = match is_active(Fork::Jovian) {
                    true if selector == JOVIAN => Some(number::<2>(calldata, ISTHMUS_LENGTH)? as u16),
                    true => return None,
                    false => None,
                };
                let operator_fee = Some(operator_fee).filter(|fee| *fee != (0, 0));
                Self::packed(calldata, true, operator_fee, da_footprint_gas_scalar)
            }
            ECOTONE if is_active(Fork::Ecotone) && !is_active(Fork::Jovian) && calldata.len() == ECOTONE_LENGTH => {
                Self::packed(calldata, is_active(Fork::Fjord), None, None)
            }
            BEDROCK if !is_active(Fork::Jovian) && calldata.len() >= BEDROCK_LENGTH => {
                let argument = |index: usize| word(calldata, 4 + index * 32);
                let is_regolith = is_active(Fork::Regolith);
                let scalars = L1Scalars::Bedrock { overhead: argument(6)?, scalar: argument(7)?, is_regolith };
                Some(Self { base_fee: argument(2)?, scalars })
            }
            _ => None,
        }
    }

    fn packed(
        calldata: &[u8],
        is_fjord: bool,
        operator_fee: Option<(u32, u64)>,
        da_footprint_gas_scalar: Option<u16>,
    ) -> Option<Self> {
        let scalars = EcotoneScalars {
            base_fee_scalar: number::<4>(calldata, 4)? as u32,
            blob_base_fee: word(calldata, 68)?,
            blob_base_fee_scalar: number::<4>(calldata, 8)? as u32,
            is_fjord,
            operator_fee,
            da_footprint_gas_scalar,
        };
        Some(Self { base_fee: word(calldata, 36)?, scalars: L1Scalars::Ecotone(scalars) })
    }

    /// What a transaction pays that is no deposit; `raw` is as in the block.
    pub fn fee(&self, raw: &[u8]) -> Option<L1Fee> {
        match &self.scalars {
            L1Scalars::Bedrock { overhead, scalar, is_regolith } => {
                let signature = if *is_regolith { 0 } else { SIGNATURE * OTHER_GAS };
                let gas_used = U256::from(calldata_gas(raw) + signature).checked_add(*overhead)?;
                let fee = gas_used.checked_mul(self.base_fee)?.checked_mul(*scalar)? / U256::from(MILLION);
                Some(L1Fee { fee, gas_used, da_footprint: None })
            }
            L1Scalars::Ecotone(scalars) => self.ecotone_fee(raw, scalars),
        }
    }

    fn ecotone_fee(&self, raw: &[u8], scalars: &EcotoneScalars) -> Option<L1Fee> {
        let calldata = self.base_fee.checked_mul(U256::from(u64::from(scalars.base_fee_scalar) * OTHER_GAS))?;
        let blob = scalars.blob_base_fee.checked_mul(U256::from(scalars.blob_base_fee_scalar))?;
        let price = calldata.checked_add(blob)?;
        if !scalars.is_fjord {
            let gas = U256::from(calldata_gas(raw));
            let fee = price.checked_mul(gas)? / U256::from(MILLION * OTHER_GAS);
            return Some(L1Fee { fee, gas_used: gas, da_footprint: None });
        }
        let length = estimated_length(raw);
        let fee = price.checked_mul(U256::from(length))? / U256::from(MILLION * MILLION);
        let gas_used = U256::from(u128::from(length) * u128::from(OTHER_GAS) / u128::from(MILLION));
        let da_footprint = scalars.da_footprint_gas_scalar.map(|scalar| length / MILLION * u64::from(scalar));
        Some(L1Fee { fee, gas_used, da_footprint })
    }
}

/// Millionths of a byte.
fn estimated_length(raw: &[u8]) -> u64 {
    let length = COEFFICIENT.saturating_mul(fastlz_length(raw) as u64);
    length.saturating_sub(INTERCEPT).max(LEAST)
}

fn calldata_gas(raw: &[u8]) -> u64 {
    raw.iter().map(|byte| if *byte == 0 { ZERO_GAS } else { OTHER_GAS }).sum()
}

fn word(calldata: &[u8], at: usize) -> Option<U256> {
    let bytes: &[u8; 32] = calldata.get(at..)?.first_chunk()?;
    Some(B256::from(bytes).into())
}

/// A big-endian number of at most eight bytes.
fn number<const N: usize>(calldata: &[u8], at: usize) -> Option<u64> {
    let bytes: &[u8; N] = calldata.get(at..)?.first_chunk()?;
    Some(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
