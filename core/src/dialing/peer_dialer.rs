//! Whom we dial to have enough peers: of those in the book one after the other, by chance.
//!
//! Static peers are not among them, see [`Statics`](super::Statics). While there are fewer than the low tide, at most
//! [`PeerDialer::AT_ONCE`] dials begin in each [`PeerDialer::EVERY`] and as many run at once (op-node has four workers): whatever others
//! advertise, no address of theirs gets more than that from us. Who did not answer, or left, is not dialled again for
//! [`PeerDialer::FIRST`], twice as long after each failure, up to [`PeerDialer::LONGEST`].

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{peer::PeerId, random::SplitMix64};

/// See the module. Bounds: [`PeerDialer::AT_ONCE`] dials, [`PeerDialer::TRIED`] peers that were tried.
#[derive(Debug)]
pub struct PeerDialer {
    /// Who is being dialled, since when (monotonic).
    dialling: BTreeMap<PeerId, Duration>,
    tried: BTreeMap<PeerId, DialBackoff>,
    /// When some are dialled next (monotonic).
    next: Duration,
    chance: SplitMix64,
}

#[derive(Clone, Copy, Debug)]
struct DialBackoff {
    failures: u32,
    /// Not before this (monotonic).
    until: Duration,
}

impl PeerDialer {
    /// Dials that run at once, and begin at once.
    pub const AT_ONCE: usize = 4;
    /// How often some are dialled.
    pub const EVERY: Duration = Duration::from_secs(1);
    /// The wait after the first failure, or after a connection that ended.
    pub const FIRST: Duration = Duration::from_secs(20);
    /// The longest wait.
    pub const LONGEST: Duration = Duration::from_secs(60 * 60);
    /// Peers that one turn looks at, at most: most of them may turn out to be where nobody is dialled.
    pub const LOOKS: usize = 64;
    /// A dial of which nothing was heard for so long has failed.
    pub const LOST: Duration = Duration::from_secs(60);
    /// Peers that were tried and are remembered; those that may be tried again soonest make room.
    pub const TRIED: usize = 4096;

    /// Nobody was tried yet.
    pub fn new(seed: u64, now: Duration) -> Self {
        Self { dialling: BTreeMap::new(), tried: BTreeMap::new(), next: now, chance: SplitMix64::new(seed) }
    }

    /// When some are dialled next (monotonic), if there is room for one.
    pub fn due(&self) -> Option<Duration> {
        (self.dialling.len() < Self::AT_ONCE).then_some(self.next)
    }

    /// Begins a turn of dials at `now` (monotonic).
    pub fn begin(&mut self, now: Duration) {
        self.next = now.saturating_add(Self::EVERY);
        self.dialling.retain(|_, since| now.saturating_sub(*since) < Self::LOST);
    }

    /// Draws one of `candidates` that does not rest, and takes it out of them; `None` when there is none.
    pub fn draw(&mut self, now: Duration, candidates: &mut Vec<PeerId>) -> Option<PeerId> {
        loop {
            let at = self.chance.below(candidates.len() as u64) as usize;
            let drawn = (at < candidates.len()).then(|| candidates.swap_remove(at))?;
            let rests = self.tried.get(&drawn).is_some_and(|tried| tried.until > now);
            if !rests && !self.dialling.contains_key(&drawn) {
                return Some(drawn);
            }
        }
    }

    /// A peer is dialled at `now` (monotonic).
    pub fn dial(&mut self, now: Duration, peer: PeerId) {
        self.dialling.insert(peer, now);
    }

    /// Who is being dialled.
    pub fn dialled(&self) -> impl Iterator<Item = PeerId> {
        self.dialling.keys().copied()
    }

    /// A peer is connected, whoever dialled.
    pub fn connected(&mut self, peer: PeerId) {
        self.dialling.remove(&peer);
    }

    /// A dial failed on every address; whether it was one of these.
    pub fn failed(&mut self, peer: PeerId, now: Duration) -> bool {
        let ours = self.dialling.remove(&peer).is_some();
        if ours {
            self.rest(peer, now);
        }
        ours
    }

    /// A peer's last connection ended.
    pub fn disconnected(&mut self, peer: PeerId, lasted: Duration, now: Duration) {
        if lasted >= Self::FIRST {
            self.tried.remove(&peer);
        }
        self.rest(peer, now);
    }

    fn rest(&mut self, peer: PeerId, now: Duration) {
        if self.tried.len() >= Self::TRIED && !self.tried.contains_key(&peer) {
            let soonest = self.tried.iter().min_by_key(|(_, tried)| tried.until).map(|(peer, _)| *peer);
            soonest.map(|peer| self.tried.remove(&peer));
        }
        let tried = self.tried.entry(peer).or_insert(DialBackoff { failures: 0, until: now });
        let wait = Self::FIRST.saturating_mul(1 << tried.failures.min(10)).min(Self::LONGEST);
        tried.failures = tried.failures.saturating_add(1);
        tried.until = now.saturating_add(wait);
    }
}
