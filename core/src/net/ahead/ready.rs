//! What was read ahead and not asked for yet.

use core::{hash::BuildHasher, time::Duration};
use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    mem,
};

use super::Named;
use crate::{fork::Version, net::params::BEAT};

/// Names a message by its bytes. With a key of its own, so that nobody can make two of one name.
#[derive(Clone, Default)]
pub(super) struct Names(RandomState);

/// See [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Name(u64);

impl Names {
    pub(super) fn of(&self, version: Version, authored: bool, wire: &[u8]) -> Name {
        Name(self.0.hash_one((version, authored, wire)))
    }
}

/// By RPC, in the order in which they were read.
#[derive(Default)]
pub(super) struct Ready {
    /// Oldest first.
    batches: VecDeque<Batch>,
    bytes: usize,
    numbers: u64,
}

/// Of one RPC.
pub(super) struct Batch {
    pub(super) number: u64,
    /// Of the RPC, and of what its messages inflate to.
    pub(super) bytes: usize,
    pub(super) entries: HashMap<Name, Named>,
    /// Whether its stream has gone on, or has ended. What it read may still be on its way to gossipsub.
    pub(super) left: Option<Left>,
}

/// When a batch was left: streams have no clock.
#[derive(Clone, Copy)]
pub(super) enum Left {
    JustNow,
    At(Duration),
}

impl Ready {
    /// Bytes at most.
    const BYTES: usize = 64 << 20;

    pub(super) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Adds a batch; what it drives out is for the caller to drop, without the lock.
    #[must_use]
    pub(super) fn add(&mut self, batch: Batch) -> Vec<Batch> {
        self.bytes += batch.bytes;
        self.batches.push_back(batch);
        let mut out = Vec::new();
        while self.bytes > Self::BYTES {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= oldest.bytes;
            out.push(oldest);
        }
        out
    }

    /// Its stream has gone on.
    pub(super) fn leave(&mut self, number: u64) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.number == number) {
            batch.left = Some(Left::JustNow);
        }
    }

    /// Parts with the batches that nobody will ask for.
    #[must_use]
    pub(super) fn tidy(&mut self, now: Duration) -> VecDeque<Batch> {
        for batch in &mut self.batches {
            if matches!(batch.left, Some(Left::JustNow)) {
                batch.left = Some(Left::At(now));
            }
        }
        let is_over = |batch: &Batch| matches!(batch.left, Some(Left::At(at)) if now.saturating_sub(at) > BEAT);
        let (out, batches) =
            mem::take(&mut self.batches).into_iter().partition(|batch| batch.entries.is_empty() || is_over(batch));
        self.batches = batches;
        self.bytes = self.batches.iter().map(|batch| batch.bytes).sum();
        out
    }

    pub(super) fn has(&self, name: Name) -> bool {
        self.batches.iter().any(|batch| batch.entries.contains_key(&name))
    }

    pub(super) fn take(&mut self, name: Name) -> Option<Named> {
        self.batches.iter_mut().find_map(|batch| batch.entries.remove(&name))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    #[cfg(test)]
    pub(super) fn batches(&self) -> usize {
        self.batches.len()
    }
}
