//! Persistence: what the host is asked to persist over a restart, and what it restores.
//!
//! The host persists in the order in which it is asked, and answers each request. Changes of the peer store are
//! collected and persisted every [`Persistence::FLUSH`], and when the host is about to stop.
//!
//! Bound: one entry for each request that the host has not answered. Range sync pauses while the blocks among them hold
//! more than [`RangeSync::UNPERSISTED_BYTES`](crate::range_sync::RangeSync::UNPERSISTED_BYTES).

use core::time::Duration;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    ban::{Ban, BanTarget},
    block::{Block, BlockInfo, BlockRef, Verified},
    context::{Context, Machine, earliest},
    event::{Event, StoreState, Stored},
    peer::PeerId,
    peer_store::PeerEntry,
    time::{Deadline, Now},
};

/// The id of one request to persist; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PersistId(pub u64);

/// Something to persist.
#[derive(Clone, Debug)]
pub enum Persist {
    /// A verified block.
    Block(Arc<Verified<Block>>),
    /// The unsafe head: a restart continues from there.
    Head(BlockInfo),
    /// An entry of the peer store; `None` when it was removed.
    Peer(PeerId, Option<PeerEntry>),
    /// A ban; `None` when it has ended.
    Ban(BanTarget, Option<Ban>),
}

/// What an earlier run persisted.
#[derive(Clone, Debug, Default)]
pub struct RestoredState {
    /// The chain's latest blocks in rising order, the last one being the head.
    pub chain: Vec<BlockInfo>,
    /// The entries of the peer store.
    pub peers: Vec<(PeerId, PeerEntry)>,
    /// The bans.
    pub bans: Vec<(BanTarget, Ban)>,
}

impl From<Vec<BlockInfo>> for RestoredState {
    fn from(chain: Vec<BlockInfo>) -> Self {
        Self { chain, ..Self::default() }
    }
}

/// The result of a request to persist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Persisted {
    /// It is on disk and survives a crash.
    OnDisk,
    /// It was accepted, but it may not be on disk: there is no disk, or a later request replaced it.
    Unconfirmed,
    /// It could not be persisted; the error, as text.
    Failed(String),
}

/// An input of [`Persistence`].
#[derive(Debug)]
pub enum PersistenceInput {
    /// Persist this item.
    Persist(Persist),
    /// The host answered a request.
    Persisted(PersistId, Persisted),
    /// The host is about to stop: changes of the peer store are persisted now.
    StopRequested,
}

/// An output of [`Persistence`].
#[derive(Debug)]
pub enum PersistenceOutput {
    /// Persist this and answer.
    Persist {
        /// The answer repeats this id.
        id: PersistId,
        /// The item.
        item: Persist,
    },
    /// Emit an event.
    Emit(Event),
    /// The number of bytes of verified blocks that wait to be persisted has changed.
    PendingBytes(usize),
}

/// The persistence machine. See the module.
#[derive(Debug)]
pub struct Persistence {
    /// Requests that are not answered yet; for a block also its size.
    pending: BTreeMap<PersistId, Option<(BlockRef, usize)>>,
    pending_bytes: usize,
    next_id: u64,
    /// Whether the last request succeeded.
    succeeds: bool,
    /// When changes of the peer store are persisted next (monotonic).
    flush_at: Duration,
    outputs: VecDeque<PersistenceOutput>,
}

impl Persistence {
    /// How often changes of the peer store are persisted.
    pub const FLUSH: Duration = Duration::from_secs(30);

    /// Without pending requests, at `now` (monotonic).
    pub fn new(now: Duration) -> Self {
        Self {
            pending: BTreeMap::new(),
            pending_bytes: 0,
            next_id: 0,
            succeeds: true,
            flush_at: now.saturating_add(Self::FLUSH),
            outputs: VecDeque::new(),
        }
    }

    fn persist(&mut self, item: Persist) {
        let id = PersistId(self.next_id);
        self.next_id += 1;
        let block = match &item {
            Persist::Block(block) => Some((BlockRef { number: block.payload.number(), hash: block.hash }, block.bytes)),
            Persist::Head(_) | Persist::Peer(..) | Persist::Ban(..) => None,
        };
        self.pending.insert(id, block);
        self.outputs.push_back(PersistenceOutput::Persist { id, item });
        if let Some((_, bytes)) = block {
            self.pending_bytes += bytes;
            self.outputs.push_back(PersistenceOutput::PendingBytes(self.pending_bytes));
        }
    }

    fn persisted(&mut self, id: PersistId, result: Persisted) {
        let Some(pending) = self.pending.remove(&id) else { return };
        if let Some((block, bytes)) = pending {
            self.pending_bytes -= bytes;
            self.outputs.push_back(PersistenceOutput::PendingBytes(self.pending_bytes));
            if result == Persisted::OnDisk {
                self.emit(Event::Stored(Stored { number: block.number, hash: block.hash, stored: true }));
            }
        }
        let succeeds = !matches!(result, Persisted::Failed(_));
        if succeeds != self.succeeds {
            self.succeeds = succeeds;
            let error = if let Persisted::Failed(error) = result { Some(error) } else { None };
            self.emit(Event::Store(StoreState { keeps: succeeds, error }));
        }
    }

    /// Persists the changes of the peer store.
    fn flush(&mut self, context: &mut Context) {
        self.flush_at = context.now.mono.saturating_add(Self::FLUSH);
        let nodes = context.peers.nodes().map(|peer| peer.connected.peer);
        context.store.still_connected(context.now, nodes);
        for (peer, entry) in context.store.take_changes(context.now) {
            self.persist(Persist::Peer(peer, entry));
        }
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(PersistenceOutput::Emit(event));
    }
}

impl Machine for Persistence {
    type Input = PersistenceInput;
    type Output = PersistenceOutput;

    fn handle(&mut self, context: &mut Context, input: PersistenceInput) {
        match input {
            PersistenceInput::Persist(item) => self.persist(item),
            PersistenceInput::Persisted(id, result) => self.persisted(id, result),
            PersistenceInput::StopRequested => self.flush(context),
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        if context.now.mono >= self.flush_at {
            self.flush(context);
        }
    }

    fn poll_output(&mut self) -> Option<PersistenceOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, context: &Context, _: Now) -> Option<Deadline> {
        earliest([(Some(self.flush_at).filter(|_| context.store.has_changes()), "peer store")])
    }
}
