//! A simulated network of [`Node`]s: links with latency, loss and duplication, and malicious nodes. It has no socket, clock or
//! thread: inputs are handled in the order of their times, and all random numbers come from one seed. The same seed gives the same
//! run, byte for byte.
//!
//! The world replaces libp2p: it computes message ids, delivers each id once to a node, forwards the messages that the node
//! accepted, and carries requests and responses; a request may time out. It also replaces the database.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use bytes::Bytes;
use petrel_core::{
    Event, Input, Node,
    ban::BanTarget,
    chain::Chain,
    config::Config,
    event::{Connected, Direction, Via},
    fault::AnswerFault,
    fork::Version,
    message::{Form, Message, MessageId},
    node::Status,
    payload_by_number::StoredBlock,
    peer::PeerId,
    persistence::RestoredState,
    range_sync::FetchId,
    serving::RequestId,
    time::Now,
    unsafe_chain::UnsafeChain,
};

use crate::{random::SplitMix64, recording::Recording};

mod block_store;
mod conditions;
mod gossip;
mod outputs;
mod requests;
mod router;

use block_store::BlockStore;
pub use conditions::{Answers, Conditions};
use router::{Control, Router};

/// One node and its state in the world.
struct Member {
    node: Node,
    /// Its inputs and outputs, if they are recorded.
    recording: Option<Recording>,
    /// Message ids that it has seen: gossipsub delivers each once.
    known: BTreeSet<MessageId>,
    /// Messages that it forwards when it accepts them.
    undecided: BTreeMap<MessageId, (Version, Message)>,
    links: BTreeSet<usize>,
    /// Peers to whom it has sent a block or a response.
    sent_to: BTreeSet<usize>,
    /// Peers and addresses that its connection gater refuses.
    blocked: BTreeSet<BanTarget>,
    events: Vec<Event>,
    /// When each of them was emitted (monotonic).
    emitted_at: Vec<Duration>,
    /// Its address, as other nodes see it.
    ip: Option<IpAddr>,
    /// It accepts all connections and sends no gossip.
    receive_only: bool,
    router: Router,
    traffic: Traffic,
    /// Seconds that its clock is ahead of the world's.
    skew: i64,
    /// The deadline of its node (monotonic).
    due: Option<Duration>,
    /// What it has persisted.
    store: BlockStore,
    answers: Answers,
}

/// Timeout of a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(25);

/// A planned input of a node.
enum Pending {
    Arrives {
        from: usize,
        version: Version,
        message: Message,
    },
    Control {
        from: usize,
        control: Control,
    },
    /// A gossipsub heartbeat.
    Beat,
    Input(Box<Input>),
    /// `from` requests a block.
    Asked {
        from: usize,
        fetch: FetchId,
        number: u64,
    },
    /// The response to a request arrives, or the request times out.
    Answered {
        fetch: FetchId,
        answer: Result<Bytes, AnswerFault>,
    },
    Timeout,
}

/// What a node has sent and received as gossip.
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Blocks sent, and their bytes on the wire.
    pub sent: (u64, u64),
    /// Blocks received, and their bytes on the wire.
    pub received: (u64, u64),
    /// GRAFT, PRUNE, IHAVE and IWANT sent.
    pub control: u64,
}

/// See the module.
pub struct World {
    chain: Chain,
    now: Now,
    random: SplitMix64,
    conditions: Conditions,
    members: Vec<Member>,
    /// By time, then by the order in which they were planned.
    plan: BTreeMap<(Duration, u64), (usize, Pending)>,
    planned: u64,
    log: String,
    /// Open requests, by the requesting node and the request's id: the serving node.
    fetches: BTreeMap<(usize, FetchId), usize>,
    /// Received requests, by the serving node and its id for the request: the requesting node and the request's id there.
    asks: BTreeMap<(usize, RequestId), (usize, FetchId)>,
    asked: u64,
    /// Whether gossip uses a modelled mesh instead of every link.
    meshed: bool,
}

impl World {
    /// The current status of a node.
    pub fn status(&self, index: usize) -> Status {
        self.members[index].node.status(self.seen_by(index))
    }

    /// `count` nodes of one configuration without links, at the time `unix` (seconds).
    pub fn new(config: &Config, count: usize, unix: u64, seed: u64, conditions: Conditions) -> Self {
        let now = Now { mono: Duration::ZERO, unix: Duration::from_secs(unix) };
        let member = |index: usize| {
            let settled = config.clone().settle().expect("the test's configuration is right");
            Member {
                node: Node::new(settled, &RestoredState::default(), [index as u8; 32], now),
                recording: None,
                known: BTreeSet::new(),
                undecided: BTreeMap::new(),
                links: BTreeSet::new(),
                sent_to: BTreeSet::new(),
                blocked: BTreeSet::new(),
                events: Vec::new(),
                emitted_at: Vec::new(),
                ip: None,
                receive_only: false,
                router: Router::new(config.mesh),
                traffic: Traffic::default(),
                skew: 0,
                due: None,
                store: BlockStore::default(),
                answers: Answers::Correct,
            }
        };
        Self {
            chain: config.chain.clone(),
            now,
            random: SplitMix64(seed),
            conditions,
            members: (0..count).map(member).collect(),
            plan: BTreeMap::new(),
            planned: 0,
            log: String::new(),
            fetches: BTreeMap::new(),
            asks: BTreeMap::new(),
            asked: 0,
            meshed: false,
        }
    }

    /// Records the inputs and outputs of every node. Call it before any input.
    pub fn record(&mut self, config: &Config) {
        let settled = config.clone().settle().expect("the test's configuration is right");
        for (index, member) in self.members.iter_mut().enumerate() {
            let (config, restored) = (settled.clone(), RestoredState::default());
            member.recording = Some(Recording::new(config, restored, [index as u8; 32], self.now));
        }
    }

    /// The recordings, one for each node.
    pub fn recordings(&mut self) -> Vec<Recording> {
        self.members.iter_mut().filter_map(|member| member.recording.take()).collect()
    }

    /// Sets how a node answers requests from now on.
    pub fn answers(&mut self, index: usize, how: Answers) {
        self.members[index].answers = how;
    }

    /// Removes all but the latest blocks of a node's store.
    pub fn keep_latest(&mut self, index: usize, keep: usize) {
        self.members[index].store.keep_latest(keep);
    }

    /// Restarts a node from its persisted state, at the same address and without links.
    pub fn restart(&mut self, index: usize, config: &Config) {
        for other in self.members[index].links.clone() {
            self.cut(index, other);
        }
        self.run(Duration::ZERO);
        let subsecond = self.chain.subsecond;
        let links = self.members[index].store.links(|payload| payload.timestamp_ms(subsecond));
        let settled = config.clone().settle().expect("the test's configuration is right");
        let member = &mut self.members[index];
        let restored = RestoredState::from(links);
        member.node = Node::new(settled.clone(), &restored, [index as u8; 32], self.now);
        if member.recording.is_some() {
            member.recording = Some(Recording::new(settled, restored, [index as u8; 32], self.now));
        }
        (member.known, member.undecided) = (BTreeSet::new(), BTreeMap::new());
        (member.router, member.due) = (Router::new(config.mesh), None);
        self.plan.retain(|_, (whose, _)| *whose != index);
        self.fetches.retain(|(whose, _), _| *whose != index);
    }

    /// The peer id of a node.
    pub fn peer(index: usize) -> PeerId {
        PeerId::from_bytes(&[index as u8 + 1]).expect("one byte fits")
    }

    /// The block that a node would serve.
    pub fn stored(&self, index: usize, number: u64) -> Option<&StoredBlock> {
        self.members[index].store.get(number)
    }

    /// Gives every node an identify message of its peers with Petrel's agent.
    pub fn identify_all(&mut self) {
        for index in 0..self.members.len() {
            for other in self.members[index].links.clone() {
                let (peer, agent) = (Self::peer(other), UnsafeChain::AGENT.to_owned());
                self.input(index, Input::Identified { peer, agent, addresses: Vec::new(), seen: None });
            }
        }
    }

    /// Links two nodes, as if each had dialled the other.
    pub fn link(&mut self, a: usize, b: usize) {
        self.meet(a, b, Direction::Outbound);
    }

    /// One node dials another. Nothing happens when they are linked already, or when one of them refuses the other.
    pub fn dial(&mut self, from: usize, to: usize) {
        if !self.members[from].links.contains(&to) {
            self.meet(from, to, Direction::Inbound);
        }
    }

    fn meet(&mut self, a: usize, b: usize, there: Direction) {
        let refuses = |here: usize, there: usize| {
            let at = self.members[there].ip.map(BanTarget::address);
            let blocked = &self.members[here].blocked;
            blocked.contains(&BanTarget::Peer(Self::peer(there))) || at.is_some_and(|at| blocked.contains(&at))
        };
        if refuses(a, b) || refuses(b, a) {
            return;
        }
        for (here, there, direction) in [(a, b, Direction::Outbound), (b, a, there)] {
            self.members[here].links.insert(there);
            let connected = Connected {
                peer: Self::peer(there),
                address: format!("/memory/{there}"),
                transport: "memory",
                direction,
                leaf: false,
                ip: self.members[there].ip,
                tried: Vec::new(),
            };
            self.input(here, Input::Connected(connected));
        }
    }

    /// Cuts a link.
    pub fn cut(&mut self, a: usize, b: usize) {
        for (here, there) in [(a, b), (b, a)] {
            self.members[here].links.remove(&there);
            self.members[here].router.left(there);
            self.input(here, Input::Disconnected { peer: Self::peer(there), reason: "cut".to_owned() });
        }
    }

    /// The node publishes a block that it produced.
    pub fn produce(&mut self, index: usize, version: Version, data: Vec<u8>) {
        self.input(index, Input::Produced { version, data: data.into() });
    }

    /// A malicious node sends these uncompressed bytes to all its peers, without validation.
    pub fn send_unchecked(&mut self, index: usize, version: Version, data: &[u8]) {
        for to in self.members[index].links.clone() {
            self.send(index, to, version, &whole(data.to_vec().into()));
        }
    }

    /// Runs the network for this time.
    pub fn run(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            self.wake();
            let Some(entry) = self.plan.first_entry().filter(|entry| entry.key().0 <= end) else { break };
            let ((at, _), (index, pending)) = entry.remove_entry();
            self.now = self.now.plus(at.saturating_sub(self.now.mono));
            match pending {
                Pending::Arrives { from, version, message } => self.arrives(index, from, version, message),
                Pending::Control { from, control } => self.controlled(index, from, control),
                Pending::Beat => self.beat(index),
                Pending::Input(input) => self.give(index, *input),
                Pending::Asked { from, fetch, number } => self.requested(index, from, fetch, number),
                Pending::Answered { fetch, answer } => {
                    if self.fetches.remove(&(index, fetch)).is_some() {
                        self.give(index, Input::Fetched { id: fetch, answer });
                    }
                }
                Pending::Timeout => {
                    let now = self.seen_by(index);
                    let member = &mut self.members[index];
                    member.recording.iter_mut().for_each(|recording| recording.step(now, None));
                    member.node.handle_timeout(now);
                    self.drain(index);
                }
            }
        }
        self.now = self.now.plus(end.saturating_sub(self.now.mono));
    }

    /// The present time.
    pub fn now(&self) -> Now {
        self.now
    }

    /// The events that a node has emitted.
    pub fn events(&self, index: usize) -> &[Event] {
        &self.members[index].events
    }

    /// A node.
    pub fn node(&self, index: usize) -> &Node {
        &self.members[index].node
    }

    /// The events of all nodes, one per line.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// Sets the offset of a node's clock from the world's, seconds.
    pub fn set_clock(&mut self, index: usize, secs: i64) {
        self.members[index].skew = secs;
    }

    /// Gives a node an input at the present time.
    pub fn input(&mut self, index: usize, input: Input) {
        self.plan(Duration::ZERO, index, Pending::Input(Box::new(input)));
    }

    /// The present time by a node's own clock.
    fn seen_by(&self, index: usize) -> Now {
        let unix = self.now.unix.as_secs().saturating_add_signed(self.members[index].skew);
        Now { unix: Duration::new(unix, self.now.unix.subsec_nanos()), ..self.now }
    }

    fn plan(&mut self, after: Duration, index: usize, pending: Pending) {
        self.planned += 1;
        self.plan.insert((self.now.mono + after, self.planned), (index, pending));
    }

    /// Plans a timeout for the node with the earliest deadline, if that is before everything planned.
    fn wake(&mut self) {
        let next = self.members.iter().enumerate().filter_map(|(index, member)| Some((member.due?, index))).min();
        let Some((at, index)) = next else { return };
        if self.plan.first_key_value().is_none_or(|((first, _), _)| at < *first) {
            self.plan(at.saturating_sub(self.now.mono), index, Pending::Timeout);
        }
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = self.conditions.latency;
        Duration::from_millis(least + self.random.below(most - least + 1))
    }

    /// The index of a peer.
    fn member(&self, peer: PeerId) -> Option<usize> {
        (0..self.members.len()).find(|other| Self::peer(*other) == peer)
    }
}

/// A message as it is after decompression.
fn whole(data: Bytes) -> Message {
    Message { form: Form::Snappy, wire: crate::forge::compress(&data).len(), data }
}

/// The numbers of the verified blocks that arrived by gossip.
pub fn gossiped(events: &[Event]) -> Vec<u64> {
    let number = |event: &Event| match event {
        Event::Block(block) if block.via == Via::Gossip => Some(block.block.payload.number()),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}
