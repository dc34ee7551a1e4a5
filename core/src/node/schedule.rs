//! The chain's schedule and pace as its own blocks show them: forks that become active, a schedule that is out of date, topics
//! whose time is over.

use core::time::Duration;

use super::{Node, Output, max_gap};
use crate::{
    block::{Block, Payload},
    chain::Chain,
    event::{Event, ForkActive, ScheduleMismatch},
    fork::Version,
    gossip::Verified,
    head::Link,
    time::Now,
};

/// What our signer's blocks have shown.
#[derive(Debug)]
pub(super) struct Upgrades {
    /// The timestamp of the latest head, Unix seconds.
    head: Option<u64>,
    /// The fork that the schedule lacks, as it was told last.
    mismatch: Option<&'static str>,
    /// Blocks in a row that break Base's rule on a block's time.
    off_schedule: u32,
    /// Topics that are left, and when, Unix seconds; the soonest last.
    retiring: Vec<(u64, Version)>,
}

impl Upgrades {
    /// So many blocks of our signer in a row that break the rule on a block's time: not they are wrong, but the schedule.
    const OFF_SCHEDULE: u32 = 10;
    /// The fork that blocks off the schedule look like.
    const OTHER_CADENCE: &str = "a fork that changes the cadence";

    /// After a head of an earlier run. Topics that are over at `now` were never joined.
    pub(super) fn since(tip: Option<Link>, chain: &Chain, now: Now) -> Self {
        let retires = |version| chain.retired_at(version).map(|at| (at, version));
        let mut retiring: Vec<_> = chain.open_topics(now.secs()).filter_map(retires).collect();
        retiring.sort_by_key(|(at, _)| core::cmp::Reverse(*at));
        Self { head: tip.map(|tip| tip.timestamp), mismatch: None, off_schedule: 0, retiring }
    }

    /// The fork that the schedule lacks.
    pub(super) const fn mismatch(&self) -> Option<&'static str> {
        self.mismatch
    }

    /// When the next topic is left (monotonic).
    pub(super) fn retires_at(&self, now: Now) -> Option<Duration> {
        let (at, _) = self.retiring.last()?;
        Some(now.mono.saturating_add(Duration::from_secs(*at).saturating_sub(now.unix)))
    }
}

impl Node {
    /// A block was verified: the limits that are meant as times follow its pace.
    pub(super) fn verified(&mut self, now: Now, link: Link) {
        self.pace.verified(link);
        self.keep_pace(now);
    }

    pub(super) fn keep_pace(&mut self, now: Now) {
        let (interval, limits) = (self.pace.interval(now), self.config.sync.limits);
        self.head.set_max_gap(max_gap(&self.config, interval));
        let factor = limits.factor(interval);
        if factor > self.factor {
            self.factor = factor;
            self.sync.set_factor(factor, now.mono);
            self.server.set_limits(limits.times(factor), now.mono);
        }
    }

    /// What of a verified block contradicts the schedule is told, once for each fork.
    pub(super) fn heed_schedule(&mut self, block: &Verified<Block>) {
        self.upgrades.off_schedule = 0;
        let Some(fork) = self.schedule.contradicts(&block.payload) else { return };
        self.mismatches(fork, block.payload.number(), block.payload.timestamp());
    }

    /// A block of our signer breaks Base's rule on a block's time. When all of them do it is the schedule that is wrong: the rule
    /// is dropped, and the chain is followed.
    pub(super) fn is_off_schedule(&mut self, head: Option<Link>) {
        self.upgrades.off_schedule += 1;
        if self.upgrades.off_schedule >= Upgrades::OFF_SCHEDULE {
            self.schedule = self.schedule.uncertain().into();
            let (number, timestamp) = head.map_or((0, 0), |head| (head.number + 1, head.timestamp));
            self.mismatches(Upgrades::OTHER_CADENCE, number, timestamp);
        }
    }

    fn mismatches(&mut self, fork: &'static str, number: u64, timestamp: u64) {
        if self.upgrades.mismatch == Some(fork) {
            return;
        }
        self.upgrades.mismatch = Some(fork);
        let remedy = format!(
            "the chain has {fork}, and the configured schedule does not: its blocks are followed; give a rollup.json or a \
             preset that has it, or use a newer version"
        );
        self.tell(Event::ScheduleMismatch(ScheduleMismatch { number, timestamp, fork, remedy }));
    }

    /// The head moved: the forks of the schedule that are active from it on.
    pub(super) fn activate(&mut self, number: u64, timestamp: u64) {
        let Some(before) = self.upgrades.head.replace(timestamp) else { return };
        let scheduled = self.config.chain.forks.scheduled();
        let active = scheduled.into_iter().filter(|(_, time)| (before + 1..=timestamp).contains(time));
        let told: Vec<_> = active.map(|(name, time)| ForkActive { number, time, name: name.to_owned() }).collect();
        told.into_iter().for_each(|fork| self.tell(Event::Fork(fork)));
    }

    /// Leaves the topics whose time is over.
    pub(super) fn leave_topics(&mut self, now: Now) {
        while let Some((_, version)) = self.upgrades.retiring.pop_if(|(at, _)| *at <= now.secs()) {
            self.outputs.push_back(Output::Leave { version });
        }
    }

    /// A verified block's link.
    pub(super) fn link(&self, hash: alloy_primitives::B256, payload: &Payload) -> Link {
        Link {
            number: payload.number(),
            hash,
            parent: payload.parent_hash(),
            timestamp: payload.timestamp(),
            timestamp_ms: payload.timestamp_ms(self.config.chain.subsecond),
        }
    }
}
