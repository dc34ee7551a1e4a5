//! Upgrades: what the blocks of our signer show of the chain's schedule: forks that become active, an outdated
//! schedule, and topics that are no longer used.

use core::time::Duration;

use crate::{block::BlockInfo, chain::Chain, fork::Version, time::Now};

/// The forks and topics of the schedule, and mismatches with it. See the module.
#[derive(Debug)]
pub struct Upgrades {
    /// The timestamp of the latest head, Unix seconds.
    pub(super) head: Option<u64>,
    /// The fork that the schedule lacks and that was emitted last.
    pub(super) mismatch: Option<&'static str>,
    /// Blocks in a row that break Base's rule on a block's time.
    pub(super) off_schedule: u32,
    /// Topics to leave, and when, Unix seconds; the soonest last.
    pub(super) retiring: Vec<(u64, Version)>,
}

impl Upgrades {
    /// Number of blocks of our signer in a row that break the rule on a block's time after which the schedule must be
    /// wrong.
    pub(super) const OFF_SCHEDULE: u32 = 10;
    /// The name of the fork that blocks off the schedule indicate.
    pub(super) const OTHER_CADENCE: &str = "a fork that changes the cadence";

    /// After the head of an earlier run. Topics that are no longer used at `now` were never joined.
    pub(super) fn since(tip: Option<BlockInfo>, chain: &Chain, now: Now) -> Self {
        let retires = |version| chain.retired_at(version).map(|at| (at, version));
        let mut retiring: Vec<_> = chain.open_topics(now.secs()).filter_map(retires).collect();
        retiring.sort_by_key(|(at, _)| core::cmp::Reverse(*at));
        Self { head: tip.map(|tip| tip.timestamp), mismatch: None, off_schedule: 0, retiring }
    }

    /// The fork that the schedule lacks.
    pub(super) const fn mismatch(&self) -> Option<&'static str> {
        self.mismatch
    }

    /// When the next topic must be left (monotonic).
    pub(super) fn retires_at(&self, now: Now) -> Option<Duration> {
        let (at, _) = self.retiring.last()?;
        Some(now.mono.saturating_add(Duration::from_secs(*at).saturating_sub(now.unix)))
    }
}
