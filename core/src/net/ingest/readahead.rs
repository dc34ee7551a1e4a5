//! Big messages are read ahead of gossipsub, beside the loop.
//!
//! gossipsub asks for the id of a message in the loop's turn, and the id is a SHA-256 of what the message inflates to: up to 10 MiB,
//! which take 100 ms where the processor has no instructions for it. So the streams that peers gossip on are read along
//! ([`Frames`]), and the end of an RPC that is [worth it](ReadAhead::WORTH) is held back until its messages are decompressed and named where
//! the host has [room for it](super::Host::aside). When gossipsub asks, the answer lies here.
//!
//! Nothing depends on it: what is not here is read in the loop's turn, as everything is where there is one thread alone. What a
//! stream holds back is one RPC, so its peer waits, and nobody else; for how long at most is the host's to say. Bounds:
//! [`Pool::BYTES`] of RPCs that are not whole or being read, `ReadyBatches::BYTES` of what was read; beyond them an RPC is passed on
//! unread. So are those of peers that gossipsub will not listen to for a while.

use core::time::Duration;
use std::{
    collections::{HashMap, HashSet},
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

mod aside;
mod frames;
mod named;
mod pool;
mod ready;
#[cfg(test)]
mod tests;

pub use aside::{Aside, Job};
pub(in crate::net) use named::{NamedMessage, declared, read};
use pool::Pool;
use ready::{Batch, Name, Names, ReadyBatches};

/// See the module. Clones are the same.
#[derive(Clone)]
pub(in crate::net) struct ReadAhead {
    topics: Topics,
    recent: Arc<Mutex<DuplicateCache>>,
    pub(in crate::net::ingest) pool: Pool,
    names: Names,
    ready: Arc<Mutex<ReadyBatches>>,
    /// Whose RPCs gossipsub throws away for a while.
    ignored: Arc<Mutex<HashSet<PeerId>>>,
}

impl ReadAhead {
    /// Bytes to be inflated and named that are worth it: without instructions for it a processor takes 20 ms for them. The usual block
    /// has less, and is sooner named than another thread is woken.
    pub(in crate::net::ingest) const WORTH: usize = 2 << 20;
    /// Bytes of a message at least, on the wire or inflated: less is named in no time.
    const LEAST: usize = 4 << 10;

    /// What is among the recent ones is not read again.
    pub(in crate::net) fn new(topics: Topics, recent: Arc<Mutex<DuplicateCache>>) -> Self {
        let (ready, ignored) = (Arc::default(), Arc::default());
        Self { topics, recent, pool: Pool::default(), names: Names::default(), ready, ignored }
    }

    /// Only these peers are ignored now.
    pub(in crate::net) fn ignore(&self, peers: HashSet<PeerId>) {
        *lock(&self.ignored) = peers;
    }

    /// What a message was read to, once; or that it was not looked at, where that may count.
    pub(in crate::net) fn take(
        &self,
        version: Version,
        authored: bool,
        wire: &[u8],
        or_surplus: bool,
    ) -> Option<NamedMessage> {
        // To name it takes as long as to read some of it.
        if wire.len() < Self::LEAST && declared(wire) < Self::LEAST || self.ready().is_empty() {
            return None;
        }
        let name = self.names.of(version, authored, wire);
        self.ready().take(name, or_surplus)
    }

    /// Lets go what nobody has asked for: its stream has ended, or has gone on, a while ago.
    pub(in crate::net) fn tidy(&self, now: Duration) {
        // Dropped without the lock.
        let _out = self.ready().tidy(now);
    }

    /// The stream that this batch came by has gone on.
    pub(in crate::net::ingest) fn leave(&self, number: u64) {
        self.ready().leave(number);
    }

    /// Whether these messages of this peer's are worth it.
    pub(in crate::net::ingest) fn is_worth_it(&self, peer: &PeerId, messages: &[Published]) -> bool {
        let ours = messages.iter().filter(|message| self.topics.named(&message.topic).is_some());
        let work = ours.map(|message| declared(&message.data).max(message.data.len()));
        work.fold(0, usize::saturating_add) >= Self::WORTH && !lock(&self.ignored).contains(peer)
    }

    /// Reads the messages of an RPC: inflates as much as a turn of the loop would.
    pub(in crate::net::ingest) fn read(&self, number: u64, messages: Vec<Published>, ended: &AtomicBool) {
        let (mut spent, mut entries) = (0_usize, HashMap::new());
        for Published { topic, data: wire, authored } in messages {
            // What its stream has not passed on by now, it never will.
            if ended.load(Ordering::Relaxed) {
                return;
            }
            let Some((version, topic)) = self.topics.named(&topic) else { continue };
            let work = declared(&wire).max(wire.len());
            let name = self.names.of(version, authored, &wire);
            if work < Self::LEAST || entries.contains_key(&name) || self.is_known(name, version, authored, &wire) {
                continue;
            }
            let surplus = spent > 0 && spent.saturating_add(declared(&wire)) > MAX_MESSAGE;
            let named = read(topic, authored, surplus, &wire);
            spent = spent.saturating_add(named.work);
            entries.insert(name, named);
        }
        let mut ready = self.ready();
        // Who ends says so before it waits for the lock.
        let out = if ended.load(Ordering::Relaxed) { Vec::new() } else { ready.add(Batch::new(number, entries)) };
        drop(ready);
        drop(out);
    }

    /// Whether it was read before. The bytes are compared without the lock, which the loop wants too.
    fn is_known(&self, name: Name, version: Version, authored: bool, wire: &[u8]) -> bool {
        if self.ready().has(name) {
            return true;
        }
        let alike = lock(&self.recent).alike(version, authored, wire.len());
        alike.iter().any(|known| *known == wire)
    }

    pub(in crate::net::ingest) fn ready(&self) -> MutexGuard<'_, ReadyBatches> {
        lock(&self.ready)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
