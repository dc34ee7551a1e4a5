//! The server of blocks by number: which request is served next, and how fast.
//!
//! As op-node: a request draws one token of the global limit and one of its peer's limit, and waits for them; then its
//! number is checked, and the block is loaded. Unlike op-node, no request waits for another peer's tokens, and a
//! request that has waited for [`Server::QUEUE_TIMEOUT`] is refused, because clients read for that long at most.
//!
//! Leaves (browsers) reconnect by the hundred at once and request the same few blocks. They draw no token of the global
//! limit, which the mesh nodes need; they share a budget in bytes per second of their own, and a separate bound on
//! bytes in flight.
//!
//! Bounds: [`Server::MAX_QUEUED`] queued requests of one peer (libp2p allows as many streams); [`Server::OUT_BYTES`] in
//! flight to nodes, as many to leaves, and [`Server::PEER_OUT_BYTES`] to one peer (one block of any size is always
//! allowed); [`Server::MAX_LOADING`] blocks being loaded; the rate limits of [`Server::MAX_REMEMBERED`] disconnected
//! peers.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};

use crate::{
    config::RequestLimits,
    payload_by_number::{Lookup, LookupFailed, Refusal, Reply},
    peer::PeerId,
    rate_limit::RateLimit,
    time::Now,
};

/// The id of one request of a peer; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// The requests of all peers and their rate limits. See the module.
#[derive(Debug)]
pub struct Server {
    limits: RequestLimits,
    all: Option<RateLimit>,
    /// When the leaves' byte budget allows the next block (monotonic).
    leaves_ready_at: Duration,
    peers: BTreeMap<PeerId, Client>,
    /// Rate limits of disconnected peers, and until when they are remembered (monotonic): a peer that reconnects gets
    /// no full bucket.
    disconnected: BTreeMap<PeerId, (Duration, RateLimit)>,
    /// Round robin: each peer with queued requests is here once; the first is served next.
    turns: VecDeque<PeerId>,
    /// Requests whose block is being loaded or sent.
    out: BTreeMap<RequestId, OpenRequest>,
    /// Bytes being sent: to nodes, and to leaves.
    out_bytes: OutBytes,
    /// How many blocks are being loaded.
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
    /// `None` when the request is malformed.
    number: Option<u64>,
    at: Duration,
}

#[derive(Clone, Copy, Debug)]
struct OpenRequest {
    peer: PeerId,
    number: u64,
    leaf: bool,
    loading: bool,
    /// Whether nobody waits for it any more. While it is being loaded it still occupies the host.
    given_up: bool,
    bytes: usize,
}

/// What the caller should do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServeAction {
    /// Answer this request with a refusal.
    Refuse(RequestId, Refusal),
    /// Load this block for this request, and call [`Server::loaded`].
    Load(RequestId, u64),
}

/// Why a peer cannot be served now.
enum Blocked {
    /// A rate limit allows it at this time (monotonic).
    Until(Duration),
    /// Too much is being loaded or sent.
    Busy,
}

/// Bytes of responses that are being sent: to all nodes, and to all leaves.
#[derive(Clone, Copy, Debug, Default)]
struct OutBytes {
    nodes: usize,
    leaves: usize,
}

impl OutBytes {
    const fn of(&mut self, leaf: bool) -> &mut usize {
        if leaf { &mut self.leaves } else { &mut self.nodes }
    }

    const fn to(self, leaf: bool) -> usize {
        if leaf { self.leaves } else { self.nodes }
    }
}

impl Server {
    /// How long a request waits in the queue (op-node's clients read for so long).
    pub const QUEUE_TIMEOUT: Duration = Duration::from_secs(10);
    /// Queued requests of one peer.
    pub const MAX_QUEUED: usize = 16;
    /// Blocks being loaded at once.
    pub const MAX_LOADING: usize = 16;
    /// Bytes being sent to all nodes together; the same bound again for all leaves together.
    pub const OUT_BYTES: usize = 128 << 20;
    /// Bytes being sent to one peer.
    pub const PEER_OUT_BYTES: usize = 4 << 20;

    /// Disconnected peers whose rate limit is remembered.
    pub const MAX_REMEMBERED: usize = 4096;

    /// With full rate limit buckets at `now` (monotonic).
    pub fn new(limits: RequestLimits, now: Duration) -> Self {
        Self {
            limits,
            all: limits.all.map(|rate| RateLimit::new(rate, now)),
            leaves_ready_at: now,
            peers: BTreeMap::new(),
            disconnected: BTreeMap::new(),
            turns: VecDeque::new(),
            out: BTreeMap::new(),
            out_bytes: OutBytes::default(),
            loading: 0,
        }
    }

    /// Sets the limits from `now` (monotonic) on, with full buckets.
    pub fn set_limits(&mut self, limits: RequestLimits, now: Duration) {
        self.limits = limits;
        self.all = limits.all.map(|rate| RateLimit::new(rate, now));
        for peer in self.peers.values_mut() {
            peer.limit = limits.peer.map(|rate| RateLimit::new(rate, now));
        }
        self.disconnected.clear();
    }

    /// A peer connected.
    pub fn connected(&mut self, peer: PeerId, leaf: bool, now: Duration) {
        self.disconnected.retain(|_, (until, _)| *until > now);
        let left = self.disconnected.remove(&peer).map(|(_, limit)| limit);
        let limit = left.or_else(|| self.limits.peer.map(|rate| RateLimit::new(rate, now)));
        let client = Client { leaf, limit, waiting: VecDeque::new(), out: 0, out_bytes: 0 };
        self.peers.entry(peer).or_insert(client);
    }

    /// A peer's last connection ended, and its requests are dropped; a block that is being loaded keeps its place until
    /// it is loaded. Its rate limit is remembered until its bucket
    /// would be full.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        self.disconnected.retain(|_, (until, _)| *until > now);
        let limit = self.peers.remove(&peer).and_then(|known| known.limit);
        if let (Some(limit), Some(rate), true) =
            (limit, self.limits.peer, self.disconnected.len() < Self::MAX_REMEMBERED)
        {
            self.disconnected.insert(peer, (now.saturating_add(rate.refill()), limit));
        }
        self.turns.retain(|turn| *turn != peer);
        let dropped: Vec<RequestId> = self.out.iter().filter(|(_, out)| out.peer == peer).map(|(id, _)| *id).collect();
        for id in dropped {
            self.sent(id);
        }
    }

    /// A peer requests a block; `number` is `None` when the request is malformed. Returns a refusal when its queue is
    /// full.
    pub fn ask(&mut self, id: RequestId, peer: PeerId, number: Option<u64>, now: Duration) -> Option<Refusal> {
        let Some(client) = self.peers.get_mut(&peer).filter(|client| client.waiting.len() < Self::MAX_QUEUED) else {
            return Some(Refusal::Unknown);
        };
        if client.waiting.is_empty() {
            self.turns.push_back(peer);
        }
        client.waiting.push_back(QueuedRequest { id, number, at: now });
        None
    }

    /// The next action at `now`; call until it returns `None`. The chain's first block has number `first`.
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

    /// When [`Server::next`] may return an action again if nothing else happens (monotonic).
    pub fn due(&self, now: Duration) -> Option<Duration> {
        let asks = self.turns.iter().filter_map(|peer| self.peers.get(peer));
        asks.filter_map(|peer| {
            let ask = peer.waiting.front()?;
            let late = ask.at.saturating_add(Self::QUEUE_TIMEOUT);
            Some(match self.blocked(peer, now) {
                Ok(()) => now,
                Err(Blocked::Until(at)) => at.min(late),
                Err(Blocked::Busy) => late,
            })
        })
        .min()
    }

    /// Takes the loaded block of a request and returns the reply; `None` when the peer has disconnected. A block in the
    /// store is served whatever the schedule says. Without a block, a number above `due` is refused as invalid, because
    /// no such block can exist. When the store could not be read, the refusal does not say that the block is missing:
    /// when one peer says so, op-node's client gives up the whole range.
    pub fn loaded(&mut self, id: RequestId, found: Lookup, due: Option<u64>, now: Duration) -> Option<Reply> {
        let out = self.out.get_mut(&id).filter(|out| out.loading)?;
        out.loading = false;
        self.loading -= 1;
        let bytes = found.as_ref().ok().and_then(Option::as_ref).map_or(0, |block| block.body.len());
        let out = *out;
        // The block was read, whether it is sent or not.
        if let Some(rate) = self.limits.leaf_bytes.filter(|_| out.leaf) {
            let cost = Duration::from_secs_f64(bytes as f64 / f64::from(rate.get()));
            self.leaves_ready_at = self.leaves_ready_at.max(now).saturating_add(cost);
        }
        if out.given_up {
            self.out.remove(&id);
            return None;
        }
        let refusal = match found {
            Ok(Some(block)) => {
                self.sends(id, out, bytes);
                return Some(Reply::Block(block));
            }
            Ok(None) if due.is_some_and(|due| out.number <= due) => Refusal::NotFound,
            Ok(None) => Refusal::Invalid,
            Err(LookupFailed) => Refusal::Unknown,
        };
        self.sent(id);
        Some(Reply::Refused(refusal))
    }

    /// Counts the bytes of an answer.
    fn sends(&mut self, id: RequestId, out: OpenRequest, bytes: usize) {
        self.out.insert(id, OpenRequest { bytes, ..out });
        *self.out_bytes.of(out.leaf) += bytes;
        if let Some(peer) = self.peers.get_mut(&out.peer) {
            peer.out_bytes += bytes;
        }
    }

    /// The answer was sent or given up, or the peer closed the request's stream. A block that is being loaded keeps its
    /// place until it is loaded.
    pub fn sent(&mut self, id: RequestId) {
        let Some(out) = self.out.get_mut(&id) else { return self.give_up(id) };
        if core::mem::replace(&mut out.given_up, true) {
            return;
        }
        let out = *out;
        if !out.loading {
            self.out.remove(&id);
        }
        *self.out_bytes.of(out.leaf) -= out.bytes;
        if let Some(peer) = self.peers.get_mut(&out.peer) {
            peer.out -= 1;
            peer.out_bytes -= out.bytes;
        }
    }

    /// Drops a queued request: nothing is loaded for a closed stream.
    fn give_up(&mut self, id: RequestId) {
        let waits = |peer: &Client| peer.waiting.iter().any(|ask| ask.id == id);
        let Some((peer, client)) = self.peers.iter_mut().find(|(_, peer)| waits(peer)) else { return };
        client.waiting.retain(|ask| ask.id != id);
        if client.waiting.is_empty() {
            let peer = *peer;
            self.turns.retain(|turn| *turn != peer);
        }
    }

    /// Takes one request that has waited for longer than [`Server::QUEUE_TIMEOUT`].
    fn late(&mut self, now: Duration) -> Option<RequestId> {
        let is_late = |ask: &QueuedRequest| now.saturating_sub(ask.at) >= Self::QUEUE_TIMEOUT;
        let find = |peer: &PeerId| self.peers.get(peer)?.waiting.front().filter(|ask| is_late(ask)).map(|_| *peer);
        let peer = self.turns.iter().find_map(find)?;
        self.take(peer).map(|ask| ask.id)
    }

    /// Whether the peer's next request may be served, without drawing tokens.
    fn blocked(&self, peer: &Client, now: Duration) -> Result<(), Blocked> {
        let full = peer.out > 0 && peer.out_bytes + peer.out >= Self::PEER_OUT_BYTES;
        if self.loading >= Self::MAX_LOADING || full || self.out_bytes.to(peer.leaf) >= Self::OUT_BYTES {
            return Err(Blocked::Busy);
        }
        if peer.leaf && self.limits.leaf_bytes.is_some() && self.leaves_ready_at > now {
            return Err(Blocked::Until(self.leaves_ready_at));
        }
        let wait = |limit: &Option<RateLimit>| limit.as_ref().and_then(|limit| limit.wait(now));
        let all = wait(&self.all).filter(|_| !peer.leaf);
        match wait(&peer.limit).into_iter().chain(all).max() {
            Some(wait) => Err(Blocked::Until(now.saturating_add(wait))),
            None => Ok(()),
        }
    }

    /// Draws the tokens for the peer's next request. Both exist when it is not blocked.
    fn draw(&mut self, peer: PeerId, now: Duration) -> Result<(), Blocked> {
        self.blocked(self.peers.get(&peer).ok_or(Blocked::Busy)?, now)?;
        let peer = self.peers.get_mut(&peer).ok_or(Blocked::Busy)?;
        let limits = [peer.limit.as_mut(), self.all.as_mut().filter(|_| !peer.leaf)];
        let drawn = limits.into_iter().flatten().all(|limit| limit.take(now));
        if drawn { Ok(()) } else { Err(Blocked::Busy) }
    }

    /// Takes the peer's first request out of its queue.
    fn take(&mut self, peer: PeerId) -> Option<QueuedRequest> {
        let client = self.peers.get_mut(&peer)?;
        let ask = client.waiting.pop_front();
        if client.waiting.is_empty() {
            self.turns.retain(|turn| *turn != peer);
        }
        ask
    }

    /// Validates the request, before any work is done for it, and begins to load its block.
    fn begin(&mut self, ask: QueuedRequest, peer: PeerId, first: u64) -> ServeAction {
        let Some(number) = ask.number else { return ServeAction::Refuse(ask.id, Refusal::Unknown) };
        if number < first {
            return ServeAction::Refuse(ask.id, Refusal::Invalid);
        }
        let Some(client) = self.peers.get_mut(&peer) else { return ServeAction::Refuse(ask.id, Refusal::Unknown) };
        client.out += 1;
        let request = OpenRequest { peer, number, leaf: client.leaf, loading: true, given_up: false, bytes: 0 };
        self.out.insert(ask.id, request);
        self.loading += 1;
        ServeAction::Load(ask.id, number)
    }
}
