//! The base fee of the next block (EIP-1559), with the OP Stack's parameters.
//!
//! Source: op-geth `consensus/misc/eip1559`. Since Holocene a block's extra data has the parameters for its child: a version, the
//! denominator, the elasticity, and since Jovian the least base fee. Before it they are those of the chain.

use alloy_primitives::U256;

use super::Payload;
use crate::{
    chain::FeeParameters,
    fork::{Fork, Forks},
};

/// The length of extra data: since Holocene, and since Jovian.
const HOLOCENE: usize = 9;
const JOVIAN: usize = 17;

/// What decides how fast the base fee changes.
struct ChangeRate {
    denominator: u64,
    elasticity: u64,
    least: u64,
    /// Gas that counts as used.
    used: u64,
}

impl Payload {
    /// The base fee of this block's child, wei per gas. `None` before Holocene when the chain's parameters are not known, and when the
    /// extra data has none.
    pub fn next_base_fee(&self, forks: &Forks, of_chain: Option<&FeeParameters>) -> Option<U256> {
        let ChangeRate { denominator, elasticity, least, used } = self.parameters(forks, of_chain)?;
        let target = self.gas_limit().checked_div(elasticity).filter(|target| *target > 0 && denominator > 0)?;
        let fee = self.base_fee_per_gas();
        let delta = fee.checked_mul(U256::from(used.abs_diff(target)))? / U256::from(target) / U256::from(denominator);
        let next = match used.cmp(&target) {
            core::cmp::Ordering::Equal => fee,
            core::cmp::Ordering::Greater => fee.checked_add(delta.max(U256::ONE))?,
            core::cmp::Ordering::Less => fee.saturating_sub(delta),
        };
        Some(next.max(U256::from(least)))
    }

    fn parameters(&self, forks: &Forks, of_chain: Option<&FeeParameters>) -> Option<ChangeRate> {
        let (extra, used) = (self.extra_data(), self.gas_used());
        let number = |at: usize| extra.get(at..).and_then(|rest| rest.first_chunk()).copied().map(u32::from_be_bytes);
        match extra.len() {
            HOLOCENE | JOVIAN => {
                let least = extra.get(HOLOCENE..).and_then(|rest| rest.first_chunk()).copied().map(u64::from_be_bytes);
                // Since Jovian the DA footprint counts when it is more.
                let footprint = self.blob_gas_used().filter(|_| least.is_some()).unwrap_or_default();
                Some(ChangeRate {
                    denominator: number(1)?.into(),
                    elasticity: number(5)?.into(),
                    least: least.unwrap_or_default(),
                    used: used.max(footprint),
                })
            }
            0 => {
                let of_chain = of_chain?;
                // As op-geth's fee history does: the child is at least a second later.
                let is_canyon = forks.active(Fork::Canyon, self.timestamp().saturating_add(1));
                let denominator = if is_canyon { of_chain.denominator_canyon } else { Some(of_chain.denominator) }?;
                Some(ChangeRate { denominator, elasticity: of_chain.elasticity, least: 0, used })
            }
            _ => None,
        }
    }
}
