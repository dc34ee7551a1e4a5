//! The peer dialer: dials peers of the peer store in random order while there are fewer peers than the low watermark.
//!
//! Half of the draws are from the tried peers, half from the heard ones, as in Bitcoin Core; each from a random network
//! first. So whoever advertises many peers of one network, or many that were never connected, gets few of our dials.
//!
//! Static peers are dialled by [`StaticPeers`](super::StaticPeers) instead. At most [`PeerDialer::MAX_DIALS`] dials
//! begin in each [`PeerDialer::INTERVAL`], and as many run at once (op-node has four workers): an address that others
//! advertise gets no more dials than that from us. A peer that did not answer, or that disconnected, is not dialled
//! again for [`PeerDialer::FIRST_BACKOFF`], twice as long after each failure, up to [`PeerDialer::MAX_BACKOFF`].

use core::time::Duration;
use std::collections::BTreeMap;

use crate::{peer::PeerId, random::SplitMix64};

/// Running dials, and peers in backoff. Bounds: [`PeerDialer::MAX_DIALS`] dials, [`PeerDialer::MAX_BACKOFFS`] peers in
/// backoff.
#[derive(Debug)]
pub struct PeerDialer {
    /// Peers being dialled, and since when (monotonic).
    dialling: BTreeMap<PeerId, Duration>,
    backoffs: BTreeMap<PeerId, DialBackoff>,
    /// When the next round of dials is due (monotonic).
    next: Duration,
    random: SplitMix64,
}

/// The peers that may be dialled in one round. Bound: that of the peer store.
#[derive(Debug)]
pub struct DialCandidates {
    /// The peers of each network, none of them empty: tried ones, and heard ones.
    networks: [Vec<Vec<PeerId>>; 2],
}

impl DialCandidates {
    /// From the peers of each network, and whether they are tried.
    pub fn new(buckets: impl Iterator<Item = (bool, Vec<PeerId>)>) -> Self {
        let (tried, heard): (Vec<_>, Vec<_>) =
            buckets.filter(|(_, peers)| !peers.is_empty()).partition(|(tried, _)| *tried);
        Self { networks: [tried, heard].map(|kind| kind.into_iter().map(|(_, peers)| peers).collect()) }
    }

    /// Removes a random peer of a random network, of the tried or of the heard ones.
    fn take(&mut self, random: &mut SplitMix64) -> Option<PeerId> {
        let [tried, heard] = &mut self.networks;
        let networks = if heard.is_empty() || !tried.is_empty() && random.below(2) == 0 { tried } else { heard };
        let at = random.below(networks.len() as u64) as usize;
        let peers = networks.get_mut(at)?;
        let drawn = random.below(peers.len() as u64) as usize;
        let drawn = (drawn < peers.len()).then(|| peers.swap_remove(drawn));
        if peers.is_empty() {
            networks.swap_remove(at);
        }
        drawn
    }
}

#[derive(Clone, Copy, Debug)]
struct DialBackoff {
    failures: u32,
    /// When it may be dialled again (monotonic).
    until: Duration,
}

impl PeerDialer {
    /// Dials that run at once, and that begin in one round.
    pub const MAX_DIALS: usize = 4;
    /// Time between two rounds of dials.
    pub const INTERVAL: Duration = Duration::from_secs(1);
    /// The wait after the first failure, or after a connection that ended.
    pub const FIRST_BACKOFF: Duration = Duration::from_secs(20);
    /// The longest wait.
    pub const MAX_BACKOFF: Duration = Duration::from_secs(60 * 60);
    /// Candidates drawn in one round: most of them may have no address that may be dialled.
    pub const CANDIDATES_PER_ROUND: usize = 64;
    /// A dial without a result for this long counts as failed.
    pub const DIAL_TIMEOUT: Duration = Duration::from_secs(60);
    /// Peers in backoff; when there are more, the one whose backoff ends first is removed.
    pub const MAX_BACKOFFS: usize = 4096;

    /// No peer was dialled yet.
    pub fn new(seed: u64, now: Duration) -> Self {
        Self { dialling: BTreeMap::new(), backoffs: BTreeMap::new(), next: now, random: SplitMix64::new(seed) }
    }

    /// When the next round of dials is due (monotonic), if another dial may run.
    pub fn due(&self) -> Option<Duration> {
        (self.dialling.len() < Self::MAX_DIALS).then_some(self.next)
    }

    /// Begins a round of dials at `now` (monotonic).
    pub fn begin(&mut self, now: Duration) {
        self.next = now.saturating_add(Self::INTERVAL);
        self.dialling.retain(|_, since| now.saturating_sub(*since) < Self::DIAL_TIMEOUT);
    }

    /// Removes a random peer from `candidates` and returns it, if it is neither in backoff nor being dialled; otherwise
    /// draws again. `None` when there is none.
    pub fn draw(&mut self, now: Duration, candidates: &mut DialCandidates) -> Option<PeerId> {
        loop {
            let drawn = candidates.take(&mut self.random)?;
            let in_backoff = self.backoffs.get(&drawn).is_some_and(|backoff| backoff.until > now);
            if !in_backoff && !self.dialling.contains_key(&drawn) {
                return Some(drawn);
            }
        }
    }

    /// A dial of this peer begins at `now` (monotonic).
    pub fn dial(&mut self, now: Duration, peer: PeerId) {
        self.dialling.insert(peer, now);
    }

    /// Peers being dialled.
    pub fn dialled(&self) -> impl Iterator<Item = PeerId> {
        self.dialling.keys().copied()
    }

    /// A peer connected, inbound or outbound.
    pub fn connected(&mut self, peer: PeerId) {
        self.dialling.remove(&peer);
    }

    /// A dial failed on every address. Returns whether this dialer began it.
    pub fn failed(&mut self, peer: PeerId, now: Duration) -> bool {
        let ours = self.dialling.remove(&peer).is_some();
        if ours {
            self.back_off(peer, now);
        }
        ours
    }

    /// A peer's last connection ended after `lasted`. It is in backoff from now on.
    pub fn disconnected(&mut self, peer: PeerId, lasted: Duration, now: Duration) {
        if lasted >= Self::FIRST_BACKOFF {
            self.backoffs.remove(&peer);
        }
        self.back_off(peer, now);
    }

    fn back_off(&mut self, peer: PeerId, now: Duration) {
        if self.backoffs.len() >= Self::MAX_BACKOFFS && !self.backoffs.contains_key(&peer) {
            let soonest = self.backoffs.iter().min_by_key(|(_, backoff)| backoff.until).map(|(peer, _)| *peer);
            soonest.map(|peer| self.backoffs.remove(&peer));
        }
        let backoff = self.backoffs.entry(peer).or_insert(DialBackoff { failures: 0, until: now });
        let wait = Self::FIRST_BACKOFF.saturating_mul(1 << backoff.failures.min(10)).min(Self::MAX_BACKOFF);
        backoff.failures = backoff.failures.saturating_add(1);
        backoff.until = now.saturating_add(wait);
    }
}
