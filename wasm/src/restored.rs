//! What an earlier run persisted, as far as it can be believed now.

use core::time::Duration;

use petrel_core::{block::BlockInfo, chain::Chain, time::Now, unsafe_chain::IntervalEstimator, validation};

/// Drops blocks that are not due yet at `now`: no chain is ahead of its own clock, so their signer is not to be believed, or
/// this device's clock was wrong. A chain that is faster than its configuration says may have more blocks than are due: the
/// observed interval shows it.
pub(crate) fn drop_future(kept: &mut Vec<BlockInfo>, chain: &Chain, now: Now) {
    let latest = now.plus(Duration::from_secs(validation::FUTURE)).millis();
    kept.retain(|block| block.timestamp_ms <= latest);
    let observed = IntervalEstimator::new(chain.cadence.clone(), kept).observed();
    if observed.is_none_or(|observed| observed >= chain.cadence.interval_at(latest)) {
        let due = chain.cadence.number_at(latest).unwrap_or_default();
        kept.retain(|block| block.number <= due);
    }
}
