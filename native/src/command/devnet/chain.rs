//! The devnet's chain: its genesis is now, its forks follow the schedule.

use std::time::Duration;

use alloy_primitives::{Address, keccak256};
use petrel_core::{
    chain::{Cadence, CadenceError, Chain, Genesis, Origin, Subsecond},
    fork::{CarriedFork, Family, Fork, Forks},
};

use super::{
    settings::DevnetSettings,
    upgrade::{DENIM_INTERVAL, NetworkUpgrade},
};
use crate::system::clock::unix_now;

/// A chain id that no public chain has.
const CHAIN_ID: u64 = 9_022_110;
/// An L1 chain id that no public chain has.
const L1_CHAIN_ID: u64 = 900;
impl DevnetSettings {
    /// A chain with this signer, whose first block is due one interval from now.
    ///
    /// # Errors
    /// The schedule is not a valid cadence.
    pub fn chain(&self, signer: Address) -> Result<Chain, CadenceError> {
        let now = unix_now();
        let forks = forks(&self.schedule, now, self.interval);
        let mut cadence = Cadence::constant(0, now, self.interval)?;
        let denim = forks.base(Family::DENIM);
        if let Some(denim) = denim {
            cadence = cadence.then(denim.saturating_mul(1000), DENIM_INTERVAL)?;
        }
        let has_millis = denim.is_none() && self.interval.subsec_nanos() != 0;
        Ok(Chain {
            id: CHAIN_ID,
            name: "devnet".to_owned(),
            slug: None,
            l1: Some(L1_CHAIN_ID),
            cadence,
            subsecond: if has_millis { Subsecond::MixDigest } else { Subsecond::BaseTime },
            certain: true,
            genesis: Genesis { number: 0, hash: keccak256(signer), time: now },
            forks,
            signer: Some(signer),
            system_config: None,
            fees: None,
            origin: Origin::Rollup,
        })
    }
}

/// An upgrade of the schedule includes all earlier ones; an upgrade that is active from the start is active at time 0.
fn forks(schedule: &[(NetworkUpgrade, u64)], genesis: u64, interval: Duration) -> Forks {
    let mut forks = Forks::none();
    for (upgrade, block) in schedule.iter().rev() {
        let since =
            Duration::from_millis(u64::try_from(interval.as_millis()).unwrap_or(u64::MAX).saturating_mul(*block));
        let since = since.as_secs() + u64::from(since.subsec_nanos() > 0);
        let time = if *block == 0 { 0 } else { genesis.saturating_add(since) };
        for earlier in Fork::TIMED.into_iter().filter(|earlier| *earlier <= upgrade.fork()) {
            forks.set(earlier, Some(time));
        }
        if let NetworkUpgrade::Base(place) = upgrade {
            for name in Family::OF_BASE.iter().take(place + 1) {
                // There are fewer than the limit of carried forks.
                let _carried = forks.carry(CarriedFork { name: (*name).to_owned(), time, family: Family::Base });
            }
        }
    }
    forks
}
