//! The event loop: libp2p's swarm and the [`Node`], as a stream of events.
//!
//! Each step performs the node's outputs, then takes one more input: finished work, a deadline, or an event of the
//! swarm. No input is taken while an event is unread, so events do not accumulate. The node's rule (one input, then all
//! outputs) is kept by [`Driver::feed`] and [`Driver::drain`].

use core::{
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
        gossip::Gossipsub,
        ingest::transform::Transform,
        leaves::Leaves,
        metering::{by_protocol::ProtocolBytes, send_queue::SendQueues},
        params,
    },
    node::{Input, LeavesStatus, Node, Output, Status, TrafficStatus},
    peer::PeerId,
    persistence::RestoredState,
    validation::SignerNews,
};

mod ended;
mod forward;
mod message_sizes;
mod open_requests;
mod operator;
mod requests;
mod running_task;
mod scores;
mod swarm_events;

pub use ended::{EndedRequest, RequestSide};
use message_sizes::MessageSizes;
use open_requests::OpenRequests;
pub use operator::ProtectedPeer;
use running_task::{RunningTask, Task};

/// The parts of a driver.
pub struct DriverParts<H> {
    /// The node's parameters.
    pub config: Settled,
    /// The state that an earlier run persisted.
    pub restored: RestoredState,
    /// The node's key, from which its peer id is derived.
    pub identity: Keypair,
    /// The agent version that identify sends.
    pub agent: String,
    /// The transport: authenticated and multiplexed.
    pub transport: Boxed<(libp2p::PeerId, StreamMuxerBox)>,
    /// The swarm's configuration, with the host's executor.
    pub swarm: swarm::Config,
    /// 32 random bytes.
    pub seed: [u8; 32],
    /// The host.
    pub host: H,
}

/// The event loop of one node. Dropping it ends the node.
pub struct Driver<H: Host> {
    host: H,
    node: Node,
    swarm: Swarm<Behaviour>,
    transform: Transform,
    protocols: ProtocolBytes,
    tasks: FuturesUnordered<RunningTask<H::Working>>,
    /// Wakes at the node's next deadline, and at least every [`params::POLL_INTERVAL`].
    timer: H::Sleep,
    timer_at: Duration,
    events: VecDeque<Event>,
    /// When the node gets gossipsub's scores next (monotonic).
    scores_at: Duration,
    requests: OpenRequests,
    /// Send progress of each leaf.
    send_queues: SendQueues,
    leaves: Leaves,
    /// Lengths of the messages that are being validated.
    sizes: MessageSizes,
    /// Inputs that arose while outputs were performed. The node gets them when all outputs are performed.
    pending_inputs: VecDeque<Input>,
}

impl<H: Host> Driver<H> {
    /// Maximum steps of one poll; then other tasks of the executor may run.
    const MAX_STEPS: usize = 128;

    /// Creates a node. It does not listen yet, and has not dialled.
    ///
    /// # Errors
    /// A static peer's address does not parse; gossipsub refuses its configuration.
    pub fn new(parts: DriverParts<H>) -> Result<Self, NetError> {
        let DriverParts { config, restored, identity, agent, transport, swarm, seed, host } = parts;
        check_addresses(&config)?;
        let transform = Transform::new(&config.chain);
        let now = host.now();
        let behaviour = Behaviour::new(&config, &identity, agent, &transform, now)?;
        let swarm = swarm.with_idle_connection_timeout(params::IDLE_TIMEOUT);
        let protocols = ProtocolBytes::default();
        let send_queues = SendQueues::default();
        let leaves = Leaves::new(config.connections.leaves_bytes);
        let transport = match host.offload() {
            Some(offload) => transform.readahead().wrap_transport(transport, offload),
            None => transport,
        };
        let transport = send_queues.wrap_transport(protocols.wrap_transport(transport));
        let swarm = Swarm::new(transport, behaviour, identity.public().to_peer_id(), swarm);
        let mut driver = Self {
            node: Node::new(config, &restored, seed, now),
            swarm,
            transform,
            protocols,
            tasks: FuturesUnordered::new(),
            timer: host.sleep(params::POLL_INTERVAL),
            timer_at: now.mono.saturating_add(params::POLL_INTERVAL),
            events: VecDeque::new(),
            scores_at: now.mono,
            requests: OpenRequests::default(),
            send_queues,
            leaves,
            sizes: MessageSizes::default(),
            pending_inputs: VecDeque::new(),
            host,
        };
        driver.drain();
        driver.tick();
        Ok(driver)
    }

    /// Listens on an address; [`Event::Listening`] reports each resulting address.
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

    /// Validates a block that this node produced (uncompressed message, signature first), and gossips it if it is
    /// valid.
    pub fn publish(&mut self, version: Version, data: Bytes) {
        self.feed(Input::Produced { version, data });
    }

    /// Adds a discovered peer of this chain and its addresses.
    pub fn discovered(&mut self, peer: &libp2p::PeerId, addresses: &[Multiaddr]) {
        if let Some(peer) = convert::peer(peer).filter(|_| *peer != self.local_peer()) {
            let addresses = addresses.iter().map(ToString::to_string).collect();
            self.feed(Input::Discovered { peer, addresses });
        }
    }

    /// Adds a static peer, or sets the addresses of a known one. The addresses are from the peer itself or from the
    /// operator.
    pub fn add_static_peer(&mut self, peer: StaticPeer) {
        self.feed(Input::StaticPeer(peer));
    }

    /// Adds a relay that other relays advertise; its addresses are not verified.
    pub fn advertised_relay(&mut self, relay: StaticPeer) {
        self.feed(Input::AdvertisedRelay(relay));
    }

    /// Advertises an address of this node to peers.
    pub fn advertise(&mut self, address: Multiaddr) {
        self.swarm.add_external_address(address);
    }

    /// Stops advertising an address.
    pub fn withdraw(&mut self, address: &Multiaddr) {
        self.swarm.remove_external_address(address);
    }

    /// Starts to close all connections, so that peers do not have to detect by timeouts that this node has stopped. The
    /// driver must be polled until it [has no connections](Driver::has_no_connections).
    pub fn close_connections(&mut self) {
        for peer in self.swarm.connected_peers().copied().collect::<Vec<_>>() {
            // An error means that the peer has disconnected already.
            let _disconnected = self.swarm.disconnect_peer_id(peer);
        }
    }

    /// The program is about to stop: gives everything to the host that is still to be persisted. The host need not answer.
    pub fn persist_rest(&mut self) {
        self.feed(Input::StopRequested);
    }

    /// Whether no peer is connected.
    pub fn has_no_connections(&self) -> bool {
        self.swarm.connected_peers().next().is_none()
    }

    /// Whether there are too few peers.
    pub fn needs_peers(&self) -> bool {
        self.node.needs_peers()
    }

    /// Passes on a reading of the chain's block signer.
    pub fn signer_news(&mut self, news: SignerNews) {
        self.feed(Input::Signer(news));
    }

    /// An independent clock agrees with this node's clock, within its accuracy.
    pub fn clock_agrees(&mut self) {
        self.feed(Input::ClockAgrees);
    }

    /// The node's status.
    pub fn status(&self) -> Status {
        let behaviour = self.swarm.behaviour();
        let traffic = TrafficStatus {
            gated: behaviour.gater.counts(),
            dial_backs: behaviour.dial_backs(),
            protocol_bytes: self.protocols.totals(),
            leaves: LeavesStatus { waiting: self.leaves.queued_bytes(), passed: self.leaves.skipped() },
        };
        Status { traffic, ..self.node.status(self.host.now()) }
    }

    /// This node's peer id.
    pub fn local_peer(&self) -> libp2p::PeerId {
        *self.swarm.local_peer_id()
    }

    /// Gives the node one input, and performs all outputs.
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
                self.perform(output);
            }
            let Some(input) = self.pending_inputs.pop_front() else { break };
            self.node.handle(self.host.now(), input);
        }
    }

    fn perform(&mut self, output: Output) {
        match output {
            Output::Emit(event) => self.events.push_back(event),
            Output::Validate { id, task } => self.start(Task::Validate(id), Work::Heavy(Heavy::Validate(task))),
            Output::Decode { id, task } => self.start(Task::Decode(id), Work::Heavy(Heavy::Decode(task))),
            Output::Load { id, number } => self.start(Task::Load(id), Work::Load(number)),
            Output::Persist { id, item } => self.start(Task::Persist(id), Work::Persist(item)),
            Output::Fetch(request) => self.fetch(request),
            Output::Answer { id, reply } => self.answer(id, reply),
            Output::Report { id, peer, acceptance } => self.report(id, peer, acceptance),
            Output::Publish { version, data } => self.publish_gossip(version, data),
            Output::Dial { peer, addresses } => self.dial(peer, &addresses),
            Output::Block(subject) => self.swarm.behaviour_mut().gater.block(subject),
            Output::Unblock(subject) => self.swarm.behaviour_mut().gater.unblock(subject),
            Output::Score { peer, score } => self.set_score(peer, score),
            Output::Unsubscribe { version } => {
                let topic = gossipsub::IdentTopic::new(self.transform.topic(version).as_str());
                let _was_joined = self.gossip().unsubscribe(&topic);
            }
            Output::Disconnect { peer, reason } => {
                tracing::info!(%peer, reason = reason.as_str(), "dropping a peer");
                if let Some(peer) = convert::libp2p_peer(peer) {
                    // An error means that the peer has disconnected already.
                    let _disconnected = self.swarm.disconnect_peer_id(peer);
                }
            }
        }
    }

    fn start(&mut self, task: Task, work: Work) {
        self.tasks.push(RunningTask { task, working: self.host.work(work) });
    }

    fn gossip(&mut self) -> &mut Gossipsub {
        &mut self.swarm.behaviour_mut().gossip.gossipsub
    }

    /// Dials all addresses of a peer concurrently, and resolves their DNS names. A dial that cannot be started has
    /// failed.
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

    /// Takes steps until there is an event, or nothing to do, or the limit of steps or time is reached.
    fn turn(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let begin = self.host.now().mono;
        for _ in 0..Self::MAX_STEPS {
            if let Some(event) = self.events.pop_front() {
                return Poll::Ready(Some(event));
            }
            if !(self.poll_tasks(context) || self.poll_timer(context) || self.poll_swarm(context)) {
                return Poll::Pending;
            }
            if self.host.now().mono.saturating_sub(begin) > params::TURN_BUDGET {
                break;
            }
        }
        context.waker().wake_by_ref();
        Poll::Pending
    }

    fn poll_tasks(&mut self, context: &mut Context<'_>) -> bool {
        let Poll::Ready(Some((task, done))) = self.tasks.poll_next_unpin(context) else { return false };
        let input = match (task, done) {
            (Task::Validate(id), Done::Validated(outcome)) => Input::Validated { id, outcome },
            (Task::Decode(id), Done::Decoded(outcome)) => Input::Decoded { id, outcome },
            (Task::Load(id), Done::Loaded(found)) => Input::Loaded { id, found },
            (Task::Persist(id), Done::Persisted(result)) => Input::Persisted { id, result },
            (task, done) => {
                tracing::error!(?task, ?done, "the host returned a result of another kind of work");
                return true;
            }
        };
        self.feed(input);
        true
    }

    /// Sleeps until the node's deadline, at most for the poll interval.
    fn poll_timer(&mut self, context: &mut Context<'_>) -> bool {
        let now = self.host.now().mono;
        let deadline = self.node.poll_timeout(self.host.now()).map(|deadline| deadline.at);
        if deadline.is_some_and(|at| at <= now) {
            self.tick();
            return true;
        }
        let next = deadline.map_or(params::POLL_INTERVAL, |at| (at - now).min(params::POLL_INTERVAL));
        let sooner = now.saturating_add(next) < self.timer_at;
        if sooner {
            self.arm_timer(now, next);
        }
        let has_fired = Pin::new(&mut self.timer).poll(context).is_ready();
        if has_fired {
            self.arm_timer(now, next);
            self.transform.readahead().remove_expired(now);
            self.refresh_scores(now);
            // A deadline that has passed is not always returned again: see `Node::poll_timeout`.
            self.tick();
        }
        has_fired
    }

    fn arm_timer(&mut self, now: Duration, sleep: Duration) {
        self.timer = self.host.sleep(sleep.max(Duration::from_millis(1)));
        self.timer_at = now.saturating_add(sleep);
    }

    fn poll_swarm(&mut self, context: &mut Context<'_>) -> bool {
        self.transform.begin_turn();
        match self.swarm.poll_next_unpin(context) {
            Poll::Ready(Some(event)) => {
                self.handle_swarm_event(event);
                true
            }
            _ => false,
        }
    }
}

fn check_addresses(config: &Settled) -> Result<(), NetError> {
    let addresses = config.static_peers.iter().flat_map(|peer| &peer.addresses);
    let invalid: Vec<String> = addresses.filter(|address| address.parse::<Multiaddr>().is_err()).cloned().collect();
    if invalid.is_empty() { Ok(()) } else { Err(NetError::Addresses(invalid)) }
}

impl<H: Host> Unpin for Driver<H> {}

impl<H: Host> Stream for Driver<H> {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let this = self.get_mut();
        let begin = this.host.now().mono;
        let event = this.turn(context);
        let spent = this.host.now().mono.saturating_sub(begin);
        if spent > params::STALL_THRESHOLD {
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
