//! Big messages are read ahead of gossipsub, aside of the loop.
//!
//! gossipsub asks for the id of a message in the loop's turn, and the id is a SHA-256 of what the message inflates to: up to 10 MiB,
//! which take 100 ms where the processor has no instructions for it. So the streams that peers gossip on are read along
//! ([`Frames`]), and the end of an RPC that is [worth it](Frames::WORTH) is held back until its messages are decompressed and named where
//! the host has [room for it](super::Host::aside). When gossipsub asks, the answer lies here.
//!
//! Nothing depends on it: what is not here is read in the loop's turn, as everything is where there is one thread alone. What a
//! stream holds back is one RPC, so its peer waits, and nobody else. Bounds: [`Pool::BYTES`] of RPCs that are not
//! whole or being read, `Ready::BYTES` of those that are read; beyond them an RPC is passed on unread.

use core::{future::Future, pin::Pin, time::Duration};
use std::{
    collections::HashMap,
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

use super::{published::Published, tap::TappedMuxer, topics::Topics, transform::Recent};
use crate::{
    fork::Version,
    gossip::{Form, MAX_MESSAGE, Message, MessageId},
};

mod frames;
mod pool;
mod ready;
#[cfg(test)]
mod tests;

use frames::Frames;
use pool::Pool;
use ready::{Batch, Left, Name, Names, Ready};

/// What is done aside.
pub type Job = Box<dyn FnOnce() + Send>;

/// Runs a job where it stalls neither the loop nor a connection; ends when the job has. Few at once, the others in their order.
pub type Aside = Arc<dyn Fn(Job) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// A message that was read.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) form: Form,
    /// What it inflates to, where it does.
    pub(super) data: Option<Bytes>,
    pub(super) id: MessageId,
}

/// Reads a message on a topic of ours: the one way, ahead or not.
pub(super) fn read(topic: &str, authored: bool, surplus: bool, wire: &Bytes) -> Named {
    let message = match (authored, surplus) {
        (true, _) => Message::unread(Form::Authored, wire),
        (false, true) => Message::unread(Form::Surplus, wire),
        (false, false) => Message::take(wire),
    };
    let id = message.id(topic);
    let inflated = matches!(message.form, Form::Snappy | Form::TooShort);
    Named { form: message.form, data: inflated.then_some(message.data), id }
}

/// What a message says that it inflates to, if it may.
pub(super) fn declared(wire: &[u8]) -> usize {
    snap::raw::decompress_len(wire).ok().filter(|declared| *declared <= MAX_MESSAGE).unwrap_or_default()
}

/// See the module. Clones are the same.
#[derive(Clone)]
pub(super) struct Ahead {
    topics: Topics,
    recent: Arc<Mutex<Recent>>,
    pool: Pool,
    names: Names,
    ready: Arc<Mutex<Ready>>,
}

impl Ahead {
    /// Bytes of a message at least, on the wire or inflated: less is named in no time.
    const LEAST: usize = 4 << 10;

    /// What is among the recent ones is not read again.
    pub(super) fn new(topics: Topics, recent: Arc<Mutex<Recent>>) -> Self {
        Self { topics, recent, pool: Pool::default(), names: Names::default(), ready: Arc::default() }
    }

    /// The same transport; what peers gossip over it is read ahead.
    pub(super) fn over(
        &self,
        transport: Boxed<(PeerId, StreamMuxerBox)>,
        aside: Aside,
    ) -> Boxed<(PeerId, StreamMuxerBox)> {
        let ahead = self.clone();
        let read = transport.map(move |(peer, muxer), _| {
            let taps = move |opened| Frames::new(ahead.clone(), aside.clone(), opened);
            (peer, StreamMuxerBox::new(TappedMuxer::new(muxer, taps)))
        });
        read.boxed()
    }

    /// What a message was read to, once.
    pub(super) fn take(&self, version: Version, authored: bool, wire: &[u8]) -> Option<Named> {
        // To name it takes as long as to read some of it.
        if wire.len() < Self::LEAST && declared(wire) < Self::LEAST || self.ready().is_empty() {
            return None;
        }
        let name = self.names.of(version, authored, wire);
        self.ready().take(name)
    }

    /// Lets go what nobody has asked for: its stream has ended, or has gone on, a while ago.
    pub(super) fn tidy(&self, now: Duration) {
        // Dropped without the lock.
        let _out = self.ready().tidy(now);
    }

    /// The stream that this batch came by has gone on.
    fn leave(&self, number: u64) {
        self.ready().leave(number);
    }

    /// Whether the messages of an RPC are worth it.
    fn is_worth_it(messages: &[Published]) -> bool {
        let work = |message: &Published| declared(&message.data).max(message.data.len());
        messages.iter().map(work).fold(0, usize::saturating_add) >= Frames::WORTH
    }

    /// Reads the messages of an RPC: inflates as much as a turn of the loop would.
    fn read(&self, number: u64, rpc: usize, messages: Vec<Published>, ended: &AtomicBool) {
        let (mut spent, mut bytes, mut entries) = (0_usize, rpc, HashMap::new());
        for Published { topic, data: wire, authored } in messages {
            // What its stream has not passed on by now, it never will.
            if ended.load(Ordering::Relaxed) {
                return;
            }
            let Some((version, topic)) = self.topics.named(&topic) else { continue };
            let work = declared(&wire).max(wire.len());
            let name = self.names.of(version, authored, &wire);
            if work < Self::LEAST || self.is_known(name, version, authored, &wire) {
                continue;
            }
            let surplus = spent > 0 && spent.saturating_add(declared(&wire)) > MAX_MESSAGE;
            let named = read(topic, authored, surplus, &wire);
            let inflated = named.data.as_ref().map(Bytes::len);
            spent = spent.saturating_add(inflated.unwrap_or(wire.len()));
            bytes = bytes.saturating_add(inflated.unwrap_or_default());
            entries.entry(name).or_insert(named);
        }
        let mut ready = self.ready();
        // Who leaves says so before it waits for the lock: it may have looked for this batch before.
        let left = ended.load(Ordering::Relaxed).then_some(Left::JustNow);
        let out = ready.add(Batch { number, bytes, entries, left });
        drop(ready);
        drop(out);
    }

    /// Whether it was read before. The bytes are compared without the lock, which the loop wants too.
    fn is_known(&self, name: Name, version: Version, authored: bool, wire: &[u8]) -> bool {
        if self.ready().has(name) {
            return true;
        }
        let alike = self.recent.lock().unwrap_or_else(PoisonError::into_inner).alike(version, authored, wire.len());
        alike.iter().any(|known| *known == wire)
    }

    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
