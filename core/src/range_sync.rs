//! Reverse sync: the blocks between the head and what waits beyond it are fetched from peers by number.
//!
//! A payload that is fetched bears no signature. What makes it the chain's is its hash, which its verified child names as
//! its parent: the gap is closed from its upper end, downwards. Meanwhile what lies further down is fetched in parallel
//! and waits in quarantine, worth nothing until its hash is named.
//!
//! ```text
//!    head         fetched ahead, in quarantine         named         verified
//!    ──■  ·  ·  ·  ▒  ▒  ·  ▒  ▒  ·  ▒  ▒  ▒  ·  ▒  ■◄──■──■   ◄──  gossip
//!        from                                 to ▲ expected
//! ```
//!
//! What is wanted is a question, [`RangeSync::next_request`], asked whenever something happened, not a task that waits. Whom to ask is
//! chosen by `pick`: a peer that said no is asked again a little later, for it may be fetching the same block, but only so
//! often ([`mark`]); a slow one gets one request at a time and delays nobody because what it owes is asked of another after
//! [`RangeSync::HEDGE`], and one that lied is not asked for [`RangeSync::REST`]. Nobody is blamed for a gap that was given up.
//!
//! Without anything verified beyond the head yet (after a start), [`RangeTarget::expected`] is unknown and blocks are fetched
//! upwards from the head until quarantine is full.
//!
//! Bounds: [`RangeSync::MAX_IN_FLIGHT`] requests in all, and as many as [`RangeSync::OVERDUE`] that nobody counts on any more,
//! [`RangeSync::MAX_PEER_IN_FLIGHT`] of one peer, each answered with 10 MiB at most;
//! [`RangeSync::QUARANTINE`] blocks and [`RangeSync::QUARANTINE_BYTES`] in quarantine; what is missing where, for the numbers of a window of
//! [`RangeSync::WINDOW`]. Window and quarantine are wider on a quick chain, up to [`RangeSync::MOST_TIMES`]: they are meant as a time.

use core::{num::NonZeroU32, time::Duration};
use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;

use crate::config::SyncConfig;

mod peer;
mod progress;
mod refusals;
mod response;
mod selection;
mod target;

use peer::SyncPeer;
pub use progress::Progress;
use refusals::Refusals;
pub use response::ResponseTask;
pub use target::RangeTarget;

use crate::{
    block::ValidPayload,
    event::FetchFailed,
    fault::{AnswerFault, Blame},
    peer::PeerId,
    schedule::ChainSchedule,
};

/// Names one request of ours; never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FetchId(pub u64);

/// A block to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockRequest {
    /// Repeated by the answer.
    pub id: FetchId,
    /// Of whom.
    pub peer: PeerId,
    /// Which block.
    pub number: u64,
}

/// A block in quarantine.
#[derive(Clone, Debug)]
pub struct QuarantinedBlock {
    /// Self-consistent; whether it is the chain's is another question.
    pub payload: ValidPayload,
    /// Who sent it.
    pub peer: PeerId,
}

/// A request that was not answered with a block, and what that says of its peer.
#[derive(Clone, Debug)]
pub struct RequestFailure {
    /// As it is told.
    pub event: FetchFailed,
    /// What follows.
    pub blame: Blame,
}

/// See the module.
#[derive(Debug)]
pub struct RangeSync {
    config: SyncConfig,
    /// How many times as fast Petrels are asked, and how many times as wide the window is.
    factor: NonZeroU32,
    peers: BTreeMap<PeerId, SyncPeer>,
    target: Option<RangeTarget>,
    /// When fetching for this gap may begin (monotonic).
    begin_at: Duration,
    in_flight: BTreeMap<FetchId, InFlight>,
    next_id: u64,
    quarantine: BTreeMap<u64, QuarantinedBlock>,
    quarantine_bytes: usize,
    /// Who did not give what.
    refusals: Refusals,
    /// When a peer that could serve left last (monotonic).
    left_at: Option<Duration>,
    /// When what is missing changed last (monotonic).
    moved_at: Duration,
    progress: Progress,
    /// Verified bytes whose keeping is awaited: nothing is fetched while there are too many.
    unpersisted: usize,
}

/// A request that is under way.
#[derive(Clone, Copy, Debug)]
struct InFlight {
    peer: PeerId,
    number: u64,
    /// When it was made (monotonic).
    at: Duration,
    /// The answer is there and is being judged.
    read: bool,
}

impl InFlight {
    /// Nobody counts on its answer any more, though it may yet come.
    fn is_late(&self, now: Duration) -> bool {
        !self.read && now.saturating_sub(self.at) >= RangeSync::HEDGE
    }
}

impl RangeSync {
    /// Peers remembered; beyond them only those that are connected.
    pub const PEERS: usize = 4096;
    /// Requests under way.
    pub const MAX_IN_FLIGHT: usize = 16;
    /// Requests beyond those that are not answered for longer than [`RangeSync::HEDGE`]: each may hold an answer's bytes.
    pub const OVERDUE: usize = 16;
    /// Requests under way at one peer (libp2p streams that an op-node allows are more; its tokens are fewer).
    pub const MAX_PEER_IN_FLIGHT: usize = peer::MAX_PEER_IN_FLIGHT;
    /// How far below the next named block others are fetched, on a chain with a block a second or less.
    pub const WINDOW: u64 = 64;
    /// Blocks in quarantine (op-node: 100), on such a chain.
    pub const QUARANTINE: usize = 100;
    /// Window and quarantine are so many times as wide at most.
    pub const MOST_TIMES: u32 = 5;
    /// Their bytes.
    pub const QUARANTINE_BYTES: usize = 64 << 20;
    /// Bytes of verified blocks that may wait to be kept before fetching pauses.
    pub const UNPERSISTED_BYTES: usize = 64 << 20;
    /// A gap that opens may be gossip in another order, or a lost copy that is offered with the next heartbeat (500 ms): it is
    /// given so long before anybody is asked.
    pub const DELAY: Duration = Duration::from_millis(700);
    /// After so long without an answer another peer is asked too.
    pub const HEDGE: Duration = peer::HEDGE;
    /// How long a gap waits for somebody to come back when everybody who could serve is gone.
    pub const ABSENCE: Duration = Duration::from_secs(60);
    /// How long a gap waits without getting smaller, whoever comes and promises what.
    pub const STANDSTILL: Duration = Duration::from_secs(120);
    /// How long a peer that lied is not asked.
    pub const REST: Duration = peer::REST;
    /// How long a peer that follows another branch is not asked.
    pub const STRAY_REST: Duration = peer::STRAY_REST;
    /// How long a peer that failed is not asked.
    pub const PAUSE: Duration = peer::PAUSE;

    /// Nothing to fetch and nobody to ask.
    pub fn new(config: SyncConfig, now: Duration) -> Self {
        Self {
            config,
            factor: NonZeroU32::MIN,
            peers: BTreeMap::new(),
            target: None,
            begin_at: now,
            in_flight: BTreeMap::new(),
            next_id: 0,
            quarantine: BTreeMap::new(),
            quarantine_bytes: 0,
            refusals: Refusals::default(),
            left_at: None,
            moved_at: now,
            progress: Progress::default(),
            unpersisted: 0,
        }
    }

    /// From now on, at `now` (monotonic), peers of our own kind are asked so many times as fast as op-nodes.
    pub fn set_factor(&mut self, factor: NonZeroU32, now: Duration) {
        self.factor = factor;
        let rate = self.config.limits.peer.map(|rate| rate.times(factor));
        self.peers.values_mut().filter(|peer| peer.is_petrel()).for_each(|peer| peer.set_rate(rate, now));
    }

    /// A peer says that it is of our own kind, at `now` (monotonic): it answers as fast as we do.
    pub fn is_petrel(&mut self, peer: PeerId, now: Duration) {
        let rate = self.config.limits.peer.map(|rate| rate.times(self.factor));
        if let Some(peer) = self.peers.get_mut(&peer).filter(|peer| !peer.is_petrel()) {
            peer.becomes_petrel(rate, now);
        }
    }

    /// How far below the next named block others are fetched.
    fn window(&self) -> u64 {
        Self::WINDOW * u64::from(self.times())
    }

    fn times(&self) -> u32 {
        self.factor.get().min(Self::MOST_TIMES)
    }

    /// A peer connected. A leaf keeps no blocks.
    pub fn connected(&mut self, peer: PeerId, is_static: bool, leaf: bool, now: Duration) {
        if self.config.enabled && !leaf && (is_static || !self.config.static_only) {
            let limit = self.config.limits.peer;
            self.peers.entry(peer).or_insert_with(|| SyncPeer::new(limit, now)).connected = true;
        }
    }

    /// A peer's last connection ended. What was asked of it is asked of others; that it lied is remembered.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        self.in_flight.retain(|_, request| request.peer != peer || request.read);
        self.refusals.retain(|(_, who)| *who != peer);
        if let Some(known) = self.peers.get_mut(&peer) {
            if known.serves {
                self.left_at = Some(now);
            }
            known.left(now, self.config.limits.peer.map_or(Duration::ZERO, crate::config::Rate::refill));
        }
        let few = self.peers.len() <= Self::PEERS;
        self.peers.retain(|_, peer| peer.connected || (few && peer.is_remembered(now)));
    }

    /// What is missing now. What is fetched and no longer wanted is let go without blame.
    pub fn set_target(&mut self, target: Option<RangeTarget>, now: Duration) {
        if self.target == target || !self.config.enabled {
            return;
        }
        let before = core::mem::replace(&mut self.target, target);
        self.moved_at = now;
        let Some(target) = target else {
            self.quarantine.clear();
            self.quarantine_bytes = 0;
            self.refusals.clear();
            return;
        };
        if before.is_none_or(|before| before.from != target.from) {
            self.begin_at = now.saturating_add(Self::DELAY);
        }
        if before.is_some_and(|before| before.expected.is_none()) && target.expected.is_some() {
            // What was not there yet may be there now.
            self.refusals.clear();
        }
        self.refusals.retain(|(number, _)| (target.from..=target.to).contains(number));
        self.release_unwanted(|number| !(target.from..=target.to).contains(&number));
        self.progress.set_target(target, now);
    }

    /// The next request to make at `now`; ask again until there is none.
    pub fn next_request(&mut self, now: Duration) -> Option<BlockRequest> {
        let on_time = self.in_flight.values().filter(|request| !request.is_late(now)).count();
        let many = on_time >= Self::MAX_IN_FLIGHT || self.in_flight.len() >= Self::MAX_IN_FLIGHT + Self::OVERDUE;
        if now < self.begin_at || many || self.unpersisted > Self::UNPERSISTED_BYTES {
            return None;
        }
        let ready = self.ready(now);
        if ready.is_empty() {
            return None;
        }
        let wanted = self.wanted().filter(|number| self.is_wanted(*number, now));
        let (number, peer) = wanted.filter_map(|number| Some((number, self.pick(&ready, number, now)?))).next()?;
        let id = FetchId(self.next_id);
        self.next_id += 1;
        self.in_flight.insert(id, InFlight { peer, number, at: now, read: false });
        self.peers.get_mut(&peer)?.asked(now);
        Some(BlockRequest { id, peer, number })
    }

    /// When [`RangeSync::next_request`] may have something again if nothing else happens (monotonic).
    pub fn due(&self, now: Duration) -> Option<Duration> {
        self.target?;
        if now < self.begin_at {
            return Some(self.begin_at).filter(|_| !self.peers.is_empty());
        }
        if self.unpersisted > Self::UNPERSISTED_BYTES {
            return None;
        }
        let hedge = self.in_flight.values().filter(|request| !request.read).map(|request| request.at + Self::HEDGE);
        let ready = self.peers.values().filter_map(|peer| peer.ready_at(now));
        hedge.chain(ready).filter(|at| *at > now).chain(self.refusals.due(now)).min()
    }

    /// An answer came: what is to be judged, and by [`RangeSync::response_decoded`] told.
    pub fn response_received(
        &mut self,
        id: FetchId,
        bytes: Bytes,
        schedule: &Arc<ChainSchedule>,
    ) -> Option<ResponseTask> {
        let request = self.in_flight.get_mut(&id)?;
        request.read = true;
        Some(ResponseTask { number: request.number, bytes, schedule: schedule.clone() })
    }

    /// Of whom something is asked.
    pub fn peer_of(&self, id: FetchId) -> Option<PeerId> {
        self.in_flight.get(&id).map(|request| request.peer)
    }

    /// An answer was judged, or did not come.
    pub fn response_decoded(
        &mut self,
        id: FetchId,
        outcome: Result<ValidPayload, AnswerFault>,
        now: Duration,
    ) -> Option<RequestFailure> {
        let request = self.in_flight.remove(&id)?;
        match outcome {
            Ok(fetched) => {
                if let Some(peer) = self.peers.get_mut(&request.peer) {
                    peer.served(now.saturating_sub(request.at));
                }
                self.progress.took(fetched.body().len());
                self.quarantine(request.number, QuarantinedBlock { payload: fetched, peer: request.peer });
                None
            }
            Err(fault) => Some(self.failed(request.peer, request.number, fault, now)),
        }
    }

    /// The block whose hash is named, out of quarantine; or who sent another one in its place. Ask again until there is
    /// none, with the new target.
    pub fn promote(&mut self, now: Duration) -> Option<Result<QuarantinedBlock, RequestFailure>> {
        let target = self.target?;
        let expected = target.expected?;
        let quarantined = self.release(target.to)?;
        if quarantined.payload.hash() == expected {
            if let Some(peer) = self.peers.get_mut(&quarantined.peer) {
                peer.promote();
            }
            return Some(Ok(quarantined));
        }
        let fault = AnswerFault::Unlinked { found: quarantined.payload.hash() };
        Some(Err(self.failed(quarantined.peer, target.to, fault, now)))
    }

    /// Whether the next block may still come from somebody: it is under way, or there is a peer that has not said no for
    /// good. When everybody who could say anything is gone, for [`RangeSync::ABSENCE`]: nothing newer comes meanwhile either. And
    /// never for longer than [`RangeSync::STANDSTILL`] without any progress: strangers could come and go for ever.
    pub fn may_still_come(&self, now: Duration) -> bool {
        let Some(target) = self.target.filter(|_| now.saturating_sub(self.moved_at) < Self::STANDSTILL) else {
            return false;
        };
        let next = if target.expected.is_some() { target.to } else { target.from };
        let under_way = self.in_flight.values().any(|request| request.number == next && !request.is_late(now));
        let mut here = self.peers.iter().filter(|(_, known)| known.connected && known.serves).peekable();
        if here.peek().is_none() {
            return self.left_at.is_some_and(|left| now.saturating_sub(left) < Self::ABSENCE);
        }
        under_way || here.any(|(peer, known)| !known.rests(now) && !self.refusals.is_final(next, *peer))
    }

    /// So many bytes of verified blocks wait to be persisted.
    pub const fn set_unpersisted(&mut self, bytes: usize) {
        self.unpersisted = bytes;
    }

    /// The gap was given up.
    pub fn skipped(&mut self) {
        self.progress.skipped();
    }

    /// What there is to tell of the progress at `now`, at most once a second.
    pub fn progress(&mut self, now: Duration) -> Option<crate::event::Synced> {
        self.progress.tell(self.target, now)
    }

    fn failed(&mut self, peer: PeerId, number: u64, fault: AnswerFault, now: Duration) -> RequestFailure {
        self.refusals.mark(number, peer, fault, now);
        if let Some(known) = self.peers.get_mut(&peer) {
            known.failed(fault, now);
        }
        let told = FetchFailed { peer, number, fault: fault.name(), detail: fault.to_string(), cause: fault };
        RequestFailure { event: told, blame: fault.blame() }
    }

    /// The numbers in the order in which they are wanted.
    fn wanted(&self) -> impl Iterator<Item = u64> + use<> {
        let window = self.window();
        let (from, to, up) = match self.target {
            Some(target) if target.expected.is_some() => {
                (target.to.saturating_sub(window - 1).max(target.from), target.to, false)
            }
            Some(target) => (target.from, target.to.min(target.from.saturating_add(window - 1)), true),
            None => (1, 0, true),
        };
        (from..=to).map(move |number| if up { number } else { to - (number - from) })
    }

    /// Whether this number is neither here nor under way, or under way for too long.
    fn is_wanted(&self, number: u64, now: Duration) -> bool {
        if self.quarantine.contains_key(&number) || (self.is_full() && !self.is_next(number)) {
            return false;
        }
        self.in_flight.values().filter(|request| request.number == number).all(|request| request.is_late(now))
    }

    fn is_next(&self, number: u64) -> bool {
        self.target.is_some_and(|target| target.expected.is_some() && target.to == number)
    }

    fn is_full(&self) -> bool {
        let coming = self.in_flight.len();
        self.quarantine.len() + coming >= Self::QUARANTINE * self.times() as usize
            || self.quarantine_bytes >= Self::QUARANTINE_BYTES
    }

    /// Blocks in quarantine.
    pub fn quarantined(&self) -> usize {
        self.quarantine.len()
    }

    fn quarantine(&mut self, number: u64, quarantined: QuarantinedBlock) {
        if !self.target.is_some_and(|target| (target.from..=target.to).contains(&number))
            || self.quarantine.contains_key(&number)
        {
            return;
        }
        self.quarantine_bytes += quarantined.payload.body().len();
        self.quarantine.insert(number, quarantined);
    }

    fn release(&mut self, number: u64) -> Option<QuarantinedBlock> {
        let quarantined = self.quarantine.remove(&number)?;
        self.quarantine_bytes -= quarantined.payload.body().len();
        Some(quarantined)
    }

    fn release_unwanted(&mut self, unwanted: impl Fn(u64) -> bool) {
        let gone: Vec<u64> = self.quarantine.keys().copied().filter(|number| unwanted(*number)).collect();
        for number in gone {
            self.release(number);
        }
    }
}
