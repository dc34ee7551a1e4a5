//! Scores of peers, bounded by peer and by address.
//!
//! A peer id costs nothing, so a table of scores can be filled by one attacker. Of one public address (IPv4, IPv6 /64)
//! at most [`ScoreTable::PER_ADDRESS`] peers are kept, and of all together [`ScoreTable::MAX`]: then the address with the
//! most peers loses one. Of an address the peer is removed whose score changed longest ago. So offenders displace only
//! peers of their own address. Peers of which no address is known count as one public address.

use core::{net::IpAddr, time::Duration};
use std::collections::BTreeMap;

use crate::{address::is_public, ban::BanTarget, peer::PeerId, score::Score};

/// The scores of nodes, or of leaves. See the module.
#[derive(Debug)]
pub struct ScoreTable {
    scores: BTreeMap<PeerId, ScoreSlot>,
    /// The peers of each address by [`ScoreSlot::turn`]: the first one changed longest ago.
    by_address: BTreeMap<Option<BanTarget>, BTreeMap<u64, PeerId>>,
    /// The turn of the next change.
    turn: u64,
    block_time: Duration,
}

#[derive(Clone, Copy, Debug)]
struct ScoreSlot {
    /// The score at `decayed_at`.
    score: Score,
    /// When the decay of the score was applied last (monotonic).
    decayed_at: Duration,
    ip: Option<IpAddr>,
    /// The number of the last change.
    turn: u64,
}

impl ScoreSlot {
    fn address(&self) -> Option<BanTarget> {
        self.ip.map(BanTarget::address)
    }
}

impl ScoreTable {
    /// Maximum number of peers.
    pub const MAX: usize = 4096;
    /// Maximum number of peers of one public address: several times as many as may be connected from one
    /// ([`ConnectionManager::ADDRESS`](crate::dialing::ConnectionManager::ADDRESS)).
    pub const PER_ADDRESS: usize = 64;

    /// Without scores, on a chain of this block interval.
    pub(super) const fn new(block_time: Duration) -> Self {
        Self { scores: BTreeMap::new(), by_address: BTreeMap::new(), turn: 0, block_time }
    }

    /// Applies the decay of `passed`.
    pub(super) fn decay(&self, score: &mut Score, passed: Duration) {
        score.decay(passed, self.block_time);
    }

    /// Sets the score of a peer at this IP at `now` (monotonic). Returns the peer that was removed for it, if one was.
    pub(super) fn set(&mut self, now: Duration, peer: PeerId, ip: Option<IpAddr>, score: Score) -> Option<PeerId> {
        let ip = ip.or_else(|| self.ip(peer));
        self.remove(peer);
        let slot = ScoreSlot { score, decayed_at: now, ip, turn: self.turn };
        self.turn += 1;
        let displaced = self.displaced(slot.address());
        if let Some(displaced) = displaced {
            self.remove(displaced);
        }
        self.by_address.entry(slot.address()).or_default().insert(slot.turn, peer);
        self.scores.insert(peer, slot);
        displaced
    }

    /// A peer's score at `now` (monotonic); `None` when it has none.
    pub(super) fn score(&self, now: Duration, peer: PeerId) -> Option<Score> {
        let slot = self.scores.get(&peer)?;
        let mut score = slot.score;
        self.decay(&mut score, now.saturating_sub(slot.decayed_at));
        Some(score)
    }

    /// The IP at which a peer's score changed last.
    pub(super) fn ip(&self, peer: PeerId) -> Option<IpAddr> {
        self.scores.get(&peer)?.ip
    }

    pub(super) fn contains(&self, peer: PeerId) -> bool {
        self.scores.contains_key(&peer)
    }

    /// Every peer that has a score.
    pub(super) fn peers(&self) -> impl Iterator<Item = PeerId> {
        self.scores.keys().copied()
    }

    /// Removes the scores that have decayed to nothing at `now` (monotonic), and returns their peers.
    pub(super) fn remove_blank(&mut self, now: Duration) -> Vec<PeerId> {
        let is_blank = |peer: &PeerId| self.score(now, *peer).is_none_or(|score| score.is_blank());
        let blank: Vec<PeerId> = self.peers().filter(is_blank).collect();
        for peer in &blank {
            self.remove(*peer);
        }
        blank
    }

    /// The peer that makes room for another one of this address.
    fn displaced(&self, address: Option<BanTarget>) -> Option<PeerId> {
        let of = |address: &Option<BanTarget>| self.by_address.get(address);
        let longest_ago = |turns: &BTreeMap<u64, PeerId>| turns.first_key_value().map(|(_, peer)| *peer);
        let is_shared = matches!(address, Some(BanTarget::Ip(ip)) if !is_public(ip));
        let same = of(&address).filter(|same| !is_shared && same.len() >= Self::PER_ADDRESS);
        let largest = || self.by_address.values().max_by_key(|turns| turns.len());
        same.or_else(|| largest().filter(|_| self.scores.len() >= Self::MAX)).and_then(longest_ago)
    }

    /// Removes a peer's score.
    pub(super) fn remove(&mut self, peer: PeerId) {
        let Some(slot) = self.scores.remove(&peer) else { return };
        let address = slot.address();
        let Some(turns) = self.by_address.get_mut(&address) else { return };
        turns.remove(&slot.turn);
        if turns.is_empty() {
            self.by_address.remove(&address);
        }
    }
}
