//! The host of the node in a run: gives inputs, carries out outputs, and holds what is in flight.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet};

use petrel_core::{
    Input, Node, Output,
    ban::BanTarget,
    config::{Config, Settled},
    event::Direction,
    fault::AnswerFault,
    message::MessageId,
    peer::PeerId,
    persistence::RestoredState,
    primitives::Primitives,
    range_sync::{BlockRequest, FetchId},
    time::Now,
};

use super::{
    chain::{START, SignedChain},
    invariants::Invariants,
    outcome::FuzzOutcome,
    peers::{self, Connections},
};
use crate::{random::SplitMix64, recording::Recording};

mod disk;

use disk::Disk;

/// gossipsub delivers a message id once in this time (`SEEN` in the core's `net`).
const SEEN: Duration = Duration::from_secs(65);
/// A request that nobody answers ends after this time (`RANGE_CLIENT_TIMEOUT` in the core's `net`).
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);
/// Timeouts in a row, at one time, after which the node is in a busy loop.
const BUSY: usize = 100;

/// See the module.
pub(super) struct Host {
    node: Node,
    config: Settled,
    pub(super) random: SplitMix64,
    pub(super) chain: SignedChain,
    /// The true time.
    pub(super) now: Now,
    /// Seconds that this machine's clock is ahead.
    pub(super) skew: i64,
    pub(super) connections: Connections,
    blocked: BTreeSet<BanTarget>,
    seen: BTreeMap<MessageId, Duration>,
    /// Inputs to come, by time and order.
    jobs: BTreeMap<(Duration, u64), Input>,
    planned: u64,
    fetches: BTreeMap<FetchId, PeerId>,
    pub(super) disk: Disk,
    pub(super) invariants: Invariants,
    recordings: Vec<Recording>,
    /// No work is late, and no dial of a hostile peer succeeds.
    pub(super) is_calm: bool,
    pub(super) outcome: FuzzOutcome,
}

impl Host {
    pub(super) fn new(config: Config, random: SplitMix64) -> Self {
        let now = Now { mono: Duration::ZERO, unix: Duration::from_secs(START) };
        let chain = SignedChain::new(config.chain.clone());
        let config = config.settle().expect("the configuration is valid");
        let mut host = Self {
            node: Node::new(config.clone(), &RestoredState::default(), [0; 32], now),
            recordings: vec![Recording::new(config.clone(), RestoredState::default(), [0; 32], now)],
            config,
            random,
            chain,
            now,
            skew: 0,
            connections: Connections::default(),
            blocked: BTreeSet::new(),
            seen: BTreeMap::new(),
            jobs: BTreeMap::new(),
            planned: 0,
            fetches: BTreeMap::new(),
            disk: Disk::default(),
            invariants: Invariants::default(),
            is_calm: false,
            outcome: FuzzOutcome::default(),
        };
        host.drain();
        host
    }

    /// The time by this machine's clock.
    fn local_now(&self) -> Now {
        let unix = self.now.unix.as_secs().saturating_add_signed(self.skew);
        Now { unix: Duration::new(unix, self.now.unix.subsec_nanos()), ..self.now }
    }

    /// Gives the node an input.
    pub(super) fn give(&mut self, input: Input) {
        let now = self.local_now();
        self.outcome.calls += 1;
        self.invariants.given(&input);
        self.recording().step(now, Some(input.clone()));
        self.node.handle(now, input);
        self.drain();
    }

    fn timeout(&mut self) {
        let now = self.local_now();
        self.outcome.calls += 1;
        self.recording().step(now, None);
        self.node.handle_timeout(now);
        self.drain();
    }

    fn recording(&mut self) -> &mut Recording {
        self.recordings.last_mut().expect("there is one for each start")
    }

    /// Lets time pass: whatever becomes due is given in order.
    pub(super) fn advance(&mut self, by: Duration) {
        let end = self.now.mono + by;
        let mut busy = 0;
        loop {
            let job = self.jobs.first_key_value().map(|((at, _), _)| *at);
            let deadline = self.node.poll_timeout(self.local_now()).map(|deadline| deadline.at);
            let Some(next) = [job, deadline].into_iter().flatten().min().filter(|at| *at <= end) else { break };
            busy = if next <= self.now.mono { busy + 1 } else { 0 };
            self.forward(next);
            if job == Some(next)
                && let Some((_, input)) = self.jobs.pop_first()
            {
                self.give(input);
            } else {
                if busy > BUSY {
                    return self.fail("deadlines that have passed come again and again");
                }
                self.timeout();
            }
        }
        self.forward(end);
    }

    fn forward(&mut self, to: Duration) {
        self.now = self.now.plus(to.saturating_sub(self.now.mono));
        self.chain.produce_until(self.now.secs());
    }

    /// Plans an input.
    pub(super) fn later(&mut self, after: Duration, input: Input) {
        self.planned += 1;
        self.jobs.insert((self.now.mono + after, self.planned), input);
    }

    /// How long a job takes: mostly milliseconds, rarely longer than any deadline.
    fn work(&mut self) -> Duration {
        let longest = match self.random.below(100) {
            _ if self.is_calm => 20,
            0 => 30_000,
            1..6 => 2_000,
            _ => 50,
        };
        Duration::from_millis(self.random.below(longest))
    }

    /// Carries out every output, and checks it.
    fn drain(&mut self) {
        while let Some(output) = self.node.poll_output() {
            self.recording().output(&output);
            let found = self.invariants.check(&output, &self.chain);
            found.into_iter().for_each(|failure| self.fail(&failure));
            self.carry_out(output);
        }
        self.outcome.blocks = self.invariants.blocks;
        self.outcome.bans = self.invariants.bans;
        if let Err(failure) = self.invariants.bounds() {
            self.fail(&failure);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Validate { id, task } => {
                let (took, outcome) = (self.work(), task.run(Primitives::PORTABLE));
                self.later(took, Input::Validated { id, outcome });
            }
            Output::Decode { id, task } => {
                let (took, outcome) = (self.work(), task.run(Primitives::PORTABLE));
                self.later(took, Input::Decoded { id, outcome });
            }
            Output::Load { id, number } => {
                let (took, found) = (self.work(), self.disk.lookup(number));
                self.later(took, Input::Loaded { id, found });
            }
            Output::Answer { id, .. } => {
                let took = self.work();
                self.later(took, Input::Answered { id });
            }
            Output::Persist { id, item } => {
                let took = self.disk.busy_until(self.now.mono, Duration::from_millis(self.random.below(100)));
                let result = self.disk.persist(item, took);
                self.later(took.saturating_sub(self.now.mono), Input::Persisted { id, result });
            }
            Output::Fetch(request) => self.fetch(request),
            Output::Dial { peer, .. } => self.dial(peer),
            Output::Disconnect { peer, .. } => self.disconnect(peer, "this node closed it"),
            Output::Block(target) => _ = self.blocked.insert(target),
            Output::Unblock(target) => _ = self.blocked.remove(&target),
            Output::Report { .. }
            | Output::Publish { .. }
            | Output::Score { .. }
            | Output::Unsubscribe { .. }
            | Output::Emit(_) => {}
        }
    }

    fn fetch(&mut self, BlockRequest { id, peer, number }: BlockRequest) {
        if !self.connections.open.contains(&peer) {
            return self.later(Duration::ZERO, Input::Fetched { id, answer: Err(AnswerFault::Closed) });
        }
        self.fetches.insert(id, peer);
        let answer = self.answer(peer, number);
        let took = if answer == Err(AnswerFault::Timeout) { REQUEST_TIMEOUT } else { self.work() };
        self.later(took.min(REQUEST_TIMEOUT), Input::Fetched { id, answer });
    }

    fn dial(&mut self, peer: PeerId) {
        let took = self.work();
        let reached = peers::is_honest(peer) || (!self.is_calm && self.random.percent(50));
        if reached && !self.refuses(peer) && !self.connections.open.contains(&peer) {
            self.connect(peer, Direction::Outbound);
        } else if !self.connections.open.contains(&peer) {
            self.later(took, Input::DialFailed { peer, error: "refused".to_owned() });
        }
    }

    /// Whether the connection gater refuses a peer.
    fn refuses(&self, peer: PeerId) -> bool {
        let at = BanTarget::address(peers::ip(peer));
        self.blocked.contains(&BanTarget::Peer(peer)) || self.blocked.contains(&at)
    }

    /// A peer connects and subscribes, unless it is connected or refused. The inputs come at once but later: a
    /// connection may result from an output.
    pub(super) fn connect(&mut self, peer: PeerId, direction: Direction) {
        if self.refuses(peer) || !self.connections.open.insert(peer) {
            return;
        }
        self.later(Duration::ZERO, Input::Connected(peers::connected(peer, direction)));
        self.later(Duration::ZERO, Input::Topic { peer, version: super::chain::version(), joined: true });
    }

    /// A peer's connection ends. Its requests in flight end with it, and what was planned of it does not happen.
    pub(super) fn disconnect(&mut self, peer: PeerId, reason: &str) {
        if !self.connections.open.remove(&peer) {
            return;
        }
        let ended: Vec<FetchId> = self.fetches.iter().filter(|(_, of)| **of == peer).map(|(id, _)| *id).collect();
        self.jobs.retain(|_, input| match input {
            Input::Fetched { id, .. } => !ended.contains(id),
            Input::Topic { peer: of, .. } | Input::Slow { peer: of } => *of != peer,
            _ => true,
        });
        for id in ended {
            self.fetches.remove(&id);
            self.later(Duration::ZERO, Input::Fetched { id, answer: Err(AnswerFault::Closed) });
        }
        self.later(Duration::ZERO, Input::Disconnected { peer, reason: reason.to_owned() });
    }

    /// gossipsub's cache of ids: whether a message is delivered to the node.
    pub(super) fn is_new(&mut self, id: MessageId) -> bool {
        let now = self.now.mono;
        self.seen.retain(|_, at| now.saturating_sub(*at) < SEEN);
        self.seen.insert(id, now).is_none()
    }

    /// The process is killed and started again: what the disk acknowledged is there, all else is gone.
    pub(super) fn restart(&mut self) {
        let restored = self.disk.restore(self.now.mono);
        let head = restored.chain.last().map(|info| info.number);
        self.outcome.restarts += 1;
        (self.connections, self.blocked) = (Connections::default(), BTreeSet::new());
        (self.jobs, self.fetches, self.seen) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let now = self.local_now();
        self.invariants.restarted(&restored);
        self.recordings.push(Recording::new(self.config.clone(), restored.clone(), [1; 32], now));
        self.node = Node::new(self.config.clone(), &restored, [1; 32], now);
        if self.node.head().map(|head| head.number) != head {
            self.fail("a restart lost the head");
        }
        self.drain();
    }

    /// Hostile peers leave, the clock is set, the disk works, and every honest peer comes.
    pub(super) fn calm(&mut self, time: Duration) {
        (self.is_calm, self.skew) = (true, 0);
        self.disk.fails = false;
        for peer in self.connections.open.clone() {
            if !peers::is_honest(peer) {
                self.disconnect(peer, "it left");
            }
        }
        let end = self.now.mono + time;
        while self.now.mono < end {
            for index in 0..peers::HONEST {
                self.connect(peers::honest(index), Direction::Inbound);
            }
            self.advance(Duration::from_millis(100));
            self.deliver_newest();
            self.score_honest();
            self.advance(Duration::from_millis(900));
        }
        let tip = self.chain.tip();
        self.deliver_newest();
        self.advance(Duration::from_millis(500));
        let (head, gap) = (self.node.head(), self.node.status(self.local_now()).gap);
        if head.is_none_or(|head| head.number < tip) || gap.is_some() {
            self.fail(&format!("in the calm the head is {head:?} and the gap {gap:?}, the sequencer is at {tip}"));
        }
        for failure in self.invariants.unfinished() {
            self.fail(&failure);
        }
    }

    /// Replays every start's recording.
    pub(super) fn replay(&mut self) {
        for recording in std::mem::take(&mut self.recordings) {
            if let Err(difference) = recording.replay() {
                self.fail(&difference);
            }
        }
    }

    pub(super) fn fail(&mut self, what: &str) {
        if self.outcome.failures.len() < FuzzOutcome::FAILURES {
            let at = (self.outcome.calls, self.now.mono);
            self.outcome.failures.push(format!("call {} at {:?}: {what}", at.0, at.1));
        }
    }
}
