//! Message validation: which gossiped messages are accepted.
//!
//! A message's path: queued fairly by peer ([`ValidationQueue`]) → validated by a task, a value that the host runs
//! where it likes ([`ValidationTask`], at most [`Validation::TASKS`] of one topic at once) → compared with the blocks
//! already seen at its height ([`Seen`]) → reported to gossipsub. [`Signers`] holds the accepted signers;
//! [`MismatchDetector`] detects that this node's own signer or clock may be wrong.
//!
//! Bounds: those of [`ValidationQueue`], [`Seen`] and [`MismatchDetector`]; one rate limit for each connected peer.

use core::time::Duration;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use alloy_primitives::B256;
use bytes::Bytes;

mod counts;
mod mismatch;
mod outcome;
mod queue;
mod report;
mod seen;
mod signers;
mod task;
mod witnesses;

pub use counts::ValidationCounts;
pub use mismatch::{Mismatch, MismatchDetector};
pub use queue::{Pending, ValidationQueue};
pub use seen::Seen;
pub use signers::{GRACE, SignerNews, SignerRole, Signers};
pub use task::{FUTURE, ValidationId, ValidationOutcome, ValidationTask, peek_timestamp};
pub use witnesses::Place;

use crate::{
    block::{Block, Verified},
    config::{Rate, Settled},
    context::{Context, Machine, earliest},
    event::{ClockSkew, DisconnectReason, Event, SignerChanged, SignerRetired, SignerUnread},
    fault::{Acceptance, NodeFault, Offence},
    fork::Version,
    message::{Form, Message, MessageId},
    peer::PeerId,
    rate_limit::RateLimit,
    schedule::ChainSchedule,
    time::{Deadline, Now},
};

/// An input of [`Validation`].
#[derive(Debug)]
pub enum ValidationInput {
    /// A peer's first connection was established.
    Connected(PeerId),
    /// A peer's last connection ended.
    Disconnected(PeerId),
    /// gossipsub delivered a message for the first time.
    Gossiped {
        /// The peer that delivered it.
        peer: PeerId,
        /// The message id.
        id: MessageId,
        /// The topic, by its payload version.
        version: Version,
        /// The decompressed bytes, and the result of decompression.
        message: Message,
    },
    /// This node is the sequencer and made a block.
    Produced {
        /// The topic, by its payload version.
        version: Version,
        /// The uncompressed message.
        data: Bytes,
    },
    /// A task ended.
    Validated(ValidationId, ValidationOutcome),
    /// A fetched block was promoted: a copy that is gossiped later is a duplicate.
    Fetched {
        /// Its topic, by payload version.
        version: Version,
        /// Its number.
        number: u64,
        /// Its hash.
        hash: B256,
    },
    /// The host learnt something about the signer.
    Signer(SignerNews),
    /// An independent time source agrees with our clock.
    ClockAgrees,
    /// Sets the schedule for the messages from now on.
    Schedule(Arc<ChainSchedule>),
}

/// An output of [`Validation`].
#[derive(Debug)]
pub enum ValidationOutput {
    /// Run this task and answer with its outcome.
    Validate(ValidationId, ValidationTask),
    /// Report a message's validation result to gossipsub.
    Report {
        /// The message id.
        id: MessageId,
        /// The peer that delivered it.
        peer: PeerId,
        /// Forward, penalise or ignore.
        acceptance: Acceptance,
    },
    /// Gossip a block of our own.
    Publish {
        /// The topic, by its payload version.
        version: Version,
        /// The uncompressed message.
        data: Bytes,
    },
    /// A block was accepted.
    Accepted {
        /// The block.
        block: Arc<Verified<Block>>,
        /// The peer that delivered it first; `None` for our own.
        peer: Option<PeerId>,
    },
    /// A block of our signer breaks Base's rule on a block's time.
    OffSchedule,
    /// A peer committed an offence.
    Offence(PeerId, Offence),
    /// Close a peer's connections.
    Disconnect(PeerId, DisconnectReason),
    /// Emit an event.
    Emit(Event),
}

/// The validation machine. See the module.
#[derive(Debug)]
pub struct Validation {
    config: Settled,
    schedule: Arc<ChainSchedule>,
    queues: [ValidationQueue; 4],
    running: BTreeMap<ValidationId, RunningValidation>,
    next_id: u64,
    seen: Seen,
    signers: Signers,
    mismatch: MismatchDetector,
    /// Limit of each connected peer on messages that are new to us.
    rates: BTreeMap<PeerId, RateLimit>,
    /// When a block of our signer was accepted last (monotonic).
    confirmed_at: Option<Duration>,
    /// When an independent time source agreed with our clock last (monotonic).
    clock_agreed_at: Option<Duration>,
    counts: ValidationCounts,
    outputs: VecDeque<ValidationOutput>,
}

/// A task that the host is running.
#[derive(Debug)]
struct RunningValidation {
    /// The message. Its bytes are shared with the task.
    pending: Pending,
    /// When it expires (monotonic).
    expires: Duration,
    /// Whether it expired: its message was reported, but the task still occupies a thread.
    expired: bool,
}

impl Validation {
    /// Tasks of one topic that run at once (op-node's validator concurrency).
    pub const TASKS: usize = 4;
    /// How long a task may take, from its start. op-node's validator has 3 s; a task of ours for a big block shares the
    /// processor with whatever else runs on the machine, and gossipsub waits 20 s for a result.
    pub const TASK_TIMEOUT: Duration = Duration::from_secs(12);
    /// Messages per second of one peer, sustained and in a burst. The sequencer makes one or a few per second, and a
    /// peer delivers only messages that no other peer delivered before; a peer above this rate replays or invents
    /// messages.
    pub const MESSAGES: Rate = Rate::new(50, 200);
    /// How long the agreement of an independent time source counts: L1 is read every ten minutes.
    const CLOCK_AGREES_FOR: Duration = Duration::from_secs(30 * 60);

    /// With empty queues. `shortest` is the shortest block interval.
    pub fn new(config: Settled, schedule: Arc<ChainSchedule>, shortest: Duration) -> Self {
        let window = config.max_age + Duration::from_secs(FUTURE);
        Self {
            schedule,
            queues: Default::default(),
            running: BTreeMap::new(),
            next_id: 0,
            seen: Seen::new(shortest, window),
            signers: Signers::new(config.signer),
            mismatch: MismatchDetector::default(),
            rates: BTreeMap::new(),
            confirmed_at: None,
            clock_agreed_at: None,
            counts: ValidationCounts::default(),
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The accepted signers.
    pub const fn signers(&self) -> &Signers {
        &self.signers
    }

    /// The detector of a wrong signer or clock of this node.
    pub const fn mismatch(&self) -> &MismatchDetector {
        &self.mismatch
    }

    /// Counters since the start.
    pub const fn counts(&self) -> &ValidationCounts {
        &self.counts
    }

    /// Messages in the queues, and running tasks.
    pub fn in_progress(&self) -> usize {
        self.running.len() + self.queues.iter().map(ValidationQueue::len).sum::<usize>()
    }

    /// Whether an independent time source has agreed with our clock within 30 minutes before
    /// `now` (monotonic).
    pub fn clock_agrees_at(&self, now: Duration) -> bool {
        self.clock_agreed_at.is_some_and(|at| now.saturating_sub(at) <= Self::CLOCK_AGREES_FOR)
    }

    /// Queues a peer's message. A flooding peer is disconnected, but its message is validated: it may be an honest
    /// block that gossipsub will not deliver from another peer.
    fn receive(&mut self, context: &Context, pending: Pending) {
        let (peer, now) = (pending.peer, pending.arrived.mono);
        let overflows = self.enqueue(context, pending);
        let Some(peer) = peer else { return };
        let too_fast = self.rates.get_mut(&peer).is_some_and(|rate| !rate.take(now));
        if overflows || too_fast {
            self.outputs.push_back(ValidationOutput::Disconnect(peer, DisconnectReason::Flooding));
            self.outputs.push_back(ValidationOutput::Offence(peer, Offence::Flooding));
        }
    }

    /// Puts a message into its queue; returns whether its sender has more messages queued than allowed.
    fn enqueue(&mut self, context: &Context, pending: Pending) -> bool {
        let Some(queue) = self.queues.get_mut(usize::from(pending.version.topic())) else { return false };
        let change = queue.put(pending);
        for evicted in change.evicted {
            self.report(context, &evicted, Err(NodeFault::NoRoom.into()));
        }
        change.flooding
    }

    /// Starts as many tasks as may run.
    fn start_tasks(&mut self, now: Duration) {
        for version in Version::ALL {
            let running = self.running.values().filter(|running| running.pending.version == version).count();
            for _ in running..Self::TASKS {
                let queue = self.queues.get_mut(usize::from(version.topic()));
                let Some(pending) = queue.and_then(ValidationQueue::take) else { break };
                self.start(now, pending);
            }
        }
    }

    fn start(&mut self, now: Duration, pending: Pending) {
        let id = ValidationId(self.next_id);
        self.next_id += 1;
        let task = ValidationTask {
            chain_id: self.config.chain.id,
            schedule: self.schedule.clone(),
            version: pending.version,
            message: pending.message.clone(),
            signers: self.signers,
            at: pending.arrived.secs(),
            past: self.config.max_age.as_secs(),
        };
        let expires = now.saturating_add(Self::TASK_TIMEOUT);
        self.running.insert(id, RunningValidation { pending, expires, expired: false });
        self.outputs.push_back(ValidationOutput::Validate(id, task));
    }

    /// Reports the messages of tasks that have run for too long.
    fn expire_tasks(&mut self, context: &Context) {
        let now = context.now.mono;
        let mut expired = Vec::new();
        for running in self.running.values_mut().filter(|running| !running.expired && running.expires <= now) {
            running.expired = true;
            expired.push(running.pending.clone());
        }
        for pending in expired {
            self.report(context, &pending, Err(NodeFault::Late.into()));
        }
    }

    fn learn_signer(&mut self, now: Duration, news: SignerNews) {
        match news {
            SignerNews::Read { signer, rotation: true } => self.change_signers(|signers| _ = signers.read(now, signer)),
            SignerNews::Read { signer, rotation: false } => self.change_signers(|signers| _ = signers.replace(signer)),
            SignerNews::Restored { signer, previous } => {
                self.change_signers(|signers| *signers = Signers::restored(now, signer, previous));
            }
            SignerNews::Unread { error } => self.emit(Event::SignerUnread(SignerUnread { error })),
        }
    }

    /// Changes the accepted signers, and emits what changed.
    fn change_signers(&mut self, change: impl FnOnce(&mut Signers)) {
        let before = self.signers;
        change(&mut self.signers);
        if self.signers.current() != before.current() {
            self.mismatch.reset();
            let (previous, grace) = (before.current(), self.signers.previous());
            self.emit(Event::SignerChanged(SignerChanged { previous, current: self.signers.current(), grace }));
        } else if let Some(retired) = before.previous().filter(|_| self.signers.previous().is_none()) {
            self.emit(Event::SignerRetired(SignerRetired { retired }));
        }
    }

    /// An independent time source agrees with our clock: if blocks are out of time, the sequencer's clock is wrong.
    fn clock_agrees(&mut self, now: Duration) {
        let agreed = self.clock_agrees_at(now);
        self.clock_agreed_at = Some(now);
        if let Some((offset_secs, peers)) = self.mismatch.skew().filter(|_| !agreed) {
            self.emit(Event::SequencerSkew(ClockSkew { offset_secs, peers }));
        }
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(ValidationOutput::Emit(event));
    }
}

impl Machine for Validation {
    type Input = ValidationInput;
    type Output = ValidationOutput;

    fn handle(&mut self, context: &mut Context, input: ValidationInput) {
        let now = context.now;
        match input {
            ValidationInput::Connected(peer) => {
                self.rates.insert(peer, RateLimit::new(Self::MESSAGES, now.mono));
            }
            ValidationInput::Disconnected(peer) => _ = self.rates.remove(&peer),
            ValidationInput::Gossiped { peer, id, version, message } => {
                self.counts.received(&message);
                let pending = Pending { peer: Some(peer), id: Some(id), version, message, arrived: now };
                self.receive(context, pending);
            }
            ValidationInput::Produced { version, data } => {
                let wire = data.len();
                let message = Message { form: Form::Snappy, data, wire };
                self.receive(context, Pending { peer: None, id: None, version, message, arrived: now });
            }
            ValidationInput::Validated(id, outcome) => self.validated(context, id, outcome),
            ValidationInput::Fetched { version, number, hash } => self.seen.fetched(version, number, hash),
            ValidationInput::Signer(news) => self.learn_signer(now.mono, news),
            ValidationInput::ClockAgrees => self.clock_agrees(now.mono),
            ValidationInput::Schedule(schedule) => self.schedule = schedule,
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        let now = context.now.mono;
        self.change_signers(|signers| signers.expire(now));
        self.expire_tasks(context);
        self.start_tasks(now);
    }

    fn poll_output(&mut self) -> Option<ValidationOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, _: &Context, _: Now) -> Option<Deadline> {
        let oldest = self.running.values().filter(|running| !running.expired).map(|running| running.expires).min();
        earliest([(self.signers.expires(), "signer"), (oldest, "validation")])
    }
}
