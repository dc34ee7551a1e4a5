//! What an earlier run persisted, checked against the clock.

use core::time::Duration;

use petrel_core::{block::BlockInfo, chain::Chain, time::Now, unsafe_chain::IntervalEstimator, validation};

/// Drops blocks that are not due yet at `now`: their timestamps are wrong, or this device's clock was. A chain that is faster
/// than its configuration says may have more blocks than are due: the observed interval shows it.
pub(crate) fn drop_future(blocks: &mut Vec<BlockInfo>, chain: &Chain, now: Now) {
    let latest = now.plus(Duration::from_secs(validation::FUTURE)).millis();
    blocks.retain(|block| block.timestamp_ms <= latest);
    let observed = IntervalEstimator::new(chain.cadence.clone(), blocks).observed();
    if observed.is_none_or(|observed| observed >= chain.cadence.interval_at(latest)) {
        let due = chain.cadence.number_at(latest).unwrap_or_default();
        blocks.retain(|block| block.number <= due);
    }
}
