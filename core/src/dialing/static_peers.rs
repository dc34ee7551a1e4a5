//! When each peer that is to be kept is dialled: exponential backoff of its own, with jitter.
//!
//! A healthy peer never pays for a dead one. A connection that ends is redialled after [`Redial::FIRST`]; each failure
//! doubles the wait up to [`Redial::LONGEST`]; a connection that lasted [`Redial::STEADY`] forgets the failures. Jitter
//! takes up to a quarter off, drawn from the given seed. At most [`StaticPeers::AT_ONCE`] dials run at once.
//!
//! Where not all of them are wanted at once (a browser and its relays), the others stand by: of those that are due the one
//! with the fewest failures is dialled, and of these the one that was given first. One more than there are is no hurry: while
//! somebody is connected, one that fails is dialled less and less often, up to [`Redial::SPARE`]; with nobody, everybody at
//! once.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{
    config::{MAX_STATIC_PEERS, StaticPeer},
    peer::PeerId,
    random::SplitMix64,
};

/// All peers that are to be kept: at most [`MAX_STATIC_PEERS`].
#[derive(Debug)]
pub struct StaticPeers {
    peers: BTreeMap<PeerId, Redial>,
    /// How many are to be connected at once.
    wanted: usize,
    /// Given to the next one that is added.
    rank: usize,
    jitter: SplitMix64,
}

/// One of them.
#[derive(Debug)]
pub struct Redial {
    addresses: Vec<String>,
    /// Those of the configuration: they are never forgotten, and whoever has some stays.
    given: Vec<String>,
    /// Lower was given earlier.
    rank: usize,
    failures: u32,
    state: RedialState,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RedialState {
    /// Not before this time.
    Waiting(Duration),
    Dialling,
    /// Since this time.
    Connected(Duration),
}

impl Redial {
    /// The wait before the first redial.
    pub const FIRST: Duration = Duration::from_millis(500);
    /// The longest wait: a peer that is back is found within seconds, however long it was away.
    pub const LONGEST: Duration = Duration::from_secs(8);
    /// The same for one that would be one more.
    pub const SPARE: Duration = Duration::from_secs(120);
    /// A connection that lasted so long was a good one.
    pub const STEADY: Duration = Duration::from_secs(10);

    /// How long to wait after the failures so far, `longest` at most; `draw` is uniform in 0..=255.
    fn backoff(&self, longest: Duration, draw: u8) -> Duration {
        let doubled = Self::FIRST.saturating_mul(1 << self.failures.min(10)).min(longest);
        doubled - doubled / 4 * u32::from(draw) / 255
    }
}

impl StaticPeers {
    /// Dials that may run at once: browsers throttle more.
    pub const AT_ONCE: usize = 4;
    /// Addresses of one peer to which others' word may add.
    pub const ADDRESSES: usize = 8;

    /// Everybody is due at `now` (monotonic); `wanted` are to be connected at once.
    pub fn new(statics: &[StaticPeer], wanted: usize, seed: u64, now: Duration) -> Self {
        let mut this = Self { peers: BTreeMap::new(), wanted, rank: 0, jitter: SplitMix64::new(seed) };
        for given in statics {
            this.add(given.clone(), now);
            if let Some(dialer) = this.peers.get_mut(&given.peer) {
                dialer.given.clone_from(&given.addresses);
            }
        }
        this
    }

    /// Another peer that is to be kept, or where one is now, by its own word: with new addresses it is due at once. Those of the
    /// configuration stay behind them. Where there are too many, one that fails makes room, unless the configuration has it;
    /// where none does, the new one is not kept.
    pub fn set(&mut self, mut said: StaticPeer, now: Duration) {
        if let Some(dialer) = self.peers.get_mut(&said.peer) {
            let kept = dialer.given.iter().filter(|address| !said.addresses.contains(address)).cloned();
            let kept: Vec<String> = kept.collect();
            if said.addresses.is_empty() {
                return;
            }
            said.addresses.extend(kept);
            if dialer.addresses != said.addresses {
                dialer.addresses = said.addresses;
                dialer.failures = 0;
                if matches!(dialer.state, RedialState::Waiting(_)) {
                    dialer.state = RedialState::Waiting(now);
                }
            }
            return;
        }
        self.add(said, now);
    }

    /// The same by others' word: it adds a peer, or addresses behind those that are known, and takes none away.
    pub fn advertised(&mut self, said: StaticPeer, now: Duration) {
        let Some(dialer) = self.peers.get_mut(&said.peer) else { return self.add(said, now) };
        for address in said.addresses {
            if dialer.addresses.len() < Self::ADDRESSES && !dialer.addresses.contains(&address) {
                dialer.addresses.push(address);
            }
        }
    }

    fn add(&mut self, new: StaticPeer, now: Duration) {
        if self.peers.len() >= MAX_STATIC_PEERS && !self.make_room() {
            return;
        }
        let state = RedialState::Waiting(now);
        let dialer = Redial { addresses: new.addresses, given: Vec::new(), rank: self.rank, failures: 0, state };
        self.peers.insert(new.peer, dialer);
        self.rank += 1;
    }

    fn make_room(&mut self) -> bool {
        let fails = |dialer: &Redial| {
            dialer.given.is_empty() && dialer.failures > 0 && matches!(dialer.state, RedialState::Waiting(_))
        };
        let failing = self.peers.iter().filter(|(_, dialer)| fails(dialer));
        let worst = failing.max_by_key(|(_, dialer)| (dialer.failures, dialer.rank)).map(|(peer, _)| *peer);
        worst.and_then(|peer| self.peers.remove(&peer)).is_some()
    }

    /// Whether this peer is to be kept.
    pub fn contains(&self, peer: PeerId) -> bool {
        self.peers.contains_key(&peer)
    }

    /// The next peer to dial at `now`, marked as being dialled: itself and its addresses.
    pub fn next(&mut self, now: Duration) -> Option<(PeerId, Vec<String>)> {
        if self.has_enough() {
            return None;
        }
        let due = |dialer: &Redial| matches!(dialer.state, RedialState::Waiting(at) if at <= now);
        let waiting = self.peers.iter_mut().filter(|(_, dialer)| due(dialer));
        let (peer, dialer) = waiting.min_by_key(|(_, dialer)| (dialer.failures, dialer.rank))?;
        dialer.state = RedialState::Dialling;
        Some((*peer, dialer.addresses.clone()))
    }

    /// When [`StaticPeers::next`] has somebody again (monotonic).
    pub fn due(&self) -> Option<Duration> {
        if self.has_enough() {
            return None;
        }
        let waiting = |dialer: &Redial| match dialer.state {
            RedialState::Waiting(at) => Some(at),
            _ => None,
        };
        self.peers.values().filter_map(waiting).min()
    }

    /// The peer is connected, whoever dialled.
    pub fn connected(&mut self, peer: PeerId, now: Duration) {
        if let Some(dialer) = self.peers.get_mut(&peer) {
            dialer.state = RedialState::Connected(now);
        }
    }

    /// The peer's last connection ended.
    pub fn disconnected(&mut self, peer: PeerId, now: Duration) {
        let draw = self.draw();
        if let Some(dialer) = self.peers.get_mut(&peer)
            && let RedialState::Connected(since) = dialer.state
        {
            let steady = now.saturating_sub(since) >= Redial::STEADY;
            dialer.failures = if steady { 0 } else { dialer.failures.saturating_add(1) };
            dialer.state = RedialState::Waiting(now.saturating_add(dialer.backoff(Redial::LONGEST, draw)));
            self.hurry(now);
        }
    }

    /// With nobody connected nobody is spare.
    fn hurry(&mut self, now: Duration) {
        if self.connected_now() > 0 {
            return;
        }
        let latest = now.saturating_add(Redial::LONGEST);
        for dialer in self.peers.values_mut() {
            if let RedialState::Waiting(at) = &mut dialer.state
                && *at > latest
            {
                *at = now;
            }
        }
    }

    /// A dial failed on every address. The wait until the next, or `None` for a peer that is not kept or is connected.
    pub fn failed(&mut self, peer: PeerId, now: Duration) -> Option<Duration> {
        let draw = self.draw();
        let is_spare = self.wanted != usize::MAX && self.connected_now() > 0;
        let dialer = self.peers.get_mut(&peer).filter(|dialer| dialer.state == RedialState::Dialling)?;
        let wait = dialer.backoff(if is_spare { Redial::SPARE } else { Redial::LONGEST }, draw);
        dialer.failures = dialer.failures.saturating_add(1);
        dialer.state = RedialState::Waiting(now.saturating_add(wait));
        Some(wait)
    }

    /// Who they are.
    pub fn ids(&self) -> impl Iterator<Item = PeerId> {
        self.peers.keys().copied()
    }

    /// Whether nobody is to be kept.
    pub fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    /// Of those that have been connected for at least `least` at `now` (monotonic), the one that has been longest.
    pub fn longest_connected(&self, now: Duration, least: Duration) -> Option<PeerId> {
        let since = |dialer: &Redial| match dialer.state {
            RedialState::Connected(since) if now.saturating_sub(since) >= least => Some(since),
            _ => None,
        };
        let connected = self.peers.iter().filter_map(|(peer, dialer)| Some((since(dialer)?, *peer)));
        connected.min().map(|(_, peer)| peer)
    }

    /// Whether nobody more is to be dialled now.
    fn has_enough(&self) -> bool {
        let dialling = self.peers.values().filter(|dialer| dialer.state == RedialState::Dialling).count();
        dialling >= Self::AT_ONCE || dialling + self.connected_now() >= self.wanted
    }

    fn connected_now(&self) -> usize {
        self.peers.values().filter(|dialer| matches!(dialer.state, RedialState::Connected(_))).count()
    }

    fn draw(&mut self) -> u8 {
        (self.jitter.draw() >> 56) as u8
    }
}
