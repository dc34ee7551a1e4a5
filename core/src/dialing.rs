//! Dialing: redials static peers ([`StaticPeers`]) and reconnects one when no gossip arrives ([`GossipWatchdog`]);
//! dials discovered peers while there are too few ([`PeerDialer`]); prunes connections when there are too many
//! ([`ConnectionManager`]); disconnects leaves that take a place for nothing ([`LeafPlaces`]); and collects the addresses at which peers see this node ([`ObservedAddresses`]).
//!
//! Bounds: those of its parts.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, VecDeque};

mod connection_manager;
mod connections;
mod discovered;
mod gossip_watchdog;
mod leaf_places;
mod observed_addresses;
mod peer_dialer;
mod static_peers;

pub use connection_manager::{ConnectionManager, PruneCandidate, PruneDecision};
pub use discovered::MAX_PER_NETWORK;
pub use gossip_watchdog::GossipWatchdog;
pub use leaf_places::LeafPlaces;
pub use observed_addresses::{AddressChange, ObservedAddresses};
pub use peer_dialer::{DialCandidates, PeerDialer};
pub use static_peers::{Redial, StaticPeers};

use crate::{
    address,
    config::{Settled, StaticPeer},
    context::{Context, Machine, Timer, earliest},
    event::{Connected, DialFailed, DisconnectReason, Event, SeenAt},
    peer::PeerId,
    time::{Deadline, Now},
};

/// An input of [`Dialing`].
#[derive(Debug)]
pub enum DialingInput {
    /// A peer's first connection was established.
    Connected(Connected),
    /// A peer's last connection ended; it lasted so long.
    Disconnected(PeerId, core::time::Duration),
    /// A dial failed on every address, with this error.
    DialFailed(PeerId, String),
    /// Discovery found a peer of this chain at these multiaddrs.
    Discovered(PeerId, Vec<String>),
    /// A static peer, or its new addresses, from a source that speaks for the peer itself.
    StaticPeer(StaticPeer),
    /// A relay that other peers advertise; never removes an address.
    AdvertisedRelay(StaticPeer),
    /// A connected peer sees this node at this multiaddr.
    ObservedAt(PeerId, String),
    /// A sign of life of the chain's gossip: a block of it was accepted, or a fetched one proven. Messages that are not
    /// accepted are none: any peer can repeat old blocks.
    Received,
    /// The total scores of all peers that are not leaves: time to prune.
    Totals(BTreeMap<PeerId, f64>),
}

/// An output of [`Dialing`].
#[derive(Debug)]
pub enum DialingOutput {
    /// Dial a peer at these multiaddrs.
    Dial(PeerId, Vec<String>),
    /// Close a peer's connections.
    Disconnect(PeerId, DisconnectReason),
    /// Emit an event.
    Emit(Event),
}

/// The dialing machine. See the module.
#[derive(Debug)]
pub struct Dialing {
    config: Settled,
    static_peers: StaticPeers,
    dialer: PeerDialer,
    watchdog: GossipWatchdog,
    observed: ObservedAddresses,
    manager: ConnectionManager,
    leaf_places: LeafPlaces,
    /// Dials of non-static peers that failed on every address, since the start.
    dials_failed: u64,
    /// When the static peers are looked at next.
    timer: Timer,
    outputs: VecDeque<DialingOutput>,
}

impl Dialing {
    /// No peer was dialled yet. `seed` feeds the jitter of dials. Writes [`Context::static_peers`].
    pub fn new(config: Settled, seed: u64, context: &mut Context) -> Self {
        let now = context.now.mono;
        let static_peers = StaticPeers::new(&config.static_peers, config.static_target, seed, now);
        context.static_peers = static_peers.ids().collect();
        let timer = Timer::new(earliest([(static_peers.due(), "dial")]));
        Self {
            static_peers,
            dialer: PeerDialer::new(seed.rotate_left(16), now),
            watchdog: GossipWatchdog::new(context.interval, now),
            observed: ObservedAddresses::default(),
            manager: ConnectionManager::new(config.connections),
            leaf_places: LeafPlaces::default(),
            dials_failed: 0,
            timer,
            outputs: VecDeque::new(),
            config,
        }
    }

    /// The addresses at which peers see this node.
    pub const fn observed(&self) -> &ObservedAddresses {
        &self.observed
    }

    /// Dials of non-static peers that failed on every address, since the start.
    pub const fn dials_failed(&self) -> u64 {
        self.dials_failed
    }

    /// Whether fewer peers are connected than the low watermark; leaves do not count.
    pub fn needs_peers(&self, context: &Context) -> bool {
        context.peers.node_count() < self.config.connections.low
    }

    fn dial_failed(&mut self, context: &Context, peer: PeerId, error: String) {
        let now = context.now.mono;
        if let Some(wait) = self.static_peers.failed(peer, now) {
            let retry_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            self.emit(Event::DialFailed(DialFailed { peer, error, retry_ms }));
        } else if self.dialer.failed(peer, now) {
            self.dials_failed += 1;
        }
    }

    /// A peer sees this node at this multiaddr.
    fn observed_at(&mut self, context: &Context, peer: PeerId, multiaddr: &str) {
        let (Some(scope), Some(at)) = (self.config.observe_scope, context.peers.ip(peer)) else { return };
        let Some((ip, port)) = address::tcp(multiaddr).filter(|_| !context.peers.is_leaf(peer)) else { return };
        let change = self.observed.reported(scope, peer, at, SocketAddr::new(ip, port));
        self.address_changed(change);
    }

    fn address_changed(&mut self, change: Option<AddressChange>) {
        let Some(AddressChange { from, to }) = change else { return };
        for (address, agreed) in [(from, false), (to, true)] {
            if let Some(address) = address {
                self.emit(Event::Observed(SeenAt { address: multiaddr(address), agreed }));
            }
        }
    }

    /// Disconnects the static peer that has been connected longest, when nothing has arrived for too long.
    fn check_watchdog(&mut self, context: &Context) {
        let now = context.now.mono;
        if !self.static_peers.is_empty()
            && self.watchdog.expired(now)
            && let Some(peer) = self.static_peers.longest_connected(now, self.watchdog.timeout())
        {
            self.outputs.push_back(DialingOutput::Disconnect(peer, DisconnectReason::IdleTimeout));
        }
    }

    /// Makes the dials that are due.
    fn dial(&mut self, context: &Context) {
        let now = context.now.mono;
        if self.timer.is_due(now) {
            while let Some((peer, addresses)) = self.static_peers.next(now) {
                self.outputs.push_back(DialingOutput::Dial(peer, addresses));
            }
            self.timer.ran(now, earliest([(self.static_peers.due(), "dial")]));
        }
        self.dial_discovered(context);
    }

    fn emit(&mut self, event: Event) {
        self.outputs.push_back(DialingOutput::Emit(event));
    }
}

impl Machine for Dialing {
    type Input = DialingInput;
    type Output = DialingOutput;

    fn handle(&mut self, context: &mut Context, input: DialingInput) {
        let now = context.now.mono;
        if !matches!(input, DialingInput::Received | DialingInput::ObservedAt(..) | DialingInput::Totals(_)) {
            self.timer.input();
        }
        match input {
            DialingInput::Connected(connected) => self.connected(context, &connected),
            DialingInput::Disconnected(peer, lasted) => {
                self.static_peers.disconnected(peer, now);
                // A peer without a known address is never dialled.
                if context.store.known().contains(peer) {
                    self.dialer.disconnected(peer, lasted, now);
                }
                self.leaf_places.disconnected(peer, now.saturating_sub(lasted));
                let change = self.observed.left(peer);
                self.address_changed(change);
            }
            DialingInput::DialFailed(peer, error) => self.dial_failed(context, peer, error),
            DialingInput::Discovered(peer, addresses) => self.discovered(context, peer, &addresses),
            DialingInput::StaticPeer(peer) => {
                self.static_peers.set(peer, now);
                context.static_peers = self.static_peers.ids().collect();
            }
            DialingInput::AdvertisedRelay(relay) => {
                self.static_peers.advertised(relay, now);
                context.static_peers = self.static_peers.ids().collect();
            }
            DialingInput::ObservedAt(peer, multiaddr) => self.observed_at(context, peer, &multiaddr),
            DialingInput::Received => self.watchdog.received(now),
            DialingInput::Totals(totals) => self.prune(context, &totals),
        }
    }

    fn handle_timeout(&mut self, context: &mut Context) {
        self.check_watchdog(context);
        self.check_leaves(context);
        self.dial(context);
    }

    fn poll_output(&mut self) -> Option<DialingOutput> {
        self.outputs.pop_front()
    }

    fn poll_timeout(&self, context: &Context, _: Now) -> Option<Deadline> {
        earliest([
            (self.timer.deadline().map(|deadline| deadline.at), "dial"),
            (self.next_discovered(context), "discovery"),
            (self.leaf_places.due(), "leaf"),
            (Some(self.watchdog.due()).filter(|_| !self.static_peers.is_empty()), "watchdog"),
        ])
    }
}

/// The multiaddr of an address: `/ip4/…/tcp/…` or `/ip6/…/tcp/…`.
pub(crate) fn multiaddr(address: SocketAddr) -> String {
    let kind = if matches!(address.ip(), IpAddr::V4(_)) { "ip4" } else { "ip6" };
    format!("/{kind}/{}/tcp/{}", address.ip(), address.port())
}
