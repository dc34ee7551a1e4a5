//! The peer store: what is known of peers, connected or not. Addresses and offences are apart, so that no number of
//! offenders removes an address:
//!
//! - [`KnownPeers`]: the addresses of nodes, in buckets by network; those that were tried before those that were heard
//!   of. No offence changes this table.
//! - [`ScoreTable`] of nodes: offences and contributions. Offenders of one address displace only each other.
//! - [`ScoreTable`] of leaves (browsers), which use a new peer id each time. Their addresses are not stored.
//!
//! Bounds: [`KnownPeers::TRIED`] and [`KnownPeers::HEARD`] peers with addresses, [`ScoreTable::MAX`] scores of nodes and
//! as many of leaves. One [`PeerEntry`] for each of these peers is persisted.

use core::{net::IpAddr, time::Duration};
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

mod known;
mod scores;

pub use known::{KnownPeer, KnownPeers};
pub use scores::ScoreTable;

use crate::{
    event::Connected,
    fault::Offence,
    peer::PeerId,
    score::{Contribution, Score},
    time::Now,
};

/// What is persisted of one peer over a restart: its addresses, its score, or both. A field that an earlier version did
/// not write has its default.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PeerEntry {
    /// Its listen multiaddrs, as it stated or as discovery found them; at most [`PeerStore::ADDRESSES`]. Empty when only
    /// its score is known.
    pub addresses: Vec<String>,
    /// Its agent version (identify).
    pub agent: Option<String>,
    /// When it was connected last, Unix seconds; 0 when it never was.
    pub seen: u64,
    /// When discovery found it last, Unix seconds; 0 when it never did.
    #[serde(default)]
    pub found: u64,
    /// Whether it was useful: it answered our dial, or made a contribution.
    #[serde(default)]
    pub proven: bool,
    /// Its score when it was written.
    pub score: Score,
    /// When it was written with this score, Unix seconds; 0 when only `seen` says it (earlier versions).
    #[serde(default)]
    pub scored: u64,
    /// The IP address at which it was connected last.
    #[serde(default)]
    pub ip: Option<IpAddr>,
    /// Whether it was a leaf.
    #[serde(default)]
    pub leaf: bool,
}

/// The known peers and the scores. See the module.
#[derive(Debug)]
pub struct PeerStore {
    known: KnownPeers,
    nodes: ScoreTable,
    leaves: ScoreTable,
    /// Peers whose entry differs from the persisted one; removed peers too.
    changed: BTreeSet<PeerId>,
}

impl PeerStore {
    /// Maximum number of addresses of one peer.
    pub const ADDRESSES: usize = KnownPeer::ADDRESSES;
    /// Maximum length of an address, in bytes.
    pub const ADDRESS: usize = KnownPeer::ADDRESS;
    /// How long a peer stays after it was seen last (op-node's expiry of peer metadata).
    pub const SEEN_EXPIRY: Duration = KnownPeer::SEEN_EXPIRY;
    /// How long a peer stays after discovery found it last (op-node's lifetime of a discovered address).
    pub const FOUND_EXPIRY: Duration = KnownPeer::FOUND_EXPIRY;
    /// How much older than now the time may be at which a connected peer was seen last.
    const SEEN_PRECISION: u64 = 60 * 60;

    /// With the entries that an earlier run persisted, at `now`; the decay of their scores since then is applied. Those
    /// of earlier versions too: an offender without an address is a score and nothing else.
    pub fn new(block_time: Duration, now: Now, persisted: impl IntoIterator<Item = (PeerId, PeerEntry)>) -> Self {
        let mut store = Self {
            known: KnownPeers::default(),
            nodes: ScoreTable::new(block_time),
            leaves: ScoreTable::new(block_time),
            changed: BTreeSet::new(),
        };
        let (tried, heard): (Vec<_>, Vec<_>) = persisted.into_iter().partition(|(_, entry)| entry.proven);
        for (peer, entry) in tried.into_iter().chain(heard) {
            store.restore(now, peer, entry);
        }
        store
    }

    fn restore(&mut self, now: Now, peer: PeerId, entry: PeerEntry) {
        let PeerEntry { addresses, agent, seen, found, proven, mut score, scored, ip, leaf } = entry;
        let written = if scored > 0 { scored } else { seen };
        self.table(leaf).decay(&mut score, Duration::from_secs(now.secs().saturating_sub(written)));
        let is_scored = !score.is_blank();
        if is_scored {
            let displaced = self.table(leaf).set(now.mono, peer, ip, score);
            self.changed.extend(displaced);
        }
        let known = KnownPeer { addresses, agent, seen, found, tried: proven, ip }.bounded();
        let is_known = !leaf && !known.addresses.is_empty() && !known.is_expired(now);
        let is_stored = is_known && self.put(peer, known);
        if !is_scored && !is_stored {
            self.changed.insert(peer);
        }
    }

    fn table(&mut self, leaf: bool) -> &mut ScoreTable {
        if leaf { &mut self.leaves } else { &mut self.nodes }
    }

    /// Stores a peer's addresses, if there is room. Whether there was.
    fn put(&mut self, peer: PeerId, known: KnownPeer) -> bool {
        let Some(displaced) = self.known.put(peer, known) else { return false };
        self.changed.insert(peer);
        self.changed.extend(displaced);
        true
    }

    /// A node connected. One that we dialled is tried from now on; one that dialled us is stored when it states its
    /// addresses.
    pub fn connected(&mut self, now: Now, connected: &Connected) {
        if let Some(known) = self.known.connected(now, connected) {
            self.put(connected.peer, known);
        }
    }

    /// These nodes are connected at `now`.
    pub fn still_connected(&mut self, now: Now, nodes: impl Iterator<Item = PeerId>) {
        for peer in nodes {
            let seen = self.known.get(peer).map(|known| known.seen);
            if seen.is_some_and(|seen| now.secs().saturating_sub(seen) >= Self::SEEN_PRECISION) {
                self.known.seen(now, peer);
                self.changed.insert(peer);
            }
        }
    }

    /// Discovery found a peer at `addresses`, of which there is at least one. Returns `true` when the peer is new and
    /// there is room for it.
    pub fn discovered(&mut self, now: Now, peer: PeerId, addresses: Vec<String>) -> bool {
        let is_new = !self.known.contains(peer);
        let known = self.known.discovered(now, peer, addresses);
        self.put(peer, known) && is_new
    }

    /// A node that is connected at this IP stated its agent version and its listen addresses (identify).
    pub fn identified(&mut self, now: Now, peer: PeerId, ip: Option<IpAddr>, agent: &str, addresses: &[String]) {
        if let Some(known) = self.known.identified(now, peer, ip, agent, addresses) {
            self.put(peer, known);
        }
    }

    /// Counts the offence of a peer at this IP, a leaf or a node, and returns its score now.
    pub fn penalize(&mut self, now: Now, peer: PeerId, (ip, leaf): (Option<IpAddr>, bool), offence: Offence) -> Score {
        self.change_score(now, peer, (ip, leaf), |score| score.penalize(offence))
    }

    /// Counts the contribution of a node at this IP.
    pub fn credit(&mut self, now: Now, peer: PeerId, ip: Option<IpAddr>, contribution: Contribution) {
        self.change_score(now, peer, (ip, false), |score| score.credit(contribution));
        if let Some(known) = self.known.contributed(now, peer) {
            self.put(peer, known);
        }
    }

    /// Changes a peer's score, and returns it. A leaf that comes as a node keeps its score, and the other way round.
    fn change_score(
        &mut self,
        now: Now,
        peer: PeerId,
        (ip, leaf): (Option<IpAddr>, bool),
        change: impl FnOnce(&mut Score),
    ) -> Score {
        let mut score = self.score(now.mono, peer);
        change(&mut score);
        self.table(!leaf).remove(peer);
        let displaced = self.table(leaf).set(now.mono, peer, ip, score);
        self.changed.insert(peer);
        self.changed.extend(displaced);
        score
    }

    /// A peer's score at `now` (monotonic).
    pub fn score(&self, now: Duration, peer: PeerId) -> Score {
        self.nodes.score(now, peer).or_else(|| self.leaves.score(now, peer)).unwrap_or_default()
    }

    /// Every peer that has a score.
    pub fn scored(&self) -> impl Iterator<Item = PeerId> {
        self.nodes.peers().chain(self.leaves.peers())
    }

    /// The peers with addresses.
    pub const fn known(&self) -> &KnownPeers {
        &self.known
    }

    /// What is persisted of a peer at `now`; `None` when nothing is known of it.
    pub fn entry(&self, now: Now, peer: PeerId) -> Option<PeerEntry> {
        let known = self.known.get(peer);
        let leaf = self.leaves.contains(peer);
        let scores = if leaf { &self.leaves } else { &self.nodes };
        let score = scores.score(now.mono, peer);
        if known.is_none() && score.is_none() {
            return None;
        }
        let scored = if score.is_some() { now.secs() } else { 0 };
        let KnownPeer { addresses, agent, seen, found, tried, ip } = known.cloned().unwrap_or_default();
        let ip = ip.or_else(|| scores.ip(peer));
        let score = score.unwrap_or_default();
        Some(PeerEntry { addresses, agent, seen, found, proven: tried, score, scored, ip, leaf })
    }

    /// The changes to persist since the last call: an entry, or `None` for a removed peer. Removes expired peers, and
    /// scores that have decayed to nothing, first.
    pub fn take_changes(&mut self, now: Now) -> Vec<(PeerId, Option<PeerEntry>)> {
        self.changed.extend(self.known.remove_expired(now));
        self.changed.extend(self.nodes.remove_blank(now.mono));
        self.changed.extend(self.leaves.remove_blank(now.mono));
        let changed = core::mem::take(&mut self.changed);
        changed.into_iter().map(|peer| (peer, self.entry(now, peer))).collect()
    }

    /// Whether there are changes to persist.
    pub fn has_changes(&self) -> bool {
        !self.changed.is_empty()
    }
}
