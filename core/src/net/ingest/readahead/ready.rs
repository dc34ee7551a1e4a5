//! Messages that were read ahead and that gossipsub has not requested yet.

use core::{hash::BuildHasher, time::Duration};
use std::{
    collections::{BTreeMap, VecDeque, hash_map::RandomState},
    mem,
};

use bytes::Bytes;

use crate::{
    fork::Version,
    net::{ingest::readahead::read_message::ReadMessage, params::POLL_INTERVAL},
};

/// Hashes messages with a random key, so that a peer cannot make two messages with one hash.
#[derive(Clone, Default)]
pub(in crate::net::ingest) struct WireHasher(RandomState);

/// The hash of a message's version, authorship and bytes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::net::ingest) struct WireHash(u64);

impl WireHasher {
    pub(in crate::net::ingest) fn hash(&self, version: Version, authored: bool, wire: &[u8]) -> WireHash {
        WireHash(self.0.hash_one((version, authored, wire)))
    }
}

/// Read messages, one batch per RPC, in the order in which the RPCs were read. Bound: [`ReadyBatches::BYTES`].
#[derive(Default)]
pub(in crate::net::ingest) struct ReadyBatches {
    /// Oldest first.
    batches: VecDeque<Batch>,
    bytes: usize,
    /// The last number given to a batch.
    last_number: u64,
}

/// The messages of one RPC.
pub(in crate::net::ingest) struct Batch {
    number: u64,
    entries: BTreeMap<WireHash, ReadMessage>,
    /// Set when the stream has passed the RPC on, or has ended. gossipsub may still request the messages for a while.
    released: Option<Released>,
}

/// When a batch was released. Streams have no clock, so the next [`ReadyBatches::remove_expired`] sets the time.
#[derive(Clone, Copy)]
enum Released {
    TimeUnknown,
    At(Duration),
}

impl Batch {
    pub(in crate::net::ingest) fn new(number: u64, entries: BTreeMap<WireHash, ReadMessage>) -> Self {
        Self { number, entries, released: None }
    }

    fn bytes(&self) -> usize {
        self.entries.values().map(entry_bytes).sum()
    }
}

/// Bytes that an entry counts: its decompressed bytes and 200 for the entry itself.
fn entry_bytes(message: &ReadMessage) -> usize {
    message.data.as_ref().map_or(0, Bytes::len) + 200
}

impl ReadyBatches {
    /// Maximum bytes.
    const BYTES: usize = 64 << 20;

    /// A number for a new batch.
    pub(in crate::net::ingest) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Adds a batch. Returns the oldest batches that no longer fit; the caller drops them after it has released the
    /// lock.
    #[must_use]
    pub(in crate::net::ingest) fn add(&mut self, batch: Batch) -> Vec<Batch> {
        self.bytes += batch.bytes();
        self.batches.push_back(batch);
        let mut removed = Vec::new();
        while self.bytes > Self::BYTES {
            let Some(oldest) = self.batches.pop_front() else { break };
            self.bytes -= oldest.bytes();
            removed.push(oldest);
        }
        removed
    }

    /// Marks a batch: its stream has passed the RPC on, or has ended.
    pub(in crate::net::ingest) fn release(&mut self, number: u64) {
        if let Some(batch) = self.batches.iter_mut().find(|batch| batch.number == number) {
            batch.released = Some(Released::TimeUnknown);
        }
    }

    /// Removes and returns empty batches, and those that were released more than one [`POLL_INTERVAL`] before `now`
    /// (monotonic): gossipsub does not request their messages any more.
    #[must_use]
    pub(in crate::net::ingest) fn remove_expired(&mut self, now: Duration) -> VecDeque<Batch> {
        for batch in &mut self.batches {
            if matches!(batch.released, Some(Released::TimeUnknown)) {
                batch.released = Some(Released::At(now));
            }
        }
        let is_expired =
            |batch: &Batch| matches!(batch.released, Some(Released::At(at)) if now.saturating_sub(at) > POLL_INTERVAL);
        let (removed, batches) =
            mem::take(&mut self.batches).into_iter().partition(|batch| batch.entries.is_empty() || is_expired(batch));
        self.batches = batches;
        self.bytes = self.batches.iter().map(Batch::bytes).sum();
        removed
    }

    /// Whether a copy of the message was decompressed.
    pub(in crate::net::ingest) fn is_read(&self, hash: WireHash) -> bool {
        self.batches.iter().filter_map(|batch| batch.entries.get(&hash)).any(|message| !message.is_surplus())
    }

    /// Removes and returns a decompressed copy. If there is none and `or_surplus` is set, returns a clone of a surplus
    /// copy, because more copies of it may be requested.
    pub(in crate::net::ingest) fn take(&mut self, hash: WireHash, or_surplus: bool) -> Option<ReadMessage> {
        let has_read = |batch: &&mut Batch| batch.entries.get(&hash).is_some_and(|message| !message.is_surplus());
        match self.batches.iter_mut().find(has_read).and_then(|batch| batch.entries.remove(&hash)) {
            Some(message) => {
                self.bytes -= entry_bytes(&message);
                Some(message)
            }
            None if or_surplus => self.batches.iter().find_map(|batch| batch.entries.get(&hash)).cloned(),
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
