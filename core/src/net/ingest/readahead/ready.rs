//! What was read ahead and not asked for yet.

use core::{hash::BuildHasher, time::Duration};
use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    mem,
};

use bytes::Bytes;

use crate::{
    fork::Version,
    net::{ingest::readahead::named::NamedMessage, params::BEAT},
};

/// Names a message by its bytes. With a key of its own, so that nobody can make two of one name.
#[derive(Clone, Default)]
pub(in crate::net::ingest) struct Names(RandomState);

/// See [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::net::ingest) struct Name(u64);

impl Names {
    pub(in crate::net::ingest) fn of(&self, version: Version, authored: bool, wire: &[u8]) -> Name {
        Name(self.0.hash_one((version, authored, wire)))
    }
}

/// By RPC, in the order in which they were read.
#[derive(Default)]
pub(in crate::net::ingest) struct ReadyBatches {
    /// Oldest first.
    batches: VecDeque<Batch>,
    bytes: usize,
    numbers: u64,
}

/// Of one RPC.
pub(in crate::net::ingest) struct Batch {
    number: u64,
    entries: HashMap<Name, NamedMessage>,
    /// Whether its stream has gone on, or has ended. What it read may still be on its way to gossipsub.
    left: Option<Left>,
}

/// When a batch was left: streams have no clock.
#[derive(Clone, Copy)]
enum Left {
    JustNow,
    At(Duration),
}

impl Batch {
    pub(in crate::net::ingest) fn new(number: u64, entries: HashMap<Name, NamedMessage>) -> Self {
        Self { number, entries, left: None }
    }

    fn bytes(&self) -> usize {
        self.entries.values().map(bytes).sum()
    }
}

/// What an entry counts for: what it inflates to, and a little for itself.
fn bytes(named: &NamedMessage) -> usize {
    named.data.as_ref().map_or(0, Bytes::len) + 200
}

impl ReadyBatches {
    /// Bytes at most.
    const BYTES: usize = 64 << 20;

    pub(in crate::net::ingest) fn number(&mut self) -> u64 {
        self.numbers += 1;
        self.numbers
    }

    /// Adds a batch; what it drives out is for the caller to drop, without the lock.
    #[must_use]
    pub(in crate::net::ingest) fn add(&mut self, batch: Batch) -> Vec<Batch> {
        self.bytes += batch.bytes();
        self.batches.push_back(batch);
        let mut out = Vec::new();
        while self.bytes > Self::BYTES {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= oldest.bytes();
            out.push(oldest);
        }
        out
    }

    /// Its stream has gone on.
    pub(in crate::net::ingest) fn leave(&mut self, number: u64) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.number == number) {
            batch.left = Some(Left::JustNow);
        }
    }

    /// Parts with the batches that nobody will ask for.
    #[must_use]
    pub(in crate::net::ingest) fn tidy(&mut self, now: Duration) -> VecDeque<Batch> {
        for batch in &mut self.batches {
            if matches!(batch.left, Some(Left::JustNow)) {
                batch.left = Some(Left::At(now));
            }
        }
        let is_over = |batch: &Batch| matches!(batch.left, Some(Left::At(at)) if now.saturating_sub(at) > BEAT);
        let (out, batches) =
            mem::take(&mut self.batches).into_iter().partition(|batch| batch.entries.is_empty() || is_over(batch));
        self.batches = batches;
        self.bytes = self.batches.iter().map(Batch::bytes).sum();
        out
    }

    /// Whether somebody's copy was looked at.
    pub(in crate::net::ingest) fn has(&self, name: Name) -> bool {
        self.batches.iter().filter_map(|batch| batch.entries.get(&name)).any(|named| !named.is_surplus())
    }

    /// One that was looked at, which is parted with; or else any, of which there may be more copies.
    pub(in crate::net::ingest) fn take(&mut self, name: Name, or_surplus: bool) -> Option<NamedMessage> {
        let is_read = |batch: &&mut Batch| batch.entries.get(&name).is_some_and(|named| !named.is_surplus());
        match self.batches.iter_mut().find(is_read).and_then(|batch| batch.entries.remove(&name)) {
            Some(named) => {
                self.bytes -= bytes(&named);
                Some(named)
            }
            None if or_surplus => self.batches.iter().find_map(|batch| batch.entries.get(&name)).cloned(),
            None => None,
        }
    }

    pub(in crate::net::ingest) fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    #[cfg(test)]
    pub(in crate::net::ingest) fn batches(&self) -> usize {
        assert_eq!(self.bytes, self.batches.iter().map(Batch::bytes).sum::<usize>());
        assert!(self.bytes <= Self::BYTES);
        self.batches.len()
    }
}
