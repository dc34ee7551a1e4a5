//! The validation queue: messages that wait for a validation task, fair among peers, bounded in bytes and number.
//!
//! A message's id is in gossipsub's cache of seen messages before it is validated, so a message that is lost here could
//! hide an honest block for a minute. Therefore a message is never dropped in favour of another peer's: each peer has a
//! queue of its own, served in turn. A peer whose queue overflows is *disconnected*, while its messages are still
//! validated as long as the total bounds hold. When a total bound is exceeded, the newest message of the peer that fills
//! it is evicted: of the one with the most waiting bytes, or with the most waiting messages.
//!
//! Bounds: [`ValidationQueue::PEER_BYTES`] and [`ValidationQueue::PEER_MESSAGES`] for one peer (two messages of any
//! size always fit), [`ValidationQueue::TOTAL_BYTES`] and [`ValidationQueue::TOTAL_MESSAGES`] in all. Bytes are counted
//! decompressed.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    fork::Version,
    message::{Message, MessageId},
    peer::PeerId,
    time::Now,
};

/// A message that waits for validation, or is being validated.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The peer that delivered it; `None` for our own message.
    pub peer: Option<PeerId>,
    /// Its message id; `None` for our own message.
    pub id: Option<MessageId>,
    /// Its topic, by payload version.
    pub version: Version,
    /// Its bytes, and the result of decompression.
    pub message: Message,
    /// When it arrived.
    pub arrived: Now,
}

/// The queue of one topic. See the module.
#[derive(Debug, Default)]
pub struct ValidationQueue {
    queues: BTreeMap<Option<PeerId>, PeerQueue>,
    /// Round robin: each peer with waiting messages is here once; the first is served next.
    turns: VecDeque<Option<PeerId>>,
    bytes: usize,
    messages: usize,
}

#[derive(Debug, Default)]
struct PeerQueue {
    messages: VecDeque<Pending>,
    bytes: usize,
}

/// The effect of queueing a message.
#[derive(Debug, Default)]
pub struct QueueChange {
    /// The sender has more messages waiting than allowed: close its connections.
    pub flooding: bool,
    /// Messages removed from the queues, of the peers that fill them.
    pub evicted: Vec<Pending>,
}

impl ValidationQueue {
    /// Decompressed bytes that one peer may have waiting.
    pub const PEER_BYTES: usize = 16 << 20;
    /// Messages that one peer may have waiting.
    pub const PEER_MESSAGES: usize = 64;
    /// Decompressed bytes waiting in all.
    pub const TOTAL_BYTES: usize = 64 << 20;
    /// Messages waiting in all.
    pub const TOTAL_MESSAGES: usize = 1024;

    /// Queues a message behind its sender's other messages.
    pub fn put(&mut self, pending: Pending) -> QueueChange {
        let peer = pending.peer;
        let bytes = pending.message.data.len();
        let queue = self.queues.entry(peer).or_default();
        if queue.messages.is_empty() {
            self.turns.push_back(peer);
        }
        queue.messages.push_back(pending);
        queue.bytes += bytes;
        let flooding = peer.is_some() && queue.overflows();
        self.bytes += bytes;
        self.messages += 1;
        QueueChange { flooding, evicted: self.evict() }
    }

    /// Takes the next message in turn.
    pub fn take(&mut self) -> Option<Pending> {
        let peer = self.turns.pop_front()?;
        let queue = self.queues.get_mut(&peer)?;
        let pending = queue.messages.pop_front()?;
        queue.bytes -= pending.message.data.len();
        if queue.messages.is_empty() {
            self.queues.remove(&peer);
        } else {
            self.turns.push_back(peer);
        }
        self.subtract(&pending);
        Some(pending)
    }

    /// The number of waiting messages.
    pub const fn len(&self) -> usize {
        self.messages
    }

    /// Whether no message waits.
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    fn evict(&mut self) -> Vec<Pending> {
        let mut evicted = Vec::new();
        while self.bytes > Self::TOTAL_BYTES || self.messages > Self::TOTAL_MESSAGES {
            let by_bytes = self.bytes > Self::TOTAL_BYTES;
            let Some(pending) = self.newest_of_largest(by_bytes) else { break };
            evicted.push(pending);
        }
        evicted
    }

    /// The newest message of the peer with the most bytes, or with the most messages. Of peers with as many messages it is
    /// the one with the fewest bytes: a queue is filled by number with small messages.
    fn newest_of_largest(&mut self, by_bytes: bool) -> Option<Pending> {
        let size = |queue: &PeerQueue| match by_bytes {
            true => (queue.bytes, queue.messages.len()),
            false => (queue.messages.len(), usize::MAX - queue.bytes),
        };
        let largest = self.queues.iter().max_by_key(|(_, queue)| size(queue));
        let peer = *largest?.0;
        let queue = self.queues.get_mut(&peer)?;
        let pending = queue.messages.pop_back()?;
        queue.bytes -= pending.message.data.len();
        if queue.messages.is_empty() {
            self.queues.remove(&peer);
            self.turns.retain(|turn| *turn != peer);
        }
        self.subtract(&pending);
        Some(pending)
    }

    fn subtract(&mut self, pending: &Pending) {
        self.bytes -= pending.message.data.len();
        self.messages -= 1;
    }
}

impl PeerQueue {
    fn overflows(&self) -> bool {
        let many = self.messages.len() > ValidationQueue::PEER_MESSAGES;
        many || (self.messages.len() > 2 && self.bytes > ValidationQueue::PEER_BYTES)
    }
}
