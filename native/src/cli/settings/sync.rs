//! Range sync and the store, from the flags.

use std::{num::NonZeroU32, time::Duration};

use petrel_core::{
    chain::{Cadence, Chain},
    config::{RequestLimits, SyncConfig},
};

use super::checker::FlagChecker;
use crate::{
    cli::{flags::SyncFlags, parse},
    store::StoreBudget,
    system::clock::unix_now,
};

impl FlagChecker {
    pub(super) fn sync(&mut self, flags: &SyncFlags, cadence: &Cadence) -> SyncConfig {
        let default = RequestLimits::default();
        let shortest = cadence.shortest_from(unix_now().saturating_mul(1000));
        let max_gap = parse::duration(&flags.max_gap).and_then(|time| holds_a_block(time, shortest));
        let max_gap = self.take("p2p.sync.max-gap", max_gap);
        let leaf_bytes = self.take("p2p.sync.leaf-bytes", parse::size(&flags.leaf_bytes).and_then(leaf_budget));
        SyncConfig {
            enabled: flags.req_resp,
            serve: true,
            static_only: flags.static_only,
            max_gap,
            limits: RequestLimits {
                // A limit from the operator is not adapted to the cadence.
                by_cadence: flags.limit.is_none() && flags.peer_limit.is_none(),
                all: flags.limit.as_deref().map_or(default.all, |text| self.take("p2p.sync.limit", parse::rate(text))),
                peer: flags
                    .peer_limit
                    .as_deref()
                    .map_or(default.peer, |text| self.take("p2p.sync.peer-limit", parse::rate(text))),
                leaf_bytes: NonZeroU32::new(leaf_bytes),
            },
        }
    }

    pub(super) fn budget(&mut self, flags: &SyncFlags, chain: Option<&Chain>) -> StoreBudget {
        let interval =
            chain.map_or(Duration::from_secs(2), |chain| chain.cadence.shortest_from(unix_now().saturating_mul(1000)));
        let blocks = self.take("store.blocks", blocks_of(flags.store_blocks.trim(), interval));
        let bytes = parse::size(&flags.store_bytes).and_then(|bytes| match bytes {
            0 => Err("0 has room for nothing; to store nothing give --store.blocks=0".to_owned()),
            bytes => Ok(bytes),
        });
        let bytes = self.take("store.bytes", bytes) as u64;
        StoreBudget { blocks, bytes }
    }
}

/// Bytes per second for all leaves: the largest block must be served within the timeout of a request.
fn leaf_budget(bytes: usize) -> Result<u32, String> {
    match u32::try_from(bytes) {
        Ok(bytes @ (0 | 0x10_0000..)) => Ok(bytes),
        _ => Err(format!("{bytes} bytes per second are not valid: give 1MiB to {} bytes, or 0 for no limit", u32::MAX)),
    }
}

/// The longest gap must span a block at least; 0 closes none.
fn holds_a_block(time: Duration, interval: Duration) -> Result<Duration, String> {
    if time < interval && !time.is_zero() {
        return Err(format!("shorter than the block interval of {interval:?}; 0 closes no gap"));
    }
    Ok(time)
}

/// A number of blocks, or the number that a time spans.
fn blocks_of(text: &str, interval: Duration) -> Result<u64, String> {
    if let Ok(blocks) = text.parse() {
        return Ok(blocks);
    }
    let invalid = |_| format!("{text:?}: expected a number of blocks, or the time that they span, for example 24h");
    let blocks = parse::duration(text).map_err(invalid)?.as_millis() / interval.as_millis().max(1);
    Ok(u64::try_from(blocks).unwrap_or(u64::MAX))
}
