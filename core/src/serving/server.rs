//! What is answered to whom, and how fast.
//!
//! As op-node: a request draws a token of the whole server's and one of its peer's, and waits for them; then its number is
//! checked, and the block is loaded. Better than op-node: nobody waits for another peer's tokens, and who has waited for
//! [`Server::PATIENCE`] is refused, because a client reads for that long at most.
//!
//! Leaves (browsers) come back hundreds at once and ask for the same few blocks. They draw no token of the whole server's,
//! which the nodes of the mesh need, but share a budget in bytes of their own, and a share of what may be on its way.
//!
//! Bounds: [`Server::WAITING`] requests of one peer wait (libp2p allows as many streams), [`Server::OUT_BYTES`] are on
//! their way to nodes, as many to leaves, and [`Server::PEER_OUT_BYTES`] to one of them (one block of any size always may be);
//! [`Server::LOADING`] blocks are loaded at once.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::{
    config::RequestLimits,
    payload_by_number::{Refusal, Reply, StoredBlock},
    peer::PeerId,
    rate_limit::RateLimit,
    time::Now,
};

/// Names one request that a peer made; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// See the module.
#[derive(Debug)]
pub struct Server {
    limits: RequestLimits,
    all: Option<RateLimit>,
    /// When the leaves' budget has paid for what they got (monotonic).
    leaves_at: Duration,
    peers: BTreeMap<PeerId, Client>,
    /// The buckets of those who left, and until when (monotonic): who comes back does not get a full one.
    gone: BTreeMap<PeerId, (Duration, RateLimit)>,
    /// Who is served next; each peer with waiting requests stands here once.
    turns: VecDeque<PeerId>,
    /// Requests whose block is being loaded or on its way.
    out: BTreeMap<RequestId, OpenRequest>,
    /// Bytes of them that are on their way to nodes, and to leaves.
    out_bytes: [usize; 2],
    /// How many of them are being loaded.
    loading: usize,
}

#[derive(Debug)]
struct Client {
    leaf: bool,
    limit: Option<RateLimit>,
    waiting: VecDeque<QueuedRequest>,
    out: usize,
    out_bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct QueuedRequest {
    id: RequestId,
    /// `None` when it is malformed.
    number: Option<u64>,
    at: Duration,
}

#[derive(Clone, Copy, Debug)]
struct OpenRequest {
    peer: PeerId,
    number: u64,
    leaf: bool,
    loading: bool,
    bytes: usize,
}

/// What the server wants done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServeAction {
    /// Answer this request with a reason.
    Refuse(RequestId, Refusal),
    /// Load this block for this request, and say what there is by [`Server::loaded`].
    Load(RequestId, u64),
}

/// Why nobody can be served now.
enum NotYet {
    /// Until then (monotonic).
    Until(Duration),
    /// Until something that is on its way has arrived.
    Busy,
}

impl Server {
    /// How long a request waits for its tokens (op-node's clients read for so long).
    pub const PATIENCE: Duration = Duration::from_secs(10);
    /// Requests of one peer that wait.
    pub const WAITING: usize = 16;
    /// Blocks that are loaded at once.
    pub const LOADING: usize = 16;
    /// Bytes that are on their way: to all nodes, as many to all leaves, and to one peer.
    pub const OUT_BYTES: usize = 128 << 20;
    /// See [`Server::OUT_BYTES`].
    pub const PEER_OUT_BYTES: usize = 4 << 20;

    /// Buckets of those who left that are remembered.
    pub const GONE: usize = 4096;

    /// Full buckets at `now` (monotonic).
    pub fn new(limits: RequestLimits, now: Duration) -> Self {
        Self {
            limits,
            all: limits.all.map(|rate| RateLimit::new(rate, now)),
            leaves_at: now,
            peers: BTreeMap::new(),
            gone: BTreeMap::new(),
            turns: VecDeque::new(),
            out: BTreeMap::new(),
            out_bytes: [0; 2],
            loading: 0,
        }
    }

    /// From now on, at `now` (monotonic), requests are answered by these limits, with full buckets.
    pub fn set_limits(&mut self, limits: RequestLimits, now: Duration) {
        self.limits = limits;
        self.all = limits.all.map(|rate| RateLimit::new(rate, now));
        for peer in self.peers.values_mut() {
            peer.limit = limits.peer.map(|rate| RateLimit::new(rate, now));
        }
        self.gone.clear();
    }

    /// A peer connected.
    pub fn connected(&mut self, peer: PeerId, leaf: bool, now: Duration) {
        self.gone.retain(|_, (until, _)| *until > now);
        let left = self.gone.remove(&peer).map(|(_, limit)| limit);
        let limit = left.or_else(|| self.limits.peer.map(|rate| RateLimit::new(rate, now)));
        let fresh = Client { leaf, limit, waiting: VecDeque::new(), out: 0, out_bytes: 0 };
        self.peers.entry(peer).or_insert(fresh);
    }

    /// A peer's last connection ended: its requests with it. Its bucket is remembered until it would be full.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        self.gone.retain(|_, (until, _)| *until > now);
        let limit = self.peers.remove(&peer).and_then(|known| known.limit);
        if let (Some(limit), Some(rate), true) = (limit, self.limits.peer, self.gone.len() < Self::GONE) {
            self.gone.insert(peer, (now.saturating_add(rate.refill()), limit));
        }
        self.turns.retain(|turn| *turn != peer);
        let gone: Vec<RequestId> = self.out.iter().filter(|(_, out)| out.peer == peer).map(|(id, _)| *id).collect();
        for id in gone {
            self.sent(id);
        }
    }

    /// A peer asks; `number` is `None` when its request is malformed. What cannot even wait is refused at once.
    pub fn ask(&mut self, id: RequestId, peer: PeerId, number: Option<u64>, now: Duration) -> Option<Refusal> {
        let Some(asker) = self.peers.get_mut(&peer).filter(|asker| asker.waiting.len() < Self::WAITING) else {
            return Some(Refusal::Unknown);
        };
        if asker.waiting.is_empty() {
            self.turns.push_back(peer);
        }
        asker.waiting.push_back(QueuedRequest { id, number, at: now });
        None
    }

    /// The next thing to do at `now`; ask again until there is none. The chain's blocks begin with number `first`.
    pub fn next(&mut self, first: u64, now: Now) -> Option<ServeAction> {
        if let Some(late) = self.late(now.mono) {
            return Some(ServeAction::Refuse(late, Refusal::Unknown));
        }
        for _ in 0..self.turns.len() {
            let peer = self.turns.pop_front()?;
            self.turns.push_back(peer);
            if self.draw(peer, now.mono).is_ok()
                && let Some(ask) = self.take(peer)
            {
                return Some(self.begin(ask, peer, first));
            }
        }
        None
    }

    /// When [`Server::next`] may have something again if nothing else happens (monotonic).
    pub fn due(&self, now: Duration) -> Option<Duration> {
        let asks = self.turns.iter().filter_map(|peer| self.peers.get(peer));
        asks.filter_map(|peer| {
            let ask = peer.waiting.front()?;
            let late = ask.at.saturating_add(Self::PATIENCE);
            Some(match self.blocked(peer, now) {
                Ok(()) => now,
                Err(NotYet::Until(at)) => at.min(late),
                Err(NotYet::Busy) => late,
            })
        })
        .min()
    }

    /// What was loaded for a request, to be answered; `None` when whoever asked is gone. What is in the store is served,
    /// whatever a schedule says; of what is not there, a number beyond `due` cannot be.
    pub fn loaded(
        &mut self,
        id: RequestId,
        found: Option<StoredBlock>,
        due: Option<u64>,
        now: Duration,
    ) -> Option<Reply> {
        let out = self.out.get_mut(&id)?;
        let Some(block) = found else {
            let may_be = due.is_some_and(|due| out.number <= due);
            self.sent(id);
            return Some(Reply::Refused(if may_be { Refusal::NotFound } else { Refusal::Invalid }));
        };
        let bytes = block.body.len();
        self.loading -= usize::from(out.loading);
        (out.loading, out.bytes) = (false, bytes);
        self.out_bytes[usize::from(out.leaf)] += bytes;
        let peer = self.peers.get_mut(&out.peer)?;
        peer.out_bytes += bytes;
        if let Some(rate) = self.limits.leaf_bytes.filter(|_| peer.leaf) {
            let cost = Duration::from_secs_f64(bytes as f64 / f64::from(rate.get()));
            self.leaves_at = self.leaves_at.max(now).saturating_add(cost);
        }
        Some(Reply::Block(block))
    }

    /// An answer was sent, or given up; or whoever asked does not wait for it any more.
    pub fn sent(&mut self, id: RequestId) {
        let Some(out) = self.out.remove(&id) else { return self.give_up(id) };
        self.out_bytes[usize::from(out.leaf)] -= out.bytes;
        self.loading -= usize::from(out.loading);
        if let Some(peer) = self.peers.get_mut(&out.peer) {
            peer.out -= 1;
            peer.out_bytes -= out.bytes;
        }
    }

    /// A request that still waits is let go: nothing is loaded for a stream that is closed.
    fn give_up(&mut self, id: RequestId) {
        let waits = |peer: &Client| peer.waiting.iter().any(|ask| ask.id == id);
        let Some((peer, asker)) = self.peers.iter_mut().find(|(_, peer)| waits(peer)) else { return };
        asker.waiting.retain(|ask| ask.id != id);
        if asker.waiting.is_empty() {
            let peer = *peer;
            self.turns.retain(|turn| *turn != peer);
        }
    }

    /// Takes one request that has waited too long.
    fn late(&mut self, now: Duration) -> Option<RequestId> {
        let is_late = |ask: &QueuedRequest| now.saturating_sub(ask.at) >= Self::PATIENCE;
        let find = |peer: &PeerId| self.peers.get(peer)?.waiting.front().filter(|ask| is_late(ask)).map(|_| *peer);
        let peer = self.turns.iter().find_map(find)?;
        self.take(peer).map(|ask| ask.id)
    }

    /// Whether this request may be served, without drawing anything.
    fn blocked(&self, peer: &Client, now: Duration) -> Result<(), NotYet> {
        let full = peer.out > 0 && peer.out_bytes + peer.out >= Self::PEER_OUT_BYTES;
        if self.loading >= Self::LOADING || full || self.out_bytes[usize::from(peer.leaf)] >= Self::OUT_BYTES {
            return Err(NotYet::Busy);
        }
        if peer.leaf && self.limits.leaf_bytes.is_some() && self.leaves_at > now {
            return Err(NotYet::Until(self.leaves_at));
        }
        let wait = |limit: &Option<RateLimit>| limit.as_ref().and_then(|limit| limit.wait(now));
        let all = wait(&self.all).filter(|_| !peer.leaf);
        match wait(&peer.limit).into_iter().chain(all).max() {
            Some(wait) => Err(NotYet::Until(now.saturating_add(wait))),
            None => Ok(()),
        }
    }

    /// Draws the tokens for one request of the peer's. Both are there when it is not blocked.
    fn draw(&mut self, peer: PeerId, now: Duration) -> Result<(), NotYet> {
        self.blocked(self.peers.get(&peer).ok_or(NotYet::Busy)?, now)?;
        let peer = self.peers.get_mut(&peer).ok_or(NotYet::Busy)?;
        let limits = [peer.limit.as_mut(), self.all.as_mut().filter(|_| !peer.leaf)];
        let drawn = limits.into_iter().flatten().all(|limit| limit.take(now));
        if drawn { Ok(()) } else { Err(NotYet::Busy) }
    }

    /// The peer's first request, out of the queue.
    fn take(&mut self, peer: PeerId) -> Option<QueuedRequest> {
        let asker = self.peers.get_mut(&peer)?;
        let ask = asker.waiting.pop_front();
        if asker.waiting.is_empty() {
            self.turns.retain(|turn| *turn != peer);
        }
        ask
    }

    /// Validates before any work is done.
    fn begin(&mut self, ask: QueuedRequest, peer: PeerId, first: u64) -> ServeAction {
        let Some(number) = ask.number else { return ServeAction::Refuse(ask.id, Refusal::Unknown) };
        if number < first {
            return ServeAction::Refuse(ask.id, Refusal::Invalid);
        }
        let Some(asker) = self.peers.get_mut(&peer) else { return ServeAction::Refuse(ask.id, Refusal::Unknown) };
        asker.out += 1;
        self.out.insert(ask.id, OpenRequest { peer, number, leaf: asker.leaf, loading: true, bytes: 0 });
        self.loading += 1;
        ServeAction::Load(ask.id, number)
    }
}
