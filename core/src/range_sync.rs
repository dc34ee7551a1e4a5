//! Range sync: fetches the blocks between the unsafe head and a verified block above it from peers, by number.
//!
//! A fetched payload carries no signature. It is proven by its hash, which its verified child names as its parent. So a
//! gap is closed from its upper end downwards (reverse sync). Blocks further down are fetched in parallel and stay in
//! quarantine, unproven, until a verified child names their hash; then they are promoted.
//!
//! ```text
//!    head         fetched ahead, in quarantine        promoted       verified
//!    ──■  ·  ·  ·  ▒  ▒  ·  ▒  ▒  ·  ▒  ▒  ▒  ·  ▒  ■◄──■──■   ◄──  gossip
//!        from                                 to ▲ expected
//! ```
//!
//! [`RangeSync::next_request`] is a pure question that the caller asks after every input; there is no task that waits.
//! `pick` chooses the peer. A peer that refused a block is asked for it again a little later, because it may be
//! fetching the same block, but at most three times (`Refusals`). A slow peer gets one request at a time and delays
//! no other block, because another peer is asked for the same block after [`RangeSync::HEDGE_AFTER`]. A peer whose block
//! links to nothing may follow another branch, or forge blocks at no cost: from then on until a block of it is promoted
//! it is asked for the next block alone, behind all other peers, and delays none of them. A peer that
//! sent an invalid response is not asked for [`RangeSync::INVALID_BACKOFF`]. No peer is blamed for a gap that was given
//! up, nor for a block that links to nothing while no other peer has the right one: the signer may have left the branch
//! that is asked for.
//!
//! After a start no verified block above the head is known. Then [`RangeTarget::expected`] is `None`, and blocks are
//! fetched upwards from the head until quarantine is full.
//!
//! Bounds: [`RangeSync::MAX_IN_FLIGHT`] requests in flight, and [`RangeSync::MAX_OVERDUE`] more that are overdue;
//! [`RangeSync::MAX_PEER_IN_FLIGHT`] at one peer, each answered with at most 10 MiB; 64 MiB of responses that wait for
//! validation, of which four run at once; [`RangeSync::QUARANTINE`] blocks and [`RangeSync::QUARANTINE_BYTES`] in
//! quarantine, and the next block; refusals only for block numbers within a window of
//! [`RangeSync::WINDOW`]. Window and quarantine are limits in time, so they grow on a fast chain, up to
//! [`RangeSync::MAX_SCALE`] times.

use core::{num::NonZeroU32, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use bytes::Bytes;

mod pace;
mod peer;
mod progress;
mod received;
mod refusals;
mod request;
mod response;
mod selection;
mod target;
mod unlinked;

use pace::Pace;
use peer::SyncPeer;
pub use progress::Progress;
use received::Received;
use refusals::Refusals;
use request::InFlight;
pub use request::{BlockRequest, FetchId, QuarantinedBlock, RequestFailure};
pub use response::ResponseTask;
pub use target::RangeTarget;
use unlinked::Unlinked;

use crate::{
    block::ValidPayload,
    config::SyncConfig,
    event::FetchFailed,
    fault::{AnswerFault, Offence},
    peer::PeerId,
    schedule::ChainSchedule,
};

/// The state of range sync. See the module.
#[derive(Debug)]
pub struct RangeSync {
    config: SyncConfig,
    /// Factor of the request rate at Petrel peers, and of the window; 1 on a chain with a block interval of 1 s or
    /// more.
    factor: NonZeroU32,
    peers: BTreeMap<PeerId, SyncPeer>,
    target: Option<RangeTarget>,
    /// When fetching for this target may begin (monotonic).
    start_at: Duration,
    in_flight: BTreeMap<FetchId, InFlight>,
    next_id: u64,
    quarantine: BTreeMap<u64, QuarantinedBlock>,
    quarantine_bytes: usize,
    /// Which peer did not give which block.
    refusals: Refusals,
    /// When a peer that serves blocks disconnected last (monotonic).
    server_left_at: Option<Duration>,
    /// The peers whose block at the upper end of the target linked to nothing.
    unlinked: Unlinked,
    pace: Pace,
    received: Received,
    progress: Progress,
    /// Bytes of verified blocks that are not persisted yet; above the bound nothing is fetched.
    unpersisted: usize,
}

impl RangeSync {
    /// Known peers, above which disconnected peers are forgotten.
    pub const PEERS: usize = 4096;
    /// Requests in flight that are not overdue.
    pub const MAX_IN_FLIGHT: usize = 16;
    /// Additional requests in flight that are overdue for longer than [`RangeSync::HEDGE_AFTER`]: each may hold a
    /// response's bytes.
    pub const MAX_OVERDUE: usize = 16;
    /// Requests in flight at one peer. (An op-node allows more libp2p streams, but fewer rate limit tokens.)
    pub const MAX_PEER_IN_FLIGHT: usize = peer::MAX_PEER_IN_FLIGHT;
    /// How many numbers below the next expected block are fetched ahead, on a chain with a block interval of 1 s or
    /// more.
    pub const WINDOW: u64 = 64;
    /// Blocks in quarantine (op-node: 100), on such a chain.
    pub const QUARANTINE: usize = 100;
    /// Maximum factor by which window and quarantine grow on a faster chain.
    pub const MAX_SCALE: u32 = 5;
    /// Payload bytes in quarantine.
    pub const QUARANTINE_BYTES: usize = 64 << 20;
    /// Bytes of verified blocks that may wait to be persisted before fetching pauses.
    pub const UNPERSISTED_BYTES: usize = 64 << 20;
    /// How long a new gap waits before the first request: it may be gossip in another order, or a lost message that a
    /// peer offers again with its next heartbeat (500 ms).
    pub const START_DELAY: Duration = Duration::from_millis(700);
    /// Time without a response after which another peer is asked for the same block.
    pub const HEDGE_AFTER: Duration = peer::HEDGE_AFTER;
    /// How long a gap stays open while no connected peer serves blocks.
    pub const NO_SERVER_TIMEOUT: Duration = Duration::from_secs(60);
    /// How long a gap stays open without enough progress, whichever peers connect: in this time half as many blocks must
    /// close as the chain makes, or all that are left.
    pub const NO_PROGRESS_TIMEOUT: Duration = Pace::PERIOD;
    /// How long a peer that sent an invalid response is not asked.
    pub const INVALID_BACKOFF: Duration = peer::INVALID_BACKOFF;
    /// How long a peer that follows another branch is not asked.
    pub const UNLINKED_BACKOFF: Duration = peer::UNLINKED_BACKOFF;
    /// Blocks in a row that link to nothing after which a peer is not asked for a while.
    pub const MAX_UNLINKED: u32 = peer::MAX_UNLINKED;
    /// How long a peer that did not answer is not asked.
    pub const FAILED_BACKOFF: Duration = peer::FAILED_BACKOFF;

    /// Without a target and without peers, at `now` (monotonic).
    pub fn new(config: SyncConfig, now: Duration) -> Self {
        Self {
            config,
            factor: NonZeroU32::MIN,
            peers: BTreeMap::new(),
            target: None,
            start_at: now,
            in_flight: BTreeMap::new(),
            next_id: 0,
            quarantine: BTreeMap::new(),
            quarantine_bytes: 0,
            refusals: Refusals::default(),
            server_left_at: None,
            unlinked: Unlinked::default(),
            pace: Pace::new(now),
            received: Received::default(),
            progress: Progress::default(),
            unpersisted: 0,
        }
    }

    /// Sets the block interval, which decides how fast a gap must close.
    pub fn set_interval(&mut self, interval: Duration) {
        self.pace.set_interval(interval);
    }

    /// Sets the factor by which Petrel peers are asked faster than op-nodes, from `now` (monotonic) on.
    pub fn set_factor(&mut self, factor: NonZeroU32, now: Duration) {
        self.factor = factor;
        let rate = self.config.limits.peer.map(|rate| rate.times(factor));
        self.peers.values_mut().filter(|peer| peer.is_petrel()).for_each(|peer| peer.set_rate(rate, now));
    }

    /// A peer's agent version says that it is a Petrel, at `now` (monotonic): it answers as fast as this node does.
    pub fn is_petrel(&mut self, peer: PeerId, now: Duration) {
        let rate = self.config.limits.peer.map(|rate| rate.times(self.factor));
        if let Some(peer) = self.peers.get_mut(&peer).filter(|peer| !peer.is_petrel()) {
            peer.becomes_petrel(rate, now);
        }
    }

    /// How many numbers below the next expected block are fetched ahead.
    fn window(&self) -> u64 {
        Self::WINDOW * u64::from(self.scale())
    }

    fn scale(&self) -> u32 {
        self.factor.get().min(Self::MAX_SCALE)
    }

    /// A peer connected. A leaf is never asked: it stores no blocks.
    pub fn connected(&mut self, peer: PeerId, is_static: bool, leaf: bool, now: Duration) {
        if self.config.enabled && !leaf && (is_static || !self.config.static_only) {
            let limit = self.config.limits.peer;
            self.peers.entry(peer).or_insert_with(|| SyncPeer::new(limit, now)).connected = true;
        }
    }

    /// A peer's last connection ended. Other peers are asked for the blocks that it owes. An invalid response stays on
    /// record.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        self.in_flight.retain(|_, request| request.peer != peer || request.received);
        self.refusals.retain(|(_, who)| *who != peer);
        if let Some(known) = self.peers.get_mut(&peer) {
            if known.serves {
                self.server_left_at = Some(now);
            }
            known.left(now, self.config.limits.peer.map_or(Duration::ZERO, crate::config::Rate::refill));
        }
        let few = self.peers.len() <= Self::PEERS;
        self.peers.retain(|_, peer| peer.connected || (few && peer.is_remembered(now)));
    }

    /// Sets what is missing now. Fetched blocks outside of the target are dropped; no peer is blamed for them.
    pub fn set_target(&mut self, target: Option<RangeTarget>, now: Duration) {
        if self.target == target || !self.config.enabled {
            return;
        }
        let before = core::mem::replace(&mut self.target, target);
        let Some(target) = target else {
            self.quarantine.clear();
            self.quarantine_bytes = 0;
            self.refusals.clear();
            return;
        };
        self.pace.target_changed(before, target, now);
        if before.is_none_or(|before| before.to != target.to) {
            self.unlinked.clear();
        }
        if before.is_none_or(|before| before.from != target.from) {
            self.start_at = now.saturating_add(Self::START_DELAY);
        }
        if before.is_some_and(|before| before.expected.is_none()) && target.expected.is_some() {
            // A block that did not exist yet may exist now.
            self.refusals.clear();
        }
        self.refusals.retain(|(number, _)| (target.from..=target.to).contains(number));
        self.release_unwanted(|number| !(target.from..=target.to).contains(&number));
        self.progress.set_target(target, now);
    }

    /// The next request to make at `now`; call until it returns `None`.
    pub fn next_request(&mut self, now: Duration) -> Option<BlockRequest> {
        let not_overdue = self.in_flight.values().filter(|request| !request.is_overdue(now)).count();
        let busy =
            not_overdue >= Self::MAX_IN_FLIGHT || self.in_flight.len() >= Self::MAX_IN_FLIGHT + Self::MAX_OVERDUE;
        if now < self.start_at || busy || self.unpersisted > Self::UNPERSISTED_BYTES {
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
        self.in_flight.insert(id, InFlight { peer, number, at: now, received: false });
        self.peers.get_mut(&peer)?.asked(now);
        Some(BlockRequest { id, peer, number })
    }

    /// When [`RangeSync::next_request`] may return a request again if nothing else happens (monotonic).
    pub fn due(&self, now: Duration) -> Option<Duration> {
        self.target?;
        if now < self.start_at {
            return Some(self.start_at).filter(|_| !self.peers.is_empty());
        }
        if self.unpersisted > Self::UNPERSISTED_BYTES {
            return None;
        }
        let hedge =
            self.in_flight.values().filter(|request| !request.received).map(|request| request.at + Self::HEDGE_AFTER);
        let ready = self.peers.values().filter_map(|peer| peer.ready_at(now));
        hedge.chain(ready).filter(|at| *at > now).chain(self.refusals.due(now)).min()
    }

    /// A response was received. When too many bytes wait for validation it is dropped, and the block requested again.
    pub fn response_received(&mut self, id: FetchId, bytes: Bytes) {
        let Some(request) = self.in_flight.get_mut(&id) else { return };
        request.received = true;
        if !self.received.put(id, bytes) {
            self.in_flight.remove(&id);
        }
    }

    /// The next task that validates a response; its outcome goes to [`RangeSync::response_decoded`]. Call until it returns
    /// `None`.
    pub fn next_task(&mut self, schedule: &Arc<ChainSchedule>) -> Option<(FetchId, ResponseTask)> {
        let (id, bytes) = self.received.begin()?;
        let Some(request) = self.in_flight.get(&id) else {
            self.received.ended(id);
            return self.next_task(schedule);
        };
        Some((id, ResponseTask { number: request.number, bytes, schedule: schedule.clone() }))
    }

    /// The peer of a request in flight.
    pub fn peer_of(&self, id: FetchId) -> Option<PeerId> {
        self.in_flight.get(&id).map(|request| request.peer)
    }

    /// A response was validated, or the request failed. A valid block goes into quarantine.
    pub fn response_decoded(
        &mut self,
        id: FetchId,
        outcome: Result<ValidPayload, AnswerFault>,
        now: Duration,
    ) -> Option<RequestFailure> {
        self.received.ended(id);
        let request = self.in_flight.remove(&id)?;
        match outcome {
            Ok(fetched) => {
                if let Some(peer) = self.peers.get_mut(&request.peer) {
                    peer.served(now.saturating_sub(request.at));
                }
                self.progress.fetched(fetched.body().len());
                self.quarantine(request.number, QuarantinedBlock { payload: fetched, peer: request.peer });
                None
            }
            Err(fault) => Some(self.failed(request.peer, request.number, fault, now)),
        }
    }

    /// Takes the block at the upper end of the target out of quarantine: `Ok` when its hash is the expected one, `Err`
    /// for the peer that sent another block. Call until it returns `None`, each time with the new target.
    pub fn promote(&mut self, now: Duration) -> Option<Result<QuarantinedBlock, RequestFailure>> {
        let target = self.target?;
        let expected = target.expected?;
        let quarantined = self.release(target.to)?;
        if quarantined.payload.hash() == expected {
            if let Some(peer) = self.peers.get_mut(&quarantined.peer) {
                peer.promote();
            }
            self.unlinked.refute(&mut self.peers);
            return Some(Ok(quarantined));
        }
        let (peer, fault) = (quarantined.peer, AnswerFault::Unlinked { found: quarantined.payload.hash() });
        // Its other blocks link to nothing either, most likely. They are requested from others at once, all together.
        let of_peer = |block: &QuarantinedBlock| block.peer == peer;
        let others: BTreeSet<u64> =
            self.quarantine.iter().filter(|(_, block)| of_peer(block)).map(|(number, _)| *number).collect();
        self.release_unwanted(|number| others.contains(&number));
        self.unlinked.add(peer);
        Some(Err(self.failed(peer, target.to, fault, now)))
    }

    /// Whether the next block may still come: a request for it is in flight, or a connected peer has not refused it for
    /// good. While no connected peer serves blocks, for [`RangeSync::NO_SERVER_TIMEOUT`], because gossip has stopped
    /// then as well. Never for longer than [`RangeSync::NO_PROGRESS_TIMEOUT`] without enough progress: otherwise peers
    /// could keep a gap open for ever by reconnecting, or by a block now and then.
    pub fn may_still_come(&self, now: Duration) -> bool {
        let Some(target) = self.target.filter(|_| !self.pace.is_too_slow(now)) else { return false };
        let next = target.first();
        let in_flight = self.in_flight.values().any(|request| request.number == next && !request.is_overdue(now));
        let mut servers = self.peers.iter().filter(|(_, known)| known.connected && known.serves).peekable();
        if servers.peek().is_none() {
            return self.server_left_at.is_some_and(|left| now.saturating_sub(left) < Self::NO_SERVER_TIMEOUT);
        }
        in_flight || servers.any(|(peer, known)| !known.is_excluded(now) && !self.refusals.is_final(next, *peer))
    }

    /// The peers that committed an offence since the last call: [`RangeSync::MAX_UNLINKED`] blocks in a row that linked to
    /// nothing, where another peer had the right ones.
    pub fn take_offences(&mut self) -> Vec<(PeerId, Offence)> {
        self.unlinked.take_offences()
    }

    /// Sets how many bytes of verified blocks wait to be persisted.
    pub const fn set_unpersisted(&mut self, bytes: usize) {
        self.unpersisted = bytes;
    }

    /// The gap was given up.
    pub fn skipped(&mut self) {
        self.progress.given_up();
    }

    /// The progress to emit at `now`, at most once a second.
    pub fn progress(&mut self, now: Duration) -> Option<crate::event::Synced> {
        self.progress.report(self.target, now)
    }

    fn failed(&mut self, peer: PeerId, number: u64, fault: AnswerFault, now: Duration) -> RequestFailure {
        self.refusals.record(number, peer, fault, now);
        if let Some(known) = self.peers.get_mut(&peer) {
            known.failed(fault, now);
        }
        let event = FetchFailed { peer, number, fault: fault.name(), detail: fault.to_string(), cause: fault };
        RequestFailure { event, blame: fault.blame() }
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
        let bytes = self.quarantine_bytes.saturating_add(quarantined.payload.body().len());
        if bytes > Self::QUARANTINE_BYTES && !self.is_next(number) {
            return; // it is requested again when there is room
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
        let unwanted: Vec<u64> = self.quarantine.keys().copied().filter(|number| unwanted(*number)).collect();
        for number in unwanted {
            self.release(number);
        }
    }
}
