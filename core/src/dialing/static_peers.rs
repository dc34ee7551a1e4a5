//! Static peers: peers that are kept connected, each redialled with an exponential backoff of its own, with jitter.
//!
//! A failing peer does not delay another one. A connection that ends is redialled after [`Redial::FIRST_BACKOFF`]; each
//! failure doubles the wait up to [`Redial::MAX_BACKOFF`]; a connection that lasted [`Redial::STABLE_AFTER`] resets the
//! failures. Jitter takes up to a quarter off, drawn from the given seed. At most [`StaticPeers::MAX_DIALS`] dials run
//! at once.
//!
//! Where only some of them are wanted at once (a browser and its relays), the others are spare. Of the peers that are
//! due, the one with the fewest failures is dialled, and among equals the one that was configured first. While a static
//! peer is connected, a spare one that fails is dialled less and less often, up to [`Redial::SPARE_BACKOFF`]. With no
//! static peer connected, all of them are due at once.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{
    config::{MAX_STATIC_PEERS, StaticPeer},
    peer::PeerId,
    random::SplitMix64,
};

/// All static peers: at most [`MAX_STATIC_PEERS`].
#[derive(Debug)]
pub struct StaticPeers {
    peers: BTreeMap<PeerId, Redial>,
    /// How many should be connected at once.
    wanted: usize,
    /// The rank of the next peer that is added.
    rank: usize,
    jitter: SplitMix64,
}

/// The addresses of one static peer, and when it is dialled next.
#[derive(Debug)]
pub struct Redial {
    addresses: Vec<String>,
    /// The configured addresses, which are never removed. A peer with configured addresses is never removed either.
    configured: Vec<String>,
    /// The order in which peers were added; the smaller one is preferred.
    rank: usize,
    failures: u32,
    state: RedialState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RedialState {
    /// Not dialled before this time (monotonic).
    Waiting(Duration),
    Dialling,
    /// Connected since this time (monotonic).
    Connected(Duration),
}

impl Redial {
    /// The wait before the first redial.
    pub const FIRST_BACKOFF: Duration = Duration::from_millis(500);
    /// The longest wait, short enough that a peer that returns is reconnected within seconds.
    pub const MAX_BACKOFF: Duration = Duration::from_secs(8);
    /// The longest wait of a spare peer.
    pub const SPARE_BACKOFF: Duration = Duration::from_secs(120);
    /// A connection that lasted this long resets the failures.
    pub const STABLE_AFTER: Duration = Duration::from_secs(10);

    /// The wait after the failures so far, `longest` at most; `draw` is uniform in 0..=255.
    fn backoff(&self, longest: Duration, draw: u8) -> Duration {
        let doubled = Self::FIRST_BACKOFF.saturating_mul(1 << self.failures.min(10)).min(longest);
        doubled - doubled / 4 * u32::from(draw) / 255
    }
}

impl StaticPeers {
    /// Dials that may run at once (browsers throttle more).
    pub const MAX_DIALS: usize = 4;
    /// Addresses of one peer up to which advertised ones are added.
    pub const ADDRESSES: usize = 8;

    /// Every peer is due at `now` (monotonic); `wanted` should be connected at once. `seed` feeds the jitter.
    pub fn new(configured: &[StaticPeer], wanted: usize, seed: u64, now: Duration) -> Self {
        let mut static_peers = Self { peers: BTreeMap::new(), wanted, rank: 0, jitter: SplitMix64::new(seed) };
        for peer in configured {
            static_peers.add(peer.clone(), now);
            if let Some(redial) = static_peers.peers.get_mut(&peer.peer) {
                redial.configured.clone_from(&peer.addresses);
            }
        }
        static_peers
    }

    /// Adds a static peer, or replaces the addresses of one, from a source that speaks for the peer itself. With new
    /// addresses it is due at once; its configured addresses stay behind the new ones. When there are too many static
    /// peers, a failing one that is not configured is removed; when there is none, the new one is not added.
    pub fn set(&mut self, mut peer: StaticPeer, now: Duration) {
        if let Some(redial) = self.peers.get_mut(&peer.peer) {
            let configured = redial.configured.iter().filter(|address| !peer.addresses.contains(address)).cloned();
            let configured: Vec<String> = configured.collect();
            if peer.addresses.is_empty() {
                return;
            }
            peer.addresses.extend(configured);
            if redial.addresses != peer.addresses {
                redial.addresses = peer.addresses;
                redial.failures = 0;
                if matches!(redial.state, RedialState::Waiting(_)) {
                    redial.state = RedialState::Waiting(now);
                }
            }
            return;
        }
        self.add(peer, now);
    }

    /// Adds a static peer, or addresses to one, because other peers advertise it. Never removes an address.
    pub fn advertised(&mut self, peer: StaticPeer, now: Duration) {
        let Some(redial) = self.peers.get_mut(&peer.peer) else { return self.add(peer, now) };
        for address in peer.addresses {
            if redial.addresses.len() < Self::ADDRESSES && !redial.addresses.contains(&address) {
                redial.addresses.push(address);
            }
        }
    }

    fn add(&mut self, new: StaticPeer, now: Duration) {
        if self.peers.len() >= MAX_STATIC_PEERS && !self.remove_failing() {
            return;
        }
        let state = RedialState::Waiting(now);
        let redial = Redial { addresses: new.addresses, configured: Vec::new(), rank: self.rank, failures: 0, state };
        self.peers.insert(new.peer, redial);
        self.rank += 1;
    }

    fn remove_failing(&mut self) -> bool {
        let fails = |redial: &Redial| {
            redial.configured.is_empty() && redial.failures > 0 && matches!(redial.state, RedialState::Waiting(_))
        };
        let failing = self.peers.iter().filter(|(_, redial)| fails(redial));
        let worst = failing.max_by_key(|(_, redial)| (redial.failures, redial.rank)).map(|(peer, _)| *peer);
        worst.and_then(|peer| self.peers.remove(&peer)).is_some()
    }

    /// Whether this is a static peer.
    pub fn contains(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    /// The next peer to dial at `now` (monotonic), with its addresses; it is marked as being dialled.
    pub fn next(&mut self, now: Duration) -> Option<(PeerId, Vec<String>)> {
        if self.has_enough() {
            return None;
        }
        let due = |redial: &Redial| matches!(redial.state, RedialState::Waiting(at) if at <= now);
        let waiting = self.peers.iter_mut().filter(|(_, redial)| due(redial));
        let (peer, redial) = waiting.min_by_key(|(_, redial)| (redial.failures, redial.rank))?;
        redial.state = RedialState::Dialling;
        Some((*peer, redial.addresses.clone()))
    }

    /// When [`StaticPeers::next`] may return a peer again (monotonic).
    pub fn due(&self) -> Option<Duration> {
        if self.has_enough() {
            return None;
        }
        let waiting = |redial: &Redial| match redial.state {
            RedialState::Waiting(at) => Some(at),
            _ => None,
        };
        self.peers.values().filter_map(waiting).min()
    }

    /// A peer connected, inbound or outbound.
    pub fn connected(&mut self, peer: PeerId, now: Duration) {
        if let Some(redial) = self.peers.get_mut(&peer) {
            redial.state = RedialState::Connected(now);
        }
    }

    /// The peer's last connection ended.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        let draw = self.draw();
        if let Some(redial) = self.peers.get_mut(&peer)
            && let RedialState::Connected(since) = redial.state
        {
            let stable = now.saturating_sub(since) >= Redial::STABLE_AFTER;
            redial.failures = if stable { 0 } else { redial.failures.saturating_add(1) };
            redial.state = RedialState::Waiting(now.saturating_add(redial.backoff(Redial::MAX_BACKOFF, draw)));
            self.end_spare_backoffs(now);
        }
    }

    /// With no static peer connected, a peer with the long backoff of a spare one is due at once.
    fn end_spare_backoffs(&mut self, now: Duration) {
        if self.connected_now() > 0 {
            return;
        }
        let latest = now.saturating_add(Redial::MAX_BACKOFF);
        for redial in self.peers.values_mut() {
            if let RedialState::Waiting(at) = &mut redial.state
                && *at > latest
            {
                *at = now;
            }
        }
    }

    /// A dial failed on every address. Returns the wait until the next dial, or `None` when this dial was not one of
    /// ours.
    pub fn failed(&mut self, peer: PeerId, now: Duration) -> Option<Duration> {
        let draw = self.draw();
        let is_spare = self.wanted != usize::MAX && self.connected_now() > 0;
        let redial = self.peers.get_mut(&peer).filter(|redial| redial.state == RedialState::Dialling)?;
        let wait = redial.backoff(if is_spare { Redial::SPARE_BACKOFF } else { Redial::MAX_BACKOFF }, draw);
        redial.failures = redial.failures.saturating_add(1);
        redial.state = RedialState::Waiting(now.saturating_add(wait));
        Some(wait)
    }

    /// The peer ids of the static peers.
    pub fn ids(&self) -> impl Iterator<Item = PeerId> {
        self.peers.keys().copied()
    }

    /// Whether there is no static peer.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Of the static peers that have been connected for at least `min_age` at `now` (monotonic), the one that was
    /// connected longest.
    pub fn longest_connected(&self, now: Duration, min_age: Duration) -> Option<PeerId> {
        let since = |redial: &Redial| match redial.state {
            RedialState::Connected(since) if now.saturating_sub(since) >= min_age => Some(since),
            _ => None,
        };
        let connected = self.peers.iter().filter_map(|(peer, redial)| Some((since(redial)?, *peer)));
        connected.min().map(|(_, peer)| peer)
    }

    /// Whether no further peer should be dialled now.
    fn has_enough(&self) -> bool {
        let dialling = self.peers.values().filter(|redial| redial.state == RedialState::Dialling).count();
        dialling >= Self::MAX_DIALS || dialling + self.connected_now() >= self.wanted
    }

    fn connected_now(&self) -> usize {
        self.peers.values().filter(|redial| matches!(redial.state, RedialState::Connected(_))).count()
    }

    fn draw(&mut self) -> u8 {
        (self.jitter.draw() >> 56) as u8
    }
}
