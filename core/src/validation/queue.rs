//! Messages that wait for a check: fair among peers, bounded in bytes and number.
//!
//! A message's name is in gossipsub's cache of seen messages before it is judged, so a message lost here could hide an
//! honest block for a minute. Therefore a message is never dropped to make room for another peer's: each peer has a
//! queue of its own, served in turn; the peer whose queue overflows loses its *connection*, while what it sent is still
//! judged as long as the whole fits. When the whole does not fit, the peer with the most waiting bytes pays, its newest
//! message first.
//!
//! Bounds: [`ValidationQueue::PEER_BYTES`] and [`ValidationQueue::PEER_MESSAGES`] a peer (two messages of any size always fit),
//! [`ValidationQueue::TOTAL_BYTES`] and [`ValidationQueue::TOTAL_MESSAGES`] in all. Bytes are counted decompressed.

use std::collections::{BTreeMap, VecDeque};

use crate::{
    fork::Version,
    message::{Message, MessageId},
    peer::PeerId,
    time::Now,
};

/// A message and what is known of it; `peer` is `None` for our own.
#[derive(Clone, Debug)]
pub struct Pending {
    /// Who sent it.
    pub peer: Option<PeerId>,
    /// Its name; `None` for our own.
    pub id: Option<MessageId>,
    /// Its topic.
    pub version: Version,
    /// Its bytes.
    pub message: Message,
    /// When it came.
    pub arrived: Now,
}

/// See the module. One for each topic.
#[derive(Debug, Default)]
pub struct ValidationQueue {
    queues: BTreeMap<Option<PeerId>, PeerQueue>,
    /// Who is served next; each peer with waiting messages stands here once.
    turns: VecDeque<Option<PeerId>>,
    bytes: usize,
    messages: usize,
}

#[derive(Debug, Default)]
struct PeerQueue {
    messages: VecDeque<Pending>,
    bytes: usize,
}

/// What became of a message that was put into the queue.
#[derive(Debug, Default)]
pub struct QueueChange {
    /// The sender has more waiting than it may: close its connections.
    pub flooding: bool,
    /// Messages that lost their place, of the peers with the most waiting bytes.
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

    /// Queues a message behind its sender's others.
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

    /// The next message in turn.
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
        self.forget(&pending);
        Some(pending)
    }

    /// How many messages wait.
    pub const fn len(&self) -> usize {
        self.messages
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.messages == 0
    }

    fn evict(&mut self) -> Vec<Pending> {
        let mut evicted = Vec::new();
        while self.bytes > Self::TOTAL_BYTES || self.messages > Self::TOTAL_MESSAGES {
            let Some(pending) = self.newest_of_largest() else { break };
            evicted.push(pending);
        }
        evicted
    }

    fn newest_of_largest(&mut self) -> Option<Pending> {
        let largest = self.queues.iter().max_by_key(|(_, queue)| (queue.bytes, queue.messages.len()));
        let peer = *largest?.0;
        let queue = self.queues.get_mut(&peer)?;
        let pending = queue.messages.pop_back()?;
        queue.bytes -= pending.message.data.len();
        if queue.messages.is_empty() {
            self.queues.remove(&peer);
            self.turns.retain(|turn| *turn != peer);
        }
        self.forget(&pending);
        Some(pending)
    }

    fn forget(&mut self, pending: &Pending) {
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
