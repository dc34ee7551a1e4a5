//! A simulated world of [`Node`]s: links with latency, loss and duplication, liars among them. No socket, no clock, no
//! thread: events in the order of their times, all chance from one seed. The same seed gives the same run, to the byte.
//!
//! The world plays libp2p's part: it names messages, delivers each name once, and forwards what was accepted; it carries
//! requests and their answers, and gives up those that are not answered. It plays the disk's part too: what a node keeps it
//! can load.

use core::time::Duration;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    net::IpAddr,
};

use bytes::Bytes;
use petrel_core::{Event, Input, Node, Output, ban::BanTarget, chain::Chain, config::Config, event::{Connected, Direction, Via}, fault::AnswerFault, fork::Version, message::{Form, Message, MessageId}, node::Status, persistence::{Persisted, RestoredState}, payload_by_number::StoredBlock, peer::PeerId, primitives::Primitives, range_sync::FetchId, serving::RequestId, time::Now};

mod gossip;
mod mesh;
mod requests;
mod shelf;
mod weather;

use mesh::{Control, Router};
use shelf::Shelf;
pub use weather::{Answers, Chance, Weather};

/// One node and what the world knows of it.
struct Place {
    node: Node,
    /// Names it has seen: gossipsub delivers each once.
    known: BTreeSet<MessageId>,
    /// What it has to forward when it accepts.
    undecided: BTreeMap<MessageId, (Version, Message)>,
    links: BTreeSet<usize>,
    /// To whom it has sent a block or an answer.
    told: BTreeSet<usize>,
    /// Whom its gate refuses.
    shut: BTreeSet<BanTarget>,
    events: Vec<Event>,
    /// When each of them was told (monotonic).
    told_at: Vec<Duration>,
    /// Where it is seen by others.
    ip: Option<IpAddr>,
    /// It takes everything and says nothing.
    mute: bool,
    router: Router,
    traffic: Traffic,
    /// Seconds that its clock is ahead of the world's.
    skew: i64,
    /// When its node wants the time (monotonic).
    due: Option<Duration>,
    /// What it has kept.
    shelf: Shelf,
    answers: Answers,
}

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(25);

/// What will happen to the node of the same entry.
enum Fact {
    Arrives {
        from: usize,
        version: Version,
        message: Message,
    },
    Control {
        from: usize,
        control: Control,
    },
    /// A heartbeat of gossip's.
    Beat,
    Input(Box<Input>),
    /// `from` asks for a block.
    Asked {
        from: usize,
        fetch: FetchId,
        number: u64,
    },
    /// The answer to a request arrives, or its time is over.
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
    chance: Chance,
    weather: Weather,
    places: Vec<Place>,
    /// By time, then by the order in which they were planned.
    plan: BTreeMap<(Duration, u64), (usize, Fact)>,
    planned: u64,
    log: String,
    /// Requests under way, by who asked: whom.
    fetches: BTreeMap<(usize, FetchId), usize>,
    /// Whose request an ask is, by who is asked.
    asks: BTreeMap<(usize, RequestId), (usize, FetchId)>,
    asked: u64,
    /// Whether gossip goes through meshes, and not over every link.
    meshed: bool,
}

impl World {
    /// What a node knows of itself now.
    pub fn status(&self, index: usize) -> Status {
        self.places[index].node.status(self.seen_by(index))
    }

    /// `count` nodes of one configuration that have not met, at the time `unix`.
    pub fn new(config: &Config, count: usize, unix: u64, seed: u64, weather: Weather) -> Self {
        let now = Now { mono: Duration::ZERO, unix: Duration::from_secs(unix) };
        let place = |index: usize| {
            let settled = config.clone().settle().expect("the test's configuration is right");
            Place {
                node: Node::new(settled, &RestoredState::default(), [index as u8; 32], now),
                known: BTreeSet::new(),
                undecided: BTreeMap::new(),
                links: BTreeSet::new(),
                told: BTreeSet::new(),
                shut: BTreeSet::new(),
                events: Vec::new(),
                told_at: Vec::new(),
                ip: None,
                mute: false,
                router: Router::new(config.mesh),
                traffic: Traffic::default(),
                skew: 0,
                due: None,
                shelf: Shelf::default(),
                answers: Answers::Honest,
            }
        };
        Self {
            chain: config.chain.clone(),
            now,
            chance: Chance(seed),
            weather,
            places: (0..count).map(place).collect(),
            plan: BTreeMap::new(),
            planned: 0,
            log: String::new(),
            fetches: BTreeMap::new(),
            asks: BTreeMap::new(),
            asked: 0,
            meshed: false,
        }
    }

    /// From now on a node answers requests like this.
    pub fn answers(&mut self, index: usize, how: Answers) {
        self.places[index].answers = how;
    }

    /// A node forgets all but its latest blocks.
    pub fn forget(&mut self, index: usize, keep: usize) {
        self.places[index].shelf.forget(keep);
    }

    /// A node is started again from what it kept, at the same place and without links.
    pub fn restart(&mut self, index: usize, config: &Config) {
        for other in self.places[index].links.clone() {
            self.cut(index, other);
        }
        self.run(Duration::ZERO);
        let subsecond = self.chain.subsecond;
        let links = self.places[index].shelf.links(|payload| payload.timestamp_ms(subsecond));
        let settled = config.clone().settle().expect("the test's configuration is right");
        let place = &mut self.places[index];
        place.node = Node::new(settled, &links.into(), [index as u8; 32], self.now);
        (place.known, place.undecided) = (BTreeSet::new(), BTreeMap::new());
        (place.router, place.due) = (Router::new(config.mesh), None);
        self.plan.retain(|_, (whose, _)| *whose != index);
        self.fetches.retain(|(whose, _), _| *whose != index);
    }

    /// The name of a node.
    pub fn peer(index: usize) -> PeerId {
        PeerId::from_bytes(&[index as u8 + 1]).expect("one byte fits")
    }

    /// The block that a node would serve.
    pub fn kept(&self, index: usize, number: u64) -> Option<&StoredBlock> {
        self.places[index].shelf.get(number)
    }

    /// Every node hears from its neighbours that they are of its own kind.
    pub fn introduce(&mut self) {
        for index in 0..self.places.len() {
            for other in self.places[index].links.clone() {
                let (peer, agent) = (Self::peer(other), UnsafeChain::AGENT.to_owned());
                self.happens(index, Input::Identified { peer, agent, addresses: Vec::new(), seen: None });
            }
        }
    }

    /// Links two nodes, as if each had dialled the other.
    pub fn link(&mut self, a: usize, b: usize) {
        self.meet(a, b, Direction::Outbound);
    }

    /// One node dials another. Nothing happens when they are linked or one refuses the other.
    pub fn dial(&mut self, from: usize, to: usize) {
        if !self.places[from].links.contains(&to) {
            self.meet(from, to, Direction::Inbound);
        }
    }

    fn meet(&mut self, a: usize, b: usize, there: Direction) {
        let refuses = |here: usize, there: usize| {
            let at = self.places[there].ip.map(BanTarget::address);
            let shut = &self.places[here].shut;
            shut.contains(&BanTarget::Peer(Self::peer(there))) || at.is_some_and(|at| shut.contains(&at))
        };
        if refuses(a, b) || refuses(b, a) {
            return;
        }
        for (here, there, direction) in [(a, b, Direction::Outbound), (b, a, there)] {
            self.places[here].links.insert(there);
            let connected = Connected {
                peer: Self::peer(there),
                address: format!("/memory/{there}"),
                transport: "memory",
                direction,
                leaf: false,
                ip: self.places[there].ip,
                tried: Vec::new(),
            };
            self.happens(here, Input::Connected(connected));
        }
    }

    /// Cuts a link.
    pub fn cut(&mut self, a: usize, b: usize) {
        for (here, there) in [(a, b), (b, a)] {
            self.places[here].links.remove(&there);
            self.places[here].router.left(there);
            self.happens(here, Input::Disconnected { peer: Self::peer(there), reason: "cut".to_owned() });
        }
    }

    /// The node makes a block of its own.
    pub fn produce(&mut self, index: usize, version: Version, data: Vec<u8>) {
        self.happens(index, Input::Produced { version, data: data.into() });
    }

    /// A liar at `index` sends these uncompressed bytes to all its neighbours, past its own rules.
    pub fn lie(&mut self, index: usize, version: Version, data: &[u8]) {
        for to in self.places[index].links.clone() {
            self.send(index, to, version, &whole(data.to_vec().into()));
        }
    }

    /// Lets so much time pass.
    pub fn run(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            self.wake();
            let Some(entry) = self.plan.first_entry().filter(|entry| entry.key().0 <= end) else { break };
            let ((at, _), (index, fact)) = entry.remove_entry();
            self.now = self.now.plus(at.saturating_sub(self.now.mono));
            match fact {
                Fact::Arrives { from, version, message } => self.arrives(index, from, version, message),
                Fact::Control { from, control } => self.controlled(index, from, control),
                Fact::Beat => self.beat(index),
                Fact::Input(input) => self.give(index, *input),
                Fact::Asked { from, fetch, number } => self.is_asked(index, from, fetch, number),
                Fact::Answered { fetch, answer } => {
                    if self.fetches.remove(&(index, fetch)).is_some() {
                        self.give(index, Input::Fetched { id: fetch, answer });
                    }
                }
                Fact::Timeout => {
                    let now = self.seen_by(index);
                    self.places[index].node.handle_timeout(now);
                    self.drain(index);
                }
            }
        }
        self.now = self.now.plus(end.saturating_sub(self.now.mono));
    }

    /// The present.
    pub fn now(&self) -> Now {
        self.now
    }

    /// What a node has told.
    pub fn events(&self, index: usize) -> &[Event] {
        &self.places[index].events
    }

    /// A node.
    pub fn node(&self, index: usize) -> &Node {
        &self.places[index].node
    }

    /// Everything that was told by anybody, a line each.
    pub fn log(&self) -> &str {
        &self.log
    }

    /// From now on a node's clock shows so many seconds more, or fewer.
    pub fn set_clock(&mut self, index: usize, secs: i64) {
        self.places[index].skew = secs;
    }

    /// Something else happens to a node.
    pub fn happens(&mut self, index: usize, input: Input) {
        self.plan(Duration::ZERO, index, Fact::Input(Box::new(input)));
    }

    /// The present by a node's own clock.
    fn seen_by(&self, index: usize) -> Now {
        let unix = self.now.unix.as_secs().saturating_add_signed(self.places[index].skew);
        Now { unix: Duration::new(unix, self.now.unix.subsec_nanos()), ..self.now }
    }

    fn plan(&mut self, after: Duration, index: usize, fact: Fact) {
        self.planned += 1;
        self.plan.insert((self.now.mono + after, self.planned), (index, fact));
    }

    /// Nodes whose own deadline comes before everything that is planned are given the time.
    fn wake(&mut self) {
        let next = self.places.iter().enumerate().filter_map(|(index, place)| Some((place.due?, index))).min();
        let Some((at, index)) = next else { return };
        if self.plan.first_key_value().is_none_or(|((first, _), _)| at < *first) {
            self.plan(at.saturating_sub(self.now.mono), index, Fact::Timeout);
        }
    }

    fn give(&mut self, index: usize, input: Input) {
        let now = self.seen_by(index);
        self.places[index].node.handle(now, input);
        self.drain(index);
    }

    /// Fulfils every wish. A check takes its time on another thread: its answer is one more fact.
    fn drain(&mut self, index: usize) {
        while let Some(output) = self.places[index].node.poll_output() {
            match output {
                Output::Validate { id, task } => {
                    let took = Duration::from_micros(200 + self.chance.below(2_000));
                    let outcome = check.run(Primitives::PORTABLE);
                    self.plan(took, index, Fact::Input(Box::new(Input::Validated { id, outcome })));
                }
                Output::Report { id, peer, acceptance } => self.judged(index, id, peer, acceptance),
                Output::Publish { version, data } => {
                    let message = whole(data);
                    let id = message.id(&self.chain.topic(version));
                    self.places[index].known.insert(id);
                    self.forward(index, None, id, version, &message);
                }
                Output::Disconnect { peer, .. } => {
                    if let Some(other) = self.place(peer) {
                        self.cut(index, other);
                    }
                }
                Output::Block(subject) => _ = self.places[index].shut.insert(subject),
                Output::Unblock(subject) => _ = self.places[index].shut.remove(&subject),
                Output::Dial { .. } | Output::Unsubscribe { .. } => {}
                Output::Score { peer, score } => {
                    if let Some(other) = self.place(peer) {
                        self.places[index].router.told(other, score);
                    }
                }
                Output::Fetch(wish) => self.fetch(index, wish),
                Output::Decode { id, task } => {
                    let took = Duration::from_micros(200 + self.chance.below(2_000));
                    let outcome = reading.run(Primitives::PORTABLE);
                    self.plan(took, index, Fact::Input(Box::new(Input::Decoded { id, outcome })));
                }
                Output::Load { id, number } => {
                    let found = self.places[index].shelf.get(number).cloned();
                    let took = Duration::from_micros(100 + self.chance.below(1_000));
                    self.plan(took, index, Fact::Input(Box::new(Input::Loaded { id, found })));
                }
                Output::Answer { id, reply } => self.answer(index, id, &reply),
                Output::Persist { id, item } => {
                    self.places[index].shelf.keep(&keep);
                    let took = Duration::from_micros(500 + self.chance.below(5_000));
                    self.plan(took, index, Fact::Input(Box::new(Input::Persisted { id, result: Persisted::OnDisk })));
                }
                Output::Emit(event) => self.told(index, event),
            }
        }
        let now = self.seen_by(index);
        self.places[index].due = self.places[index].node.poll_timeout(now).map(|deadline| deadline.at);
    }

    fn latency(&mut self) -> Duration {
        let (least, most) = self.weather.latency;
        Duration::from_millis(least + self.chance.below(most - least + 1))
    }

    /// The entry of a peer.
    fn place(&self, peer: PeerId) -> Option<usize> {
        (0..self.places.len()).find(|other| Self::peer(*other) == peer)
    }

    fn told(&mut self, index: usize, event: Event) {
        let line = serde_json::to_string(&event).expect("an event is JSON");
        writeln!(self.log, "{} {index} {line}", self.now.mono.as_micros()).expect("memory");
        self.places[index].events.push(event);
        self.places[index].told_at.push(self.now.mono);
    }
}

/// A message that came whole.
fn whole(data: Bytes) -> Message {
    Message { form: Form::Snappy, wire: crate::forge::compress(&data).len(), data }
}

/// Numbers of the verified blocks that came by gossip.
pub fn gossiped(events: &[Event]) -> Vec<u64> {
    let number = |event: &Event| match event {
        Event::Block(block) if block.via == Via::Gossip => Some(block.block.payload.number()),
        _ => None,
    };
    events.iter().filter_map(number).collect()
}
