//! Big messages are read ahead of gossipsub, beside the loop.
//!
//! gossipsub asks for the id of a message in the loop's turn, and the id is a SHA-256 of what the message inflates to: up to 10 MiB,
//! which take 100 ms where the processor has no instructions for it. So the streams that peers gossip on are read along
//! ([`Frames`]), and the end of an RPC that is [worth it](Frames::WORTH) is held back until its messages are decompressed and named where
//! the host has [room for it](super::Host::aside). When gossipsub asks, the answer lies here.
//!
//! Nothing depends on it: what is not here is read in the loop's turn, as everything is where there is one thread alone. What a
//! stream holds back is one RPC, so its peer waits, and nobody else; for how long at most is the host's to say. Bounds:
//! [`Pool::BYTES`] of RPCs that are not whole or being read, `ReadyBatches::BYTES` of what was read; beyond them an RPC is passed on
//! unread. So are those of peers that gossipsub will not listen to for a while.

use core::{future::Future, pin::Pin, time::Duration};
use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use libp2p::{
    PeerId, Transport as _,
    core::{muxing::StreamMuxerBox, transport::Boxed},
};

use crate::{
    fork::Version,
    message::{Form, MAX_MESSAGE, Message, MessageId},
};
use crate::{
    net::ingest::duplicates::DuplicateCache, net::ingest::published::Published, net::ingest::topics::Topics,
    net::metering::wrapper::TappedMuxer,
};

mod frames;
mod pool;
mod ready;
#[cfg(test)]
mod tests;

use frames::Frames;
use pool::Pool;
use ready::{Batch, Name, Names, ReadyBatches};

/// What is done aside.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs a job where it stalls neither the loop nor a connection; ends when the job has. Few run at once, the others wait in their
/// order; one that waits for long is dropped instead, which is an end too.
pub type Aside = Arc<dyn Fn(Job) -> Ending + Send + Sync>;

/// The end of a job.
type Ending = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A message that was read.
#[derive(Clone, Debug)]
pub(in crate::net) struct NamedMessage {
    pub(in crate::net) form: Form,
    /// What it inflates to, where it does.
    pub(in crate::net) data: Option<Bytes>,
    pub(in crate::net) id: MessageId,
    /// Bytes that it took: a corrupt one takes as many as a good one.
    pub(in crate::net) work: usize,
}

impl NamedMessage {
    /// Whether it was not looked at, for want of time.
    pub(in crate::net) fn is_surplus(&self) -> bool {
        self.form == Form::Surplus
    }
}

/// Reads a message on a topic of ours: the one way, ahead or not.
pub(in crate::net) fn read(topic: &str, authored: bool, surplus: bool, wire: &Bytes) -> NamedMessage {
    let (message, inflated) = match (authored, surplus) {
        (true, _) => (Message::unread(Form::Authored, wire), 0),
        (false, true) => (Message::unread(Form::Surplus, wire), 0),
        (false, false) => (Message::take(wire), declared(wire)),
    };
    let id = message.id(topic);
    let is_whole = matches!(message.form, Form::Snappy | Form::TooShort);
    NamedMessage { form: message.form, data: is_whole.then_some(message.data), id, work: inflated.max(wire.len()) }
}

/// What a message says that it inflates to, if it may.
pub(in crate::net) fn declared(wire: &[u8]) -> usize {
    snap::raw::decompress_len(wire).ok().filter(|declared| *declared <= MAX_MESSAGE).unwrap_or_default()
}

/// See the module. Clones are the same.
#[derive(Clone)]
pub(in crate::net) struct ReadAhead {
    topics: Topics,
    recent: Arc<Mutex<DuplicateCache>>,
    pool: Pool,
    names: Names,
    ready: Arc<Mutex<ReadyBatches>>,
    /// Whose RPCs gossipsub throws away for a while.
    ignored: Arc<Mutex<HashSet<PeerId>>>,
}

impl ReadAhead {
    /// Bytes of a message at least, on the wire or inflated: less is named in no time.
    const LEAST: usize = 4 << 10;

    /// What is among the recent ones is not read again.
    pub(in crate::net) fn new(topics: Topics, recent: Arc<Mutex<DuplicateCache>>) -> Self {
        let (ready, ignored) = (Arc::default(), Arc::default());
        Self { topics, recent, pool: Pool::default(), names: Names::default(), ready, ignored }
    }

    /// The same transport; what peers gossip over it is read ahead.
    pub(in crate::net) fn over(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
        aside: Aside,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let ahead = self.clone();
        let read = transport.map(move |(peer, muxer), _| {
            let taps = move |opened| Frames::new(ahead.clone(), aside.clone(), peer, opened);
            (peer, StreamMuxerBox::new(TappedMuxer::new(muxer, taps)))
        });
        read.boxed()
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
    fn leave(&self, number: u64) {
        self.ready().leave(number);
    }

    /// Whether these messages of this peer's are worth it.
    fn is_worth_it(&self, peer: &PeerId, messages: &[Published]) -> bool {
        let ours = messages.iter().filter(|message| self.topics.named(&message.topic).is_some());
        let work = ours.map(|message| declared(&message.data).max(message.data.len()));
        work.fold(0, usize::saturating_add) >= Frames::WORTH && !lock(&self.ignored).contains(peer)
    }

    /// Reads the messages of an RPC: inflates as much as a turn of the loop would.
    fn read(&self, number: u64, messages: Vec<Published>, ended: &AtomicBool) {
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

    fn ready(&self) -> MutexGuard<'_, ReadyBatches> {
        lock(&self.ready)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
