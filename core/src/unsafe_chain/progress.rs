//! Forks and topics: what the chain's blocks show of its schedule. See [`Upgrades`].

use super::{ChainOutput, UnsafeChain, upgrades::Upgrades};
use crate::{
    block::{Block, Verified},
    event::{Event, ForkActive, ScheduleMismatch},
    time::Now,
};

impl UnsafeChain {
    /// Emits a schedule mismatch when a verified block contradicts the schedule, once for each fork.
    pub(super) fn check_schedule(&mut self, block: &Verified<Block>) {
        self.upgrades.off_schedule = 0;
        let Some(fork) = self.schedule.contradicts(&block.payload) else { return };
        self.emit_mismatch(fork, block.payload.number(), block.payload.timestamp());
    }

    /// A block of our signer breaks Base's rule on a block's time. After [`Upgrades::OFF_SCHEDULE`] such blocks in a
    /// row the schedule must be wrong: the rule is dropped, and the chain is followed.
    pub(super) fn off_schedule(&mut self) {
        self.upgrades.off_schedule += 1;
        if self.upgrades.off_schedule < Upgrades::OFF_SCHEDULE {
            return;
        }
        self.schedule = self.schedule.uncertain().into();
        self.outputs.push_back(ChainOutput::Schedule(self.schedule.clone()));
        let (number, timestamp) = self.head.tip().map_or((0, 0), |head| (head.number + 1, head.timestamp));
        self.emit_mismatch(Upgrades::OTHER_CADENCE, number, timestamp);
    }

    fn emit_mismatch(&mut self, fork: &'static str, number: u64, timestamp: u64) {
        if self.upgrades.mismatch == Some(fork) {
            return;
        }
        self.upgrades.mismatch = Some(fork);
        let remedy = format!(
            "the chain has {fork}, but the configured schedule does not: the node still follows its blocks; give a \
             rollup.json or a preset that has it, or use a newer version"
        );
        self.emit(Event::ScheduleMismatch(ScheduleMismatch { number, timestamp, fork, remedy }));
    }

    /// The head moved: emits the forks of the schedule that are active from this block on.
    pub(super) fn activate_forks(&mut self, number: u64, timestamp: u64) {
        let Some(before) = self.upgrades.head.replace(timestamp) else { return };
        let scheduled = self.config.chain.forks.scheduled();
        let active = scheduled.into_iter().filter(|(_, time)| (before + 1..=timestamp).contains(time));
        let events: Vec<_> = active.map(|(name, time)| ForkActive { number, time, name: name.to_owned() }).collect();
        events.into_iter().for_each(|fork| self.emit(Event::Fork(fork)));
    }

    /// Leaves the topics that the schedule no longer uses.
    pub(super) fn leave_topics(&mut self, now: Now) {
        while let Some((_, version)) = self.upgrades.retiring.pop_if(|(at, _)| *at <= now.secs()) {
            self.outputs.push_back(ChainOutput::Unsubscribe(version));
        }
    }
}
