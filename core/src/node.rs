//! The composition: the machines behind one face, without I/O.
//!
//! **The law: one in, drain out.** After [`Node::new`], every [`Node::handle`] and [`Node::handle_timeout`] the host drains
//! [`Node::poll_output`] to `None` before the next input; a debug assertion makes breaking it loud. Then it asks
//! [`Node::poll_timeout`] when to come back if nothing else happens.
//!
//! A gossiped message goes: `Gossiped` → wait fairly by peer → `Check` (at most [`Node::CHECKS`] of a topic run at once)
//! → `Checked` → seen at this height? → `Judge` for gossipsub, `Tell` for the outside, `Keep`, and the head moves. What is
//! missing below it is fetched: `Fetch` → `Fetched` → `Read` → quarantine until its hash is named → `Tell`, `Keep`. A peer
//! that asks: `Asked` → wait for its tokens → `Load` → `Loaded` → `Answer` → `Answered`.
//!
//! Bounds: the queues of [`Waiting`], the books of [`Seen`], [`Head`], [`Peers`], [`Sync`] and [`Server`]; outputs are drained before the next
//! input, and one input makes a bounded number of them.

use core::{num::NonZeroU32, time::Duration};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
};

use bytes::Bytes;

use crate::{
    block::ValidPayload,
    chance::Chance,
    config::Settled,
    event::{
        BlockRef, DialFailed, Disconnected, Event, Identified, Listening, Reachable, SharedKey, SignerChanged,
        SignerRetired, SignerUnread, Stalled, TopicChange,
    },
    fork::Version,
    gossip::{Acceptance, ChainSchedule, Check, Doubts, FUTURE, Form, Message, Pending, Seen, Signers, Waiting},
    head::Head,
    pace::Pace,
    peer::PeerId,
    peers::{Book, Deed, Gate, Observed, Peers, Seek, Silence, Statics},
    request::{AnswerFault, Reply, Server},
    sync::{FetchId, Sync},
    time::{Deadline, Now},
};

mod catch_up;
mod input;
mod judge;
mod operator;
mod output;
mod place;
mod repute;
mod schedule;
mod seek;
mod serve;
mod status;
mod tide;

pub use input::{Input, SignerNews};
pub use operator::PeerReport;
pub use output::{CheckId, DropReason, Keep, KeepId, Kept, Memory, Output};
pub use status::{BanStatus, Carried, DialBacks, Gated, LeavesStatus, PeerStatus, Status};

/// See the module.
#[derive(Debug)]
pub struct Node {
    config: Settled,
    schedule: Arc<ChainSchedule>,
    /// What our signer's blocks have shown of the schedule.
    upgrades: schedule::Upgrades,
    pace: Pace,
    /// How many times as fast as on a chain with a block a second peers are asked and answered.
    factor: NonZeroU32,
    /// When an independent time agreed with our clock last (monotonic).
    clock_agreed_at: Option<Duration>,
    outputs: VecDeque<Output>,
    peers: Peers,
    statics: Statics,
    seek: Seek,
    book: Book,
    gate: Gate,
    /// Whose score is too low, of those who are connected.
    fallen: BTreeMap<PeerId, Fallen>,
    /// Who is away and may not come for its score alone.
    low: BTreeSet<PeerId>,
    /// When what has changed in the book is kept next (monotonic).
    keep_peers_at: Duration,
    signers: Signers,
    doubts: Doubts,
    silence: Silence,
    waiting: [Waiting; 4],
    running: BTreeMap<CheckId, Running>,
    next_check: u64,
    seen: Seen,
    head: Head,
    sync: Sync,
    server: Server,
    /// What is being kept: for a block its bytes too.
    keeps: BTreeMap<KeepId, Option<(BlockRef, usize)>>,
    next_keep: u64,
    /// Whether the last thing could be kept.
    keeping: bool,
    /// A block was verified in this run.
    heard: bool,
    /// Where peers see us.
    observed: Observed,
    /// Whether peers that were asked could dial us.
    reachable: Option<bool>,
    /// When a block of our signer was gossiped last (monotonic).
    vouched_at: Option<Duration>,
    chance: Chance,
    /// Of a hundred messages so many are lost.
    loss: u8,
    counts: status::Counts,
}

/// A peer whose score is too low.
#[derive(Debug)]
struct Fallen {
    /// Since when (monotonic).
    since: Duration,
    /// Whether what follows from it has followed.
    told: bool,
}

/// A check that the host was asked to run.
#[derive(Debug)]
struct Running {
    /// Everything but the message's bytes, which the check holds; of our own message also those.
    pending: Pending,
    /// When it has lived long enough (monotonic).
    dies: Duration,
    /// It died: its message was given up, but it still occupies a thread.
    dead: bool,
}

impl Node {
    /// Checks of one topic that run at once (op-node's validator concurrency).
    pub const CHECKS: usize = 4;
    /// How long a check may take, from its start. op-node's validator has 3 s; ours of a big block leaves the processor to
    /// whatever else the machine does, and gossipsub waits 20 s for a verdict.
    pub const CHECK_LIFE: Duration = Duration::from_secs(12);

    /// How the agent version of our own kind begins.
    pub const KIND: &str = "petrel";
    /// Characters of a peer's agent version that are kept.
    pub const AGENT: usize = 128;

    /// A node that has met nobody. `seed` feeds what must not be predictable from outside (the jitter of dials).
    pub fn new(config: Settled, memory: &Memory, seed: [u8; 32], now: Now) -> Self {
        let jitter = u64::from_le_bytes(seed.first_chunk().copied().unwrap_or_default());
        let pace = Pace::new(config.chain.cadence.clone(), &memory.chain);
        let (interval, shortest) = (pace.interval(now), config.chain.cadence.shortest_from(now.millis()));
        let head =
            Head::new(config.gap_patience, max_gap(&config, interval), shortest).restored(now.mono, &memory.chain);
        let window = config.past + Duration::from_secs(FUTURE);
        let mut node = Self {
            schedule: Arc::new(ChainSchedule::new(&config.chain)),
            upgrades: schedule::Upgrades::since(head.tip(), &config.chain, now),
            pace,
            factor: NonZeroU32::MIN,
            clock_agreed_at: None,
            outputs: VecDeque::new(),
            peers: Peers::default(),
            statics: Statics::new(&config.statics, config.wanted, jitter, now.mono),
            seek: Seek::new(jitter.rotate_left(16), now.mono),
            signers: Signers::new(config.signer),
            doubts: Doubts::default(),
            book: Book::new(interval, now, memory.peers.iter().cloned()),
            gate: Gate::default(),
            fallen: BTreeMap::new(),
            low: BTreeSet::new(),
            keep_peers_at: now.mono.saturating_add(Self::KEEP_PEERS),
            silence: Silence::new(interval, now.mono),
            waiting: Default::default(),
            running: BTreeMap::new(),
            next_check: 0,
            seen: Seen::new(shortest, window),
            head,
            sync: Sync::new(config.sync, now.mono),
            server: Server::new(config.sync.limits, now.mono),
            keeps: BTreeMap::new(),
            next_keep: 0,
            keeping: true,
            heard: false,
            observed: Observed::default(),
            reachable: None,
            vouched_at: None,
            chance: Chance::new(jitter.rotate_left(32)),
            loss: config.loss,
            counts: status::Counts::default(),
            config,
        };
        node.remember(&memory.bans, now);
        node.keep_pace(now);
        node
    }

    /// One thing happened.
    pub fn handle(&mut self, now: Now, input: Input) {
        debug_assert!(self.outputs.is_empty(), "one in, drain out: outputs were left over");
        match input {
            Input::Connected(connected) => {
                self.statics.connected(connected.peer, now.mono);
                self.seek.connected(connected.peer);
                let is_static = self.statics.contains(connected.peer);
                self.sync.connected(connected.peer, is_static, connected.leaf, now.mono);
                self.server.connected(connected.peer, connected.leaf, now.mono);
                self.peers.connect(now.mono, connected.clone());
                if let Some(reason) = self.too_many(&connected) {
                    self.part(connected.peer, reason);
                } else if !connected.leaf {
                    self.book.seen(now, connected.peer, connected.direction);
                }
                self.tell(Event::Connected(connected));
            }
            Input::Disconnected { peer, reason } => {
                self.statics.disconnected(peer, now.mono);
                self.sync.disconnected(peer, now.mono);
                self.server.disconnected(peer, now.mono);
                let lasted = self.peers.get(peer).map_or(Duration::ZERO, |peer| now.mono.saturating_sub(peer.since));
                self.seek.disconnected(peer, lasted, now.mono);
                let moved = self.observed.left(peer);
                self.moved_to(moved);
                let ours = self.peers.disconnect(peer).map(|reason| reason.as_str().to_owned());
                self.tell(Event::Disconnected(Disconnected { peer, reason: ours.unwrap_or(reason) }));
            }
            Input::DialFailed { peer, error } => self.dial_failed(now, peer, error),
            Input::Topic { peer, version, joined } => {
                if self.peers.topic(peer, version, joined) {
                    self.part(peer, DropReason::Muted);
                }
                let change = TopicChange { peer, version };
                self.tell(if joined { Event::TopicJoined(change) } else { Event::TopicLeft(change) });
            }
            Input::Gossiped { peer, id, .. } if self.loses() => {
                self.outputs.push_back(Output::Judge { id, peer, acceptance: Acceptance::Ignore });
            }
            Input::Gossiped { peer, id, version, message } => {
                self.counts.received(&message);
                self.silence.heard(now.mono);
                self.wait(Pending { peer: Some(peer), id: Some(id), version, message, arrived: now });
            }
            Input::Produced { version, data } => self.wait(own(version, data, now)),
            Input::Checked { id, outcome } => self.checked(now, id, outcome),
            Input::Asked { id, peer, number } => {
                if let Some(refusal) = self.server.ask(id, peer, number, now.mono) {
                    self.outputs.push_back(Output::Answer { id, reply: Reply::Refused(refusal) });
                }
            }
            Input::Loaded { id, found } => self.loaded(now, id, found),
            Input::Answered { id } => self.server.sent(id),
            Input::Fetched { id, answer: Ok(bytes) } => {
                if let Some(reading) = self.sync.answered(id, bytes, &self.schedule) {
                    self.outputs.push_back(Output::Read { id, reading });
                }
            }
            Input::Fetched { id, answer: Err(fault) } => self.read(now, id, Err(fault)),
            Input::Read { id, outcome } => self.read(now, id, outcome),
            Input::Kept { id, kept } => self.kept(id, kept),
            Input::Signer(news) => self.hear(now, news),
            Input::ClockAgrees => self.clock_agrees(now),
            Input::Lose(share) => self.loss = share,
            Input::Ban { who, ban } => self.ban_by_hand(now, who, ban),
            Input::Lift { who } => self.lift_by_hand(who),
            Input::Scored(scores) => self.scored(now, scores),
            Input::Stalled(turn) => {
                let millis = u64::try_from(turn.as_millis()).unwrap_or(u64::MAX);
                self.tell(Event::Stalled(Stalled { millis }));
            }
            Input::Slow { peer } => {
                if self.peers.slow(peer) {
                    self.part(peer, DropReason::Slow);
                }
            }
            Input::Stuck { peer } => self.part(peer, DropReason::Slow),
            Input::Identified { peer, agent, addresses, seen } => {
                let agent: String = agent.chars().filter(|char| !char.is_control()).take(Self::AGENT).collect();
                self.peers.identify(peer, &agent);
                if agent.starts_with(Self::KIND) {
                    self.sync.is_petrel(peer, now.mono);
                }
                if !self.peers.is_leaf(peer) {
                    self.book.identified(now, peer, &agent, &addresses);
                }
                self.tell(Event::Identified(Identified { peer, agent, addresses }));
                self.seen_at(peer, seen.as_deref());
            }
            Input::Found { peer, addresses } => self.found(now, peer, &addresses),
            Input::SharedKey { address } => self.tell(Event::SharedKey(SharedKey { address })),
            Input::Reachable(reachable) => {
                self.reachable = Some(reachable);
                self.tell(Event::Reachable(Reachable { reachable }));
            }
            Input::Listening { address } => self.tell(Event::Listening(Listening { address })),
            Input::ListenEnded { address } => self.tell(Event::ListenEnded(Listening { address })),
            Input::Static(said) => self.statics.set(said, now.mono),
            Input::Hearsay(said) => self.statics.hear(said, now.mono),
        }
        self.proceed(now);
    }

    /// Time has passed; harmless when nothing is due.
    pub fn handle_timeout(&mut self, now: Now) {
        debug_assert!(self.outputs.is_empty(), "one in, drain out: outputs were left over");
        self.change_signers(|signers| signers.expire(now.mono));
        self.bury(now);
        self.break_silence(now);
        self.end_bans(now);
        self.keep_peers(now);
        if self.sync.hopeful(now.mono) {
            self.head.hope(now.mono);
        }
        let events = self.head.handle_timeout(now.mono);
        self.moved(events);
        self.leave_topics(now);
        self.proceed(now);
    }

    /// The next wish; drain to `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Node::handle_timeout`] if nothing else happens. What is told is to be kept until then: a deadline that
    /// has passed is not always told again.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Deadline> {
        let oldest = self.running.values().filter(|running| !running.dead).map(|running| running.dies).min();
        let deadlines = [
            (self.head.due(), "gap"),
            (self.upgrades.retires_at(now), "topic"),
            (self.sync.due(now.mono), "sync"),
            (self.server.due(now.mono), "serve"),
            (self.statics.due(), "dial"),
            (self.seek_at(), "seek"),
            (self.signers.expires(), "signer"),
            (Some(self.silence.due()).filter(|_| !self.statics.is_empty()), "silence"),
            (self.gate.due(), "ban"),
            (Some(self.keep_peers_at).filter(|_| self.book.has_changes()), "book"),
            (oldest, "check"),
        ];
        let deadlines = deadlines.into_iter().map(|(at, why)| at.map(|at| Deadline { at, why }));
        deadlines.reduce(Deadline::earlier).flatten()
    }

    /// The head.
    pub fn head(&self) -> Option<BlockRef> {
        self.head.head()
    }

    /// Whether this peer is to be kept connected.
    pub fn keeps(&self, peer: PeerId) -> bool {
        self.statics.contains(peer)
    }

    /// What every input may have made due: checks and dials.
    fn proceed(&mut self, now: Now) {
        for version in Version::ALL {
            self.start_checks(now, version);
        }
        while let Some((peer, addresses)) = self.statics.next(now.mono) {
            self.outputs.push_back(Output::Dial { peer, addresses });
        }
        self.seek(now);
        self.serve(now);
        self.catch_up(now);
    }

    fn dial_failed(&mut self, now: Now, peer: PeerId, error: String) {
        if let Some(wait) = self.statics.failed(peer, now.mono) {
            let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.tell(Event::DialFailed(DialFailed { peer, error, retry_ms }));
        } else if self.seek.failed(peer, now.mono) {
            self.counts.dial_failed();
        }
    }

    fn hear(&mut self, now: Now, news: SignerNews) {
        let at = now.mono;
        match news {
            SignerNews::Read { signer, rotation: true } => self.change_signers(|signers| _ = signers.read(at, signer)),
            SignerNews::Read { signer, rotation: false } => self.change_signers(|signers| _ = signers.replace(signer)),
            SignerNews::Kept { signer, previous } => {
                self.change_signers(|signers| *signers = Signers::restored(at, signer, previous));
            }
            SignerNews::Unread { error } => self.tell(Event::SignerUnread(SignerUnread { error })),
        }
    }

    /// Changes who is believed, and tells what changed.
    fn change_signers(&mut self, change: impl FnOnce(&mut Signers)) {
        let before = self.signers;
        change(&mut self.signers);
        if self.signers.current() != before.current() {
            self.doubts.settle();
            let (previous, grace) = (before.current(), self.signers.previous());
            self.tell(Event::SignerChanged(SignerChanged { previous, current: self.signers.current(), grace }));
        } else if let Some(retired) = before.previous().filter(|_| self.signers.previous().is_none()) {
            self.tell(Event::SignerRetired(SignerRetired { retired }));
        }
    }

    /// Drops the kept peer that has been connected longest when nothing came from anybody for too long.
    fn break_silence(&mut self, now: Now) {
        if !self.statics.is_empty()
            && self.silence.broken(now.mono)
            && let Some(peer) = self.statics.longest_connected(now.mono, self.silence.patience())
        {
            self.part(peer, DropReason::Silent);
        }
    }

    fn start_checks(&mut self, now: Now, version: Version) {
        let Some(waiting) = self.waiting.get_mut(usize::from(version.topic())) else { return };
        let mut free =
            Self::CHECKS.saturating_sub(self.running.values().filter(|run| run.pending.version == version).count());
        while free > 0
            && let Some(pending) = waiting.take()
        {
            free -= 1;
            let id = CheckId(self.next_check);
            self.next_check += 1;
            let check = Check {
                chain_id: self.config.chain.id,
                schedule: self.schedule.clone(),
                version,
                message: pending.message.clone(),
                signers: self.signers,
                at: pending.arrived.secs(),
                past: self.config.past.as_secs(),
            };
            let dies = now.mono.saturating_add(Self::CHECK_LIFE);
            self.running.insert(id, Running { pending, dies, dead: false });
            self.outputs.push_back(Output::Check { id, check });
        }
    }

    /// Closes a peer's connections; when they are closed, the reason is told.
    fn part(&mut self, peer: PeerId, reason: DropReason) {
        self.peers.part(peer, reason);
        self.outputs.push_back(Output::Drop { peer, reason });
    }

    /// Whether the next message is lost, by [`Input::Lose`] and before it [`crate::config::Config::loss`].
    fn loses(&mut self) -> bool {
        self.loss > 0 && self.chance.below(100) < u64::from(self.loss)
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Tell(event));
    }

    fn read(&mut self, now: Now, id: FetchId, outcome: Result<ValidPayload, AnswerFault>) {
        if outcome.is_ok()
            && let Some(peer) = self.sync.asked(id)
        {
            // As long as it answers it is worth its connection.
            self.silence.heard(now.mono);
            self.note(now, peer, Deed::Answered);
        }
        if let Some(failure) = self.sync.judged(id, outcome, now.mono) {
            self.blame(now, failure);
        }
    }
}

/// Blocks that a gap may have when one comes every `interval`.
fn max_gap(config: &Settled, interval: Duration) -> u64 {
    let blocks = config.sync.max_gap.as_millis() / interval.as_millis().max(1);
    u64::try_from(blocks).unwrap_or(u64::MAX).min(Head::MAX_GAP)
}

fn own(version: Version, data: Bytes, now: Now) -> Pending {
    let wire = data.len();
    let message = Message { form: Form::Snappy, data, wire };
    Pending { peer: None, id: None, version, message, arrived: now }
}
