//! The loop: libp2p's swarm and the [`Node`], as a stream of events.
//!
//! Each turn drains the node's wishes, then takes one more fact: a check that ended, a deadline, an event of the swarm.
//! No new fact is taken while an event waits to be read, so nothing queues up here. The node's law (one in, drain out) is
//! kept by [`Driver::feed`] alone.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use std::collections::VecDeque;

use bytes::Bytes;
use futures::{
    Stream, StreamExt,
    stream::{FusedStream, FuturesUnordered},
};
use libp2p::{
    Multiaddr, Swarm,
    core::{
        muxing::StreamMuxerBox,
        transport::{Boxed, TransportError},
    },
    gossipsub,
    identity::Keypair,
    swarm::{
        self,
        dial_opts::{DialOpts, PeerCondition},
    },
};

use crate::{
    config::{Settled, StaticPeer},
    event::Event,
    fork::Version,
    net::{
        Done, Heavy, Host, NetError, Work,
        behaviour::Behaviour,
        connection_errors, convert,
        ingest::transform::Transform,
        leaves::Leaves,
        metering::{by_protocol::ProtocolBytes, send_queue::SendQueues},
        params,
    },
    node::{Input, LeavesStatus, Node, Output, Status, TrafficStatus},
    peer::PeerId,
    persistence::{PersistId, RestoredState},
    range_sync::FetchId,
    serving::RequestId,
    validation::{SignerNews, ValidationId},
};

mod ended;
mod forward;
mod message_sizes;
mod open_requests;
mod operator;
mod requests;
mod scores;
mod swarm_events;

pub use ended::{EndedRequest, RequestSide};
use message_sizes::MessageSizes;
use open_requests::OpenRequests;
pub use operator::Spared;

/// All that a driver is made of.
pub struct DriverParts<H> {
    /// The node's parameters.
    pub config: Settled,
    /// What an earlier run kept.
    pub memory: RestoredState,
    /// The node's identity; its peer id follows from it.
    pub identity: Keypair,
    /// The agent version that identify tells.
    pub agent: String,
    /// Authenticated and multiplexed.
    pub transport: Boxed<(libp2p::PeerId, StreamMuxerBox)>,
    /// The swarm's configuration: its executor is the body's.
    pub swarm: swarm::Config,
    /// 32 random bytes.
    pub seed: [u8; 32],
    /// The body.
    pub host: H,
}

/// See the module. Dropping it ends the node.
pub struct Driver<H: Host> {
    host: H,
    node: Node,
    swarm: Swarm<Behaviour>,
    transform: Transform,
    protocols: ProtocolBytes,
    works: FuturesUnordered<RunningTask<H::Working>>,
    /// Wakes for the next deadline, and at least every [`params::BEAT`].
    beat: H::Sleep,
    beat_at: Duration,
    events: VecDeque<Event>,
    /// When scores are looked at next.
    look_at: Duration,
    requests: OpenRequests,
    /// OpenRequests that could not even be made, and why; told as `refused` are.
    meters: SendQueues,
    leaves: Leaves,
    /// Of messages that are not judged yet.
    sizes: MessageSizes,
    /// Facts that came up while the node's wishes were fulfilled; told to the node once they are drained.
    pending_inputs: VecDeque<Input>,
}

impl<H: Host> Driver<H> {
    /// Events of the swarm that one turn takes at most before others get theirs.
    const TURN: usize = 128;

    /// A node that neither listens nor has dialled yet.
    ///
    /// # Errors
    /// A static peer's address does not parse; gossipsub refuses its configuration.
    pub fn new(parts: DriverParts<H>) -> Result<Self, NetError> {
        let DriverParts { config, memory, identity, agent, transport, swarm, seed, host } = parts;
        check_addresses(&config)?;
        let transform = Transform::new(&config.chain);
        let now = host.now();
        let behaviour = Behaviour::new(&config, &identity, agent, &transform, now)?;
        let swarm = swarm.with_idle_connection_timeout(params::IDLE_TIMEOUT);
        let protocols = ProtocolBytes::default();
        let meters = SendQueues::default();
        let leaves = Leaves::new(config.connections.leaves_bytes);
        let transport = match host.aside() {
            Some(aside) => transform.readahead().over(transport, aside),
            None => transport,
        };
        let transport = meters.over(protocols.count(transport));
        let swarm = Swarm::new(transport, behaviour, identity.public().to_peer_id(), swarm);
        let mut driver = Self {
            node: Node::new(config, &memory, seed, now),
            swarm,
            transform,
            protocols,
            works: FuturesUnordered::new(),
            beat: host.sleep(params::BEAT),
            beat_at: now.mono.saturating_add(params::BEAT),
            events: VecDeque::new(),
            look_at: now.mono,
            requests: OpenRequests::default(),
            meters,
            leaves,
            sizes: MessageSizes::default(),
            pending_inputs: VecDeque::new(),
            host,
        };
        driver.drain();
        driver.tick();
        Ok(driver)
    }

    /// Listens on an address; [`Event::Listening`] tells each address that came of it.
    ///
    /// # Errors
    /// The transport does not support the address, or the address is taken.
    pub fn listen(&mut self, address: Multiaddr) -> Result<(), NetError> {
        let listening = self.swarm.listen_on(address.clone());
        listening.map(drop).map_err(|error| NetError::Listen {
            address,
            error: match error {
                TransportError::Other(error) => error.to_string(),
                unsupported => unsupported.to_string(),
            },
        })
    }

    /// Judges a block of our own (uncompressed message, signature first) and gossips it when our own rules accept it.
    pub fn publish(&mut self, version: Version, data: Bytes) {
        self.feed(Input::Produced { version, data });
    }

    /// Takes what the body has found: a peer of this chain, and where it is.
    pub fn found(&mut self, peer: &libp2p::PeerId, addresses: &[Multiaddr]) {
        if let Some(peer) = convert::peer(peer).filter(|_| *peer != self.local_peer()) {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            self.feed(Input::Discovered { peer, addresses });
        }
    }

    /// Takes another peer to keep, or where one of them is now, by its own word.
    pub fn keep(&mut self, said: StaticPeer) {
        self.feed(Input::StaticPeer(said));
    }

    /// The same by others' word.
    pub fn hear_of(&mut self, said: StaticPeer) {
        self.feed(Input::AdvertisedRelay(said));
    }

    /// Tells peers that we are to be found at this address.
    pub fn advertise(&mut self, address: Multiaddr) {
        self.swarm.add_external_address(address);
    }

    /// Tells them no more.
    pub fn withdraw(&mut self, address: &Multiaddr) {
        self.swarm.remove_external_address(address);
    }

    /// Closes every connection, so that nobody has to find out for himself that this node is gone; they are closed when the
    /// driver [is alone](Driver::is_alone), which polling brings about.
    pub fn leave(&mut self) {
        for peer in self.swarm.connected_peers().copied().collect::<Vec<_>>() {
            // An error means that it is gone already.
            let _gone = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// Whether nobody is connected.
    pub fn is_alone(&self) -> bool {
        self.swarm.connected_peers().next().is_none()
    }

    /// Whether there are too few peers.
    pub fn needs_peers(&self) -> bool {
        self.node.needs_peers()
    }

    /// Takes what the body has learnt of the signer.
    pub fn hear(&mut self, news: SignerNews) {
        self.feed(Input::Signer(news));
    }

    /// An independent time agrees with this node's clock, as far as it can.
    pub fn clock_agrees(&mut self) {
        self.feed(Input::ClockAgrees);
    }

    /// The node now.
    pub fn status(&self) -> Status {
        let behaviour = self.swarm.behaviour();
        let traffic = TrafficStatus {
            gated: behaviour.gate.counts(),
            dial_backs: behaviour.dial_backs(),
            protocol_bytes: self.protocols.carried(),
            leaves: LeavesStatus { waiting: self.leaves.waiting(), passed: self.leaves.passed() },
        };
        Status { traffic, ..self.node.status(self.host.now()) }
    }

    /// Our own peer id.
    pub fn local_peer(&self) -> libp2p::PeerId {
        *self.swarm.local_peer_id()
    }

    /// One fact in, every wish out.
    fn feed(&mut self, input: Input) {
        self.node.handle(self.host.now(), input);
        self.drain();
    }

    fn tick(&mut self) {
        self.node.handle_timeout(self.host.now());
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            while let Some(output) = self.node.poll_output() {
                self.fulfil(output);
            }
            let Some(input) = self.pending_inputs.pop_front() else { break };
            self.node.handle(self.host.now(), input);
        }
    }

    fn fulfil(&mut self, output: Output) {
        match output {
            Output::Emit(event) => self.events.push_back(event),
            Output::Validate { id, task } => self.work(Task::Validate(id), Work::Heavy(Heavy::Validate(task))),
            Output::Decode { id, task } => self.work(Task::Decode(id), Work::Heavy(Heavy::Decode(task))),
            Output::Load { id, number } => self.work(Task::Load(id), Work::Load(number)),
            Output::Persist { id, item } => self.work(Task::Persist(id), Work::Persist(item)),
            Output::Fetch(wish) => self.fetch(wish),
            Output::Answer { id, reply } => self.answer(id, reply),
            Output::Report { id, peer, acceptance } => self.judge(id, peer, acceptance),
            Output::Publish { version, data } => self.gossip_out(version, data),
            Output::Dial { peer, addresses } => self.dial(peer, &addresses),
            Output::Block(subject) => self.swarm.behaviour_mut().gate.shut(subject),
            Output::Unblock(subject) => self.swarm.behaviour_mut().gate.open(subject),
            Output::Score { peer, score } => self.tell_score(peer, score),
            Output::Unsubscribe { version } => {
                let topic = gossipsub::IdentTopic::new(self.transform.topic(version).as_str());
                let _was_joined = self.gossip().unsubscribe(&topic);
            }
            Output::Disconnect { peer, reason } => {
                tracing::info!(%peer, reason = reason.as_str(), "dropping a peer");
                if let Some(peer) = convert::libp2p_peer(peer) {
                    // An error means that it is gone already.
                    let _gone = self.swarm.disconnect_peer_id(peer);
                }
            }
        }
    }

    fn work(&mut self, task: Task, work: Work) {
        self.works.push(RunningTask { task, working: self.host.work(work) });
    }

    fn gossip(&mut self) -> &mut gossipsub::Behaviour<Transform, gossipsub::WhitelistSubscriptionFilter> {
        &mut self.swarm.behaviour_mut().gossip
    }

    /// Dials every address at once; names in them are resolved anew. What cannot even be tried has failed.
    fn dial(&mut self, peer: PeerId, addresses: &[String]) {
        let Some(target) = convert::libp2p_peer(peer) else { return };
        let addresses: Vec<Multiaddr> = addresses.iter().filter_map(|address| address.parse().ok()).collect();
        let options =
            DialOpts::peer_id(target).addresses(addresses).condition(PeerCondition::DisconnectedAndNotDialing).build();
        if let Err(error) = self.swarm.dial(options) {
            let error = connection_errors::dial_error(&error);
            self.pending_inputs.push_back(Input::DialFailed { peer, error });
        }
    }

    /// Until there is an event to tell, or nothing more to do, or others are to have their turn.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let begin = self.host.now().mono;
        for _ in 0..Self::TURN {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if !(self.poll_works(context) || self.poll_beat(context) || self.poll_swarm(context)) {
                return Poll::Pending;
            }
            if self.host.now().mono.saturating_sub(begin) > params::TURN {
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_works(&mut self, context: &mut Context<'_>) -> bool {
        let Poll::Ready(Some((task, done))) = self.works.poll_next_unpin(context) else { return false };
        let input = match (task, done) {
            (Task::Validate(id), Done::Validated(outcome)) => Input::Validated { id, outcome },
            (Task::Decode(id), Done::Decoded(outcome)) => Input::Decoded { id, outcome },
            (Task::Load(id), Done::Loaded(found)) => Input::Loaded { id, found },
            (Task::Persist(id), Done::Persisted(result)) => Input::Persisted { id, result },
            (task, done) => {
                tracing::error!(?task, ?done, "the host answers another question than it was asked");
                return true;
            }
        };
        self.feed(input);
        true
    }

    /// Keeps the beat: sleeps until the node's deadline or the next beat, whichever is first.
    fn poll_beat(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.host.now().mono;
        let deadline = self.node.poll_timeout(self.host.now()).map(|deadline| deadline.at);
        if deadline.is_some_and(|at| at <= now) {
            self.tick();
            return true;
        }
        let next = deadline.map_or(params::BEAT, |at| (at - now).min(params::BEAT));
        let sooner = now.saturating_add(next) < self.beat_at;
        if sooner {
            self.arm(now, next);
        }
        let beaten = Pin::new(&mut self.beat).poll(context).is_ready();
        if beaten {
            self.arm(now, next);
            self.transform.readahead().tidy(now);
            self.look_at_scores(now);
            // A deadline that has passed is not told again: see `Node::poll_timeout`.
            self.tick();
        }
        beaten
    }

    fn arm(&mut self, now: Duration, sleep: Duration) {
        self.beat = self.host.sleep(sleep.max(Duration::from_millis(1)));
        self.beat_at = now.saturating_add(sleep);
    }

    fn poll_swarm(&mut self, context: &mut Context<'_>) -> bool {
        self.transform.begin();
        match self.swarm.poll_next_unpin(context) {
            Poll::Ready(Some(event)) => {
                self.take(event);
                true
            }
            _ => false,
        }
    }
}

fn check_addresses(config: &Settled) -> Result<(), NetError> {
    let addresses = config.static_peers.iter().flat_map(|peer| &peer.addresses);
    let wrong: Vec<String> = addresses.filter(|address| address.parse::<Multiaddr>().is_err()).cloned().collect();
    if wrong.is_empty() { Ok(()) } else { Err(NetError::Addresses(wrong)) }
}

impl<H: Host> Unpin for Driver<H> {}

impl<H: Host> Stream for Driver<H> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let begin = this.host.now().mono;
        let event = this.turn(context);
        let spent = this.host.now().mono.saturating_sub(begin);
        if spent > params::STALL {
            this.feed(Input::Stalled(spent));
        }
        event
    }
}

impl<H: Host> FusedStream for Driver<H> {
    /// It never ends.
    fn is_terminated(&self) -> bool {
        false
    }
}

/// What some work is for.
#[derive(Clone, Copy, Debug)]
enum Task {
    Validate(ValidationId),
    Decode(FetchId),
    Load(RequestId),
    Persist(PersistId),
}

/// Work that runs, with what it is for.
struct RunningTask<F> {
    task: Task,
    working: F,
}

impl<F: Future<Output = Done> + Unpin> Future for RunningTask<F> {
    type Output = (Task, Done);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let task = self.task;
        Pin::new(&mut self.working).poll(context).map(|done| (task, done))
    }
}
