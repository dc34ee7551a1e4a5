//! Decompresses large messages before gossipsub requests them, on another thread than the event loop.
//!
//! gossipsub requests the id of a message inside the event loop, and the id is a SHA-256 of the decompressed message:
//! up to 10 MiB, which take 100 ms on a processor without SHA instructions. So a stream wrapper
//! ([`FrameReader`](frames::FrameReader)) reads the streams on which peers gossip. It holds back the end of an RPC with
//! at least [`MIN_RPC_WORK`](ReadAhead::MIN_RPC_WORK) bytes of work until its messages are decompressed and hashed on
//! [another thread](crate::net::Host::offload). When gossipsub requests an id, the result is here.
//!
//! Read-ahead is optional: a message that is not here is read in the event loop, as all messages are on a host with one
//! thread. A stream holds back at most one RPC, so only its peer waits; the host limits for how long. Bounds:
//! [`Pool::BYTES`] of RPCs that are incomplete or being read, `ReadyBatches::BYTES` of read messages. RPCs beyond them
//! are passed on without read-ahead, and so are RPCs of graylisted peers, which gossipsub ignores.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use libp2p::PeerId;

use crate::{
    fork::Version,
    message::MAX_MESSAGE,
    net::ingest::{duplicates::DuplicateCache, published::Published, topics::Topics},
};

mod frames;
mod offload;
mod pool;
mod read_message;
mod ready;
#[cfg(test)]
mod tests;

pub use offload::{Job, Offload};
use pool::Pool;
pub(in crate::net) use read_message::{ReadMessage, declared_len, read_message};
use ready::{Batch, ReadyBatches, WireHash, WireHasher};

/// See the file comment. Clones share all state.
#[derive(Clone)]
pub(in crate::net) struct ReadAhead {
    topics: Topics,
    duplicates: Arc<Mutex<DuplicateCache>>,
    pub(in crate::net::ingest) pool: Pool,
    hasher: WireHasher,
    ready: Arc<Mutex<ReadyBatches>>,
    /// Peers whose RPCs gossipsub ignores now.
    ignored: Arc<Mutex<BTreeSet<PeerId>>>,
}

impl ReadAhead {
    /// An RPC is read ahead if its messages need at least this much work, in bytes to decompress and hash: 20 ms on a
    /// processor without SHA instructions. Most blocks are smaller; reading them takes less time than waking another
    /// thread.
    pub(in crate::net::ingest) const MIN_RPC_WORK: usize = 2 << 20;
    /// A message is read ahead if its length on the wire or decompressed is at least this many bytes. Smaller ones take
    /// negligible time in the event loop.
    const MIN_MESSAGE_WORK: usize = 4 << 10;

    /// Messages in `duplicates` are not read again.
    pub(in crate::net) fn new(topics: Topics, duplicates: Arc<Mutex<DuplicateCache>>) -> Self {
        let (ready, ignored) = (Arc::default(), Arc::default());
        Self { topics, duplicates, pool: Pool::default(), hasher: WireHasher::default(), ready, ignored }
    }

    /// Replaces the set of peers whose RPCs are not read ahead.
    pub(in crate::net) fn set_ignored_peers(&self, peers: BTreeSet<PeerId>) {
        *lock(&self.ignored) = peers;
    }

    /// Removes and returns a message that was read ahead. If only a surplus copy is here, it is returned if
    /// `or_surplus` is set.
    pub(in crate::net) fn take(
        &self,
        version: Version,
        authored: bool,
        wire: &[u8],
        or_surplus: bool,
    ) -> Option<ReadMessage> {
        // The hash of a small message takes about as long as reading the message.
        let is_small = wire.len() < Self::MIN_MESSAGE_WORK && declared_len(wire) < Self::MIN_MESSAGE_WORK;
        if is_small || self.ready().is_empty() {
            return None;
        }
        let hash = self.hasher.hash(version, authored, wire);
        self.ready().take(hash, or_surplus)
    }

    /// Removes messages that gossipsub has not requested in time; see [`ReadyBatches::remove_expired`].
    pub(in crate::net) fn remove_expired(&self, now: Duration) {
        // Freed after the lock is released.
        let _removed = self.ready().remove_expired(now);
    }

    /// The stream of this batch has passed its RPC on, or has ended.
    pub(in crate::net::ingest) fn release(&self, number: u64) {
        self.ready().release(number);
    }

    /// Whether these messages of this peer are to be read ahead.
    pub(in crate::net::ingest) fn is_eligible(&self, peer: &PeerId, messages: &[Published]) -> bool {
        let ours = messages.iter().filter(|message| self.topics.find(&message.topic).is_some());
        let work = ours.map(|message| declared_len(&message.data).max(message.data.len()));
        work.fold(0, usize::saturating_add) >= Self::MIN_RPC_WORK && !lock(&self.ignored).contains(peer)
    }

    /// Reads the messages of an RPC. Decompresses at most as much as one turn of the event loop does. Stops when
    /// `ended` is set: the stream has ended.
    pub(in crate::net::ingest) fn read(&self, number: u64, messages: Vec<Published>, ended: &AtomicBool) {
        let (mut total_work, mut entries) = (0_usize, BTreeMap::new());
        for Published { topic, data: wire, authored } in messages {
            // An ended stream passes nothing on.
            if ended.load(Ordering::Relaxed) {
                return;
            }
            let Some((version, topic)) = self.topics.find(&topic) else { continue };
            let work = declared_len(&wire).max(wire.len());
            let hash = self.hasher.hash(version, authored, &wire);
            if work < Self::MIN_MESSAGE_WORK
                || entries.contains_key(&hash)
                || self.is_known(hash, version, authored, &wire)
            {
                continue;
            }
            let surplus = total_work > 0 && total_work.saturating_add(declared_len(&wire)) > MAX_MESSAGE;
            let message = read_message(topic, authored, surplus, &wire);
            total_work = total_work.saturating_add(message.work);
            entries.insert(hash, message);
        }
        let mut ready = self.ready();
        // A stream sets `ended` before it waits for the lock, so this check under the lock sees it.
        let removed = if ended.load(Ordering::Relaxed) { Vec::new() } else { ready.add(Batch::new(number, entries)) };
        drop(ready);
        drop(removed);
    }

    /// Whether the message was read before. Bytes are compared without the lock, because the event loop needs it too.
    fn is_known(&self, hash: WireHash, version: Version, authored: bool, wire: &[u8]) -> bool {
        if self.ready().is_read(hash) {
            return true;
        }
        let candidates = lock(&self.duplicates).with_wire_len(version, authored, wire.len());
        candidates.iter().any(|known| *known == wire)
    }

    pub(in crate::net::ingest) fn ready(&self) -> MutexGuard<'_, ReadyBatches> {
        lock(&self.ready)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
