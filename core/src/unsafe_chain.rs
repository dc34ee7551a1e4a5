//! The unsafe chain: the head among the verified blocks, gaps and their range sync, and reorgs.
//!
//! A verified block is persisted and may move the [`Head`]. Blocks missing below it are fetched by
//! [`RangeSync`]: `Fetch` → `Fetched` → `Decode` → `Decoded` → quarantine → promoted when
//! a verified child names its hash. Verified blocks also show the chain's block interval ([`IntervalEstimator`]) and
//! forks that the configured schedule lacks ([`Upgrades`]).
//!
//! Bounds: those of [`Head`] and of range sync.

use core::{num::NonZeroU32, time::Duration};
use std::{collections::VecDeque, sync::Arc};

use alloy_primitives::B256;
use bytes::Bytes;

mod branches;
mod catch_up;
mod head;
mod interval;
mod progress;
mod reorg;
mod upgrades;

pub use head::Head;
pub use interval::IntervalEstimator;
pub use upgrades::Upgrades;

use crate::{
    block::{Block, BlockInfo, ValidPayload, Verified},
    config::{RequestLimits, Settled},
    context::{Context, Machine, Timer, earliest},
    event::{Connected, DisconnectReason, Event},
    fault::{AnswerFault, Offence},
    fork::Version,
    peer::PeerId,
    persistence::Persist,
    range_sync::{BlockRequest, FetchId, RangeSync, ResponseTask},
    schedule::ChainSchedule,
    time::{Deadline, Now},
};

/// An input of [`UnsafeChain`].
#[derive(Debug)]
pub enum ChainInput {
    /// A peer's first connection was established.
    Connected(Connected),
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// A peer's agent version begins with [`UnsafeChain::AGENT`]: it answers requests as fast as this program does.
    IsPetrel(PeerId),
    /// A gossiped block, or our own, was accepted.
    Accepted(Arc<Verified<Block>>),
    /// A block of our signer breaks Base's rule on a block's time.
    OffSchedule,
    /// Our request was answered, or failed.
    Fetched(FetchId, Result<Bytes, AnswerFault>),
    /// A response was validated.
    Decoded(FetchId, Result<ValidPayload, AnswerFault>),
    /// The number of bytes of verified blocks that wait to be persisted.
    PendingBytes(usize),
}

/// A fetched block that was promoted.
#[derive(Clone, Copy, Debug)]
pub struct PromotedBlock {
    /// Its encoding.
    pub version: Version,
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

/// An output of [`UnsafeChain`].
#[derive(Debug)]
pub enum ChainOutput {
    /// Request a block from a peer.
    Fetch(BlockRequest),
    /// Run this task and answer with its outcome.
    Decode(FetchId, ResponseTask),
    /// Persist this.
    Persist(Persist),
    /// A fetched block was promoted: it is proven to be part of the chain.
    Promoted(PromotedBlock),
    /// A peer answered a request of ours with a block.
    Answered(PeerId),
    /// A peer committed an offence.
    Offence(PeerId, Offence),
    /// Close a peer's connections.
    Disconnect(PeerId, DisconnectReason),
    /// Leave the topic of this version: the schedule no longer uses it.
    Unsubscribe(Version),
    /// The schedule by which messages are validated from now on.
    Schedule(Arc<ChainSchedule>),
    /// The limits of serving from now on.
    ServeLimits(RequestLimits),
    /// Emit an event.
    Emit(Event),
}

/// The unsafe chain machine. See the module.
#[derive(Debug)]
pub struct UnsafeChain {
    config: Settled,
    schedule: Arc<ChainSchedule>,
    upgrades: Upgrades,
    interval: IntervalEstimator,
    /// Factor of the request rates, relative to a chain with a block interval of 1 s.
    factor: NonZeroU32,
    head: Head,
    sync: RangeSync,
    /// Whether a gossiped block was accepted in this run.
    has_gossip: bool,
    timer: Timer,
    outputs: VecDeque<ChainOutput>,
}

impl UnsafeChain {
    /// How the agent version of this program begins.
    pub const AGENT: &str = "petrel";

    /// With the chain that an earlier run persisted, in rising order, at `now`.
    pub fn new(config: Settled, restored: &[BlockInfo], now: Now) -> Self {
        let interval = IntervalEstimator::new(config.chain.cadence.clone(), restored);
        let shortest = config.chain.cadence.shortest_from(now.millis());
        let max_gap = max_gap(&config, interval.interval(now));
        let head = Head::new(config.gap_timeout, max_gap, shortest).restored(now.mono, restored);
        let mut chain = Self {
            schedule: Arc::new(ChainSchedule::new(&config.chain)),
            upgrades: Upgrades::since(head.tip(), &config.chain, now),
            interval,
            factor: NonZeroU32::MIN,
            head,
            sync: RangeSync::new(config.sync, now.mono),
            has_gossip: false,
            timer: Timer::new(None),
            outputs: VecDeque::new(),
            config,
        };
        chain.follow_interval(now);
        chain.timer = Timer::new(chain.deadline(now));
        chain
    }

    /// The head, its gap and its reorgs.
    pub const fn head(&self) -> &Head {
        &self.head
    }

    /// The schedule by which messages are validated.
    pub const fn schedule(&self) -> &Arc<ChainSchedule> {
        &self.schedule
    }

    /// The fork that the chain's blocks show and that the configured schedule lacks.
    pub const fn schedule_mismatch(&self) -> Option<&'static str> {
        self.upgrades.mismatch()
    }

    /// The block interval: the smaller of the configured one and the observed one.
    pub fn interval(&self, now: Now) -> Duration {
        self.interval.interval(now)
    }

    /// The highest block number that can exist at `now` plus `ahead`; `None` before the chain begins.
    pub fn due(&self, now: Now, ahead: Duration) -> Option<u64> {
        self.interval.due(now, ahead)
    }

    /// Blocks in quarantine.
    pub fn quarantined(&self) -> usize {
        self.sync.quarantined()
    }

    /// Adapts the limits that are times to the block interval.
    fn follow_interval(&mut self, now: Now) {
        let (interval, limits) = (self.interval.interval(now), self.config.sync.limits);
        self.head.set_max_gap(max_gap(&self.config, interval));
        self.sync.set_interval(interval);
        let factor = limits.factor(interval);
        if factor > self.factor {
            self.factor = factor;
            self.sync.set_factor(factor, now.mono);
            self.outputs.push_back(ChainOutput::ServeLimits(limits.times(factor)));
        }
    }

    /// When something is due if nothing else happens, as known at `now`.
    fn deadline(&self, now: Now) -> Option<Deadline> {
        earliest([
            (self.head.due(), "gap"),
            (self.upgrades.retires_at(now), "topic"),
            (self.sync.due(now.mono), "sync"),
        ])
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(ChainOutput::Emit(event));
    }
}

impl Machine for UnsafeChain {
    type Input = ChainInput;
    type Output = ChainOutput;

    fn handle(&mut self, context: &mut Context, input: ChainInput) {
        let now = context.now;
        self.timer.input();
        match input {
            ChainInput::Connected(Connected { peer, leaf, .. }) => {
                let is_static = context.static_peers.contains(&peer);
                self.sync.connected(peer, is_static, leaf, now.mono);
            }
            ChainInput::Disconnected(peer) => self.sync.disconnected(peer, now.mono),
            ChainInput::IsPetrel(peer) => self.sync.is_petrel(peer, now.mono),
            ChainInput::Accepted(block) => {
                self.has_gossip = true;
                self.add(now, block);
            }
            ChainInput::OffSchedule => self.off_schedule(),
            ChainInput::Fetched(id, Ok(bytes)) => self.sync.response_received(id, bytes),
            ChainInput::Fetched(id, Err(fault)) => self.decoded(now, id, Err(fault)),
            ChainInput::Decoded(id, outcome) => self.decoded(now, id, outcome),
            ChainInput::PendingBytes(bytes) => self.sync.set_unpersisted(bytes),
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        let now = context.now;
        if !self.timer.is_due(now.mono) {
            return;
        }
        if self.sync.may_still_come(now.mono) {
            self.head.extend_timeout(now.mono);
        }
        let events = self.head.handle_timeout(now.mono);
        self.head_moved(events);
        self.leave_topics(now);
        self.catch_up(now);
        self.timer.ran(now.mono, self.deadline(now));
    }

    fn poll_output(&mut self) -> Option<ChainOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, _: &Context, _: Now) -> Option<Deadline> {
        self.timer.deadline()
    }
}

/// The maximum number of blocks in a gap, with this block interval.
fn max_gap(config: &Settled, interval: Duration) -> u64 {
    let blocks = config.sync.max_gap.as_millis() / interval.as_millis().max(1);
    u64::try_from(blocks).unwrap_or(u64::MAX).min(Head::MAX_GAP)
}
