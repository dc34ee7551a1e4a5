//! The node: composes the machines and routes between them, without I/O.
//!
//! **One input, then all outputs.** After [`Node::new`], after every [`Node::handle`] and every
//! [`Node::handle_timeout`] the host takes outputs from [`Node::poll_output`] until it returns `None`, and only then
//! gives the next input; a debug assertion checks this. Then it asks [`Node::poll_timeout`] when to call again if
//! nothing else happens.
//!
//! Each machine owns its state and has the methods of [`Machine`]. Machines do not call each other: the node routes an
//! output of one machine to the machines that need it, until no machine has an output left.
//!
//! Bounds: those of the machines, of [`Peers`] and of [`PeerStore`]. The host takes all outputs before the next input,
//! and one input makes a bounded number of outputs.

use core::time::Duration;
use std::collections::{BTreeSet, VecDeque};

mod input;
mod operator;
mod output;
mod route;
mod status;

pub use input::Input;
pub use operator::PeerReport;
pub use output::Output;
pub use status::{
    BanStatus, ByteCount, DialBacks, GaterCounts, LeavesStatus, PeerStatus, PeeringStatus, Status, TrafficStatus,
    ValidationStatus,
};

use crate::{
    block::BlockRef,
    config::Settled,
    context::{Context, Machine},
    dialing::{Dialing, DialingInput},
    event::{
        Connected, DisconnectReason, Disconnected, Event, Identified, Listening, Reachable, SharedKey, Stalled,
        TopicChange,
    },
    fault::Offence,
    fork::Version,
    peer::PeerId,
    peer_store::PeerStore,
    peers::Peers,
    persistence::{Persistence, PersistenceInput, RestoredState},
    reputation::{Reputation, ReputationInput},
    serving::{Serving, ServingInput},
    time::{Deadline, Now},
    unsafe_chain::{ChainInput, UnsafeChain},
    validation::{FUTURE, Validation, ValidationInput},
};

/// The whole protocol of one node, as a state machine. See the module.
#[derive(Debug)]
pub struct Node {
    config: Settled,
    context: Context,
    validation: Validation,
    chain: UnsafeChain,
    reputation: Reputation,
    dialing: Dialing,
    serving: Serving,
    persistence: Persistence,
    /// Whether the peers that were asked to dial this node could (AutoNAT); `None` while too few have answered.
    reachable: Option<bool>,
    outputs: VecDeque<Output>,
}

impl Node {
    /// Length to which a peer's agent version is cut, in characters.
    pub const AGENT: usize = 128;

    /// A node without connections, at `now`. `restored` is the state that an earlier run persisted. `seed` feeds the
    /// jitter of dials, which must not be predictable from outside.
    pub fn new(config: Settled, restored: &RestoredState, seed: [u8; 32], now: Now) -> Self {
        let jitter = u64::from_le_bytes(seed.first_chunk().copied().unwrap_or_default());
        let chain = UnsafeChain::new(config.clone(), &restored.chain, now);
        let interval = chain.interval(now);
        let mut context = Context {
            now,
            interval,
            peers: Peers::default(),
            store: PeerStore::new(interval, now, restored.peers.iter().cloned()),
            static_peers: BTreeSet::new(),
            blocked: BTreeSet::new(),
        };
        let shortest = config.chain.cadence.shortest_from(now.millis());
        let mut node = Self {
            validation: Validation::new(config.clone(), chain.schedule().clone(), shortest),
            chain,
            reputation: Reputation::new(config.clone(), &restored.bans, &mut context),
            dialing: Dialing::new(config.clone(), jitter, &mut context),
            serving: Serving::new(config.sync.limits, config.chain.genesis.number, now),
            persistence: Persistence::new(now.mono),
            reachable: None,
            outputs: VecDeque::new(),
            context,
            config,
        };
        node.route();
        node
    }

    /// Takes one input: something happened at `now`. Take all outputs afterwards.
    pub fn handle(&mut self, now: Now, input: Input) {
        self.begin(now);
        match input {
            Input::Connected(connected) => self.connected(connected),
            Input::Disconnected { peer, reason } => self.disconnected(peer, reason),
            Input::DialFailed { peer, error } => self.dialing(DialingInput::DialFailed(peer, error)),
            Input::Topic { peer, version, joined } => self.topic(peer, version, joined),
            Input::OtherChain { peer, chain } => self.context.peers.set_other_chain(peer, chain),
            Input::Gossiped { peer, id, version, message } => {
                if self.validation.signers().current().is_none() {
                    self.dialing(DialingInput::Received); // no block can be accepted, so any message counts
                }
                self.validation(ValidationInput::Gossiped { peer, id, version, message });
            }
            Input::Produced { version, data } => self.validation(ValidationInput::Produced { version, data }),
            Input::Validated { id, outcome } => self.validation(ValidationInput::Validated(id, outcome)),
            Input::Asked { id, peer, number } => self.serving(ServingInput::Asked(id, peer, number)),
            Input::Loaded { id, found } => {
                let due = self.chain.due(now, Duration::from_secs(FUTURE));
                self.serving(ServingInput::Loaded { id, found, due });
            }
            Input::Answered { id } => self.serving(ServingInput::Answered(id)),
            Input::Fetched { id, answer } => self.chain(ChainInput::Fetched(id, answer)),
            Input::Decoded { id, outcome } => self.chain(ChainInput::Decoded(id, outcome)),
            Input::Persisted { id, result } => self.persistence(PersistenceInput::Persisted(id, result)),
            Input::StopRequested => self.persistence(PersistenceInput::StopRequested),
            Input::Signer(news) => self.validation(ValidationInput::Signer(news)),
            Input::ClockAgrees => self.validation(ValidationInput::ClockAgrees),
            Input::Ban { who, ban } => self.reputation(ReputationInput::Ban(who, ban)),
            Input::Unban { who } => self.reputation(ReputationInput::Unban(who)),
            Input::Scored(scores) => self.scored(scores),
            Input::Stalled(turn) => self.emit(Event::Stalled(Stalled { millis: whole_millis(turn) })),
            Input::Slow { peer } => self.slow(peer),
            Input::SendStalled { peer } => self.disconnect(peer, DisconnectReason::Slow),
            Input::Identified { peer, agent, addresses, seen } => self.identified(peer, agent, addresses, seen),
            Input::Discovered { peer, addresses } => self.dialing(DialingInput::Discovered(peer, addresses)),
            Input::SharedKey { address } => self.emit(Event::SharedKey(SharedKey { address })),
            Input::Reachable(reachable) => self.reachable(reachable),
            Input::Listening { address } => self.emit(Event::Listening(Listening { address })),
            Input::ListenEnded { address } => self.emit(Event::ListenEnded(Listening { address })),
            Input::StaticPeer(peer) => self.dialing(DialingInput::StaticPeer(peer)),
            Input::AdvertisedRelay(relay) => self.dialing(DialingInput::AdvertisedRelay(relay)),
        }
        self.proceed();
    }

    /// Does what is due at `now`; has no effect when nothing is due. Take all outputs afterwards.
    pub fn handle_timeout(&mut self, now: Now) {
        self.begin(now);
        self.proceed();
    }

    /// The next output: something for the host to do. Call until it returns `None`.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Node::handle_timeout`] if nothing else happens. The host keeps this deadline until then: a
    /// deadline that has passed is not always returned again.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Deadline> {
        let deadlines = [
            self.chain.poll_timeout(&self.context, now),
            self.serving.poll_timeout(&self.context, now),
            self.dialing.poll_timeout(&self.context, now),
            self.validation.poll_timeout(&self.context, now),
            self.reputation.poll_timeout(&self.context, now),
            self.persistence.poll_timeout(&self.context, now),
        ];
        deadlines.into_iter().reduce(Deadline::earlier).flatten()
    }

    /// The unsafe head, if there is one.
    pub fn head(&self) -> Option<BlockRef> {
        self.chain.head().head()
    }

    /// Whether fewer peers are connected than the low watermark.
    pub fn needs_peers(&self) -> bool {
        self.dialing.needs_peers(&self.context)
    }

    /// Starts an input or a timeout at `now`.
    fn begin(&mut self, now: Now) {
        debug_assert!(self.outputs.is_empty(), "outputs of the last input were not taken");
        self.context.now = now;
        self.context.interval = self.chain.interval(now);
    }

    /// Routes the outputs and does what the input made due.
    fn proceed(&mut self) {
        self.route();
        self.validation.handle_timeout(&mut self.context);
        self.dialing.handle_timeout(&mut self.context);
        self.reputation.handle_timeout(&mut self.context);
        self.persistence.handle_timeout(&mut self.context);
        self.chain.handle_timeout(&mut self.context);
        self.serving.handle_timeout(&mut self.context);
        self.route();
    }

    fn connected(&mut self, connected: Connected) {
        let (peer, leaf) = (connected.peer, connected.leaf);
        if !self.context.peers.connect(self.context.now.mono, connected.clone()) {
            // Nothing counts the messages of a peer that is not listed, so it may not stay.
            self.dialing(DialingInput::DialFailed(peer, "too many peers are connected".to_owned()));
            return self.disconnect(peer, DisconnectReason::Full);
        }
        self.validation(ValidationInput::Connected(peer));
        self.reputation(ReputationInput::Connected(peer));
        self.chain(ChainInput::Connected(connected.clone()));
        self.serving(ServingInput::Connected { peer, leaf });
        self.dialing(DialingInput::Connected(connected.clone()));
        self.emit(Event::Connected(connected));
    }

    fn disconnected(&mut self, peer: PeerId, reason: String) {
        if !self.context.peers.contains(peer) {
            return; // it was refused before it was listed
        }
        let now = self.context.now.mono;
        let lasted = self.context.peers.get(peer).map_or(Duration::ZERO, |peer| now.saturating_sub(peer.since));
        let own_reason = self.context.peers.disconnect(peer).map(|reason| reason.as_str().to_owned());
        self.validation(ValidationInput::Disconnected(peer));
        self.reputation(ReputationInput::Disconnected(peer));
        self.chain(ChainInput::Disconnected(peer));
        self.serving(ServingInput::Disconnected(peer));
        self.dialing(DialingInput::Disconnected(peer, lasted));
        self.route();
        self.emit(Event::Disconnected(Disconnected { peer, reason: own_reason.unwrap_or(reason) }));
    }

    /// Whether a peer may send a subscription or an identify message now: each is an event and work. With the first one
    /// too many it is disconnected.
    fn may_send_control(&mut self, peer: PeerId) -> bool {
        let sent = self.context.peers.control(self.context.now.mono, peer);
        if sent == Peers::CONTROL + 1 {
            self.disconnect(peer, DisconnectReason::Flooding);
            self.reputation(ReputationInput::Offence(peer, Offence::Flooding));
        }
        sent <= Peers::CONTROL
    }

    fn topic(&mut self, peer: PeerId, version: Version, joined: bool) {
        if !self.may_send_control(peer) {
            return;
        }
        if self.context.peers.topic(peer, version, joined) {
            self.disconnect(peer, DisconnectReason::Resubscribed);
        }
        let change = TopicChange { peer, version };
        self.emit(if joined { Event::TopicJoined(change) } else { Event::TopicLeft(change) });
    }

    fn identified(&mut self, peer: PeerId, agent: String, addresses: Vec<String>, seen: Option<String>) {
        if !self.may_send_control(peer) {
            return;
        }
        let agent: String = agent.chars().filter(|char| !char.is_control()).take(Self::AGENT).collect();
        self.context.peers.identify(peer, &agent);
        if agent.starts_with(UnsafeChain::AGENT) {
            self.chain(ChainInput::IsPetrel(peer));
        }
        if !self.context.peers.is_leaf(peer) {
            let ip = self.context.peers.ip(peer);
            self.context.store.identified(self.context.now, peer, ip, &agent, &addresses);
        }
        self.emit(Event::Identified(Identified { peer, agent, addresses }));
        if let Some(seen) = seen {
            self.dialing(DialingInput::ObservedAt(peer, seen));
        }
    }

    /// Takes gossipsub's scores of all connected peers, and prunes connections with the new totals.
    fn scored(&mut self, scores: Vec<(PeerId, f64)>) {
        self.reputation(ReputationInput::Scores(scores));
        self.route();
        let nodes = self.context.peers.nodes().map(|peer| peer.connected.peer);
        let totals = nodes.map(|peer| (peer, self.reputation.total(&self.context, peer))).collect();
        self.dialing(DialingInput::Totals(totals));
    }

    fn slow(&mut self, peer: PeerId) {
        if self.context.peers.slow(peer) {
            self.disconnect(peer, DisconnectReason::Slow);
        }
    }

    fn reachable(&mut self, reachable: bool) {
        self.reachable = Some(reachable);
        self.emit(Event::Reachable(Reachable { reachable }));
    }
}

fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
