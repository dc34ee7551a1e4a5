//! What a node is told at its start, in two stages: [`Config`] as given, [`Settled`] after one function checked it all.

use core::time::Duration;
use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::Address;
use ipnet::IpNet;

mod connections;
mod sync;

pub use connections::ConnectionLimits;
pub use sync::{Rate, RequestLimits, SyncConfig};

use crate::{chain::Chain, message::MAX_MESSAGE, peer::PeerId};

/// Leaves at most: each is a connection, and gossipsub copies a block for each.
pub const MAX_LEAVES: usize = 5000;

/// How far behind our clock a block's timestamp may lie (op-node `--p2p.gossip.timestamp.threshold`).
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// Peers to keep at most: each is dialled for ever.
pub const MAX_STATIC_PEERS: usize = 1024;

/// The high tide at most: twice as many connections, and leaves beside them, must fit what a process may have open.
pub const MAX_HIGH_WATERMARK: usize = 200;

/// A gap is fetched when it is no wider than so much time (op-node asks for nothing older).
pub const MAX_GAP_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A peer that is to be kept connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticPeer {
    /// Who is expected there.
    pub peer: PeerId,
    /// Its multiaddrs as text, `/p2p/…` included.
    pub addresses: Vec<String>,
}

/// A node's parameters as given.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain to follow.
    pub chain: Chain,
    /// Who signs its unsafe blocks; `None` is allowed and ignores every block.
    pub signer: Option<Address>,
    /// How far behind our clock a block's timestamp may lie; truncated to whole seconds, as op-node does.
    pub max_age: Duration,
    /// Peers to keep. Several entries of one peer are merged.
    pub static_peers: Vec<StaticPeer>,
    /// How many of these are to be connected at once; the others stand by. By default all.
    pub static_target: usize,
    /// How long a gap may stay open with nobody to fill it before the head begins again behind it: three intervals, 10 s to a
    /// minute. A peer that has just come back is fetching the same blocks itself.
    pub gap_patience: Duration,
    /// gossipsub's mesh degrees.
    pub mesh: Mesh,
    /// How missed blocks are fetched, and served.
    pub sync: SyncConfig,
    /// Who is believed, and who may connect.
    pub reputation: ReputationConfig,
    /// How many peers.
    pub connections: ConnectionLimits,
    /// Which peers of the book are dialled when there are too few; `None` dials static peers alone.
    pub dial_scope: Option<AddressScope>,
    /// At which addresses this node may be found, for one that can be dialled: peers are asked where they see us and, with
    /// the feature `autonat`, whether they can dial us, and are dialled back when they ask. `None` in a tab.
    pub observe_scope: Option<AddressScope>,
}

/// Which addresses count of which others have told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScope {
    /// At public ones alone: nobody out there sends us to the neighbours at home.
    Public,
    /// At private and loopback ones too: the network is one of those.
    Any,
}

/// Who is believed, and who may connect.
#[derive(Clone, Debug, PartialEq)]
pub struct ReputationConfig {
    /// Whether peers are scored at all (op-node `--p2p.scoring`: `light` or `none`). Without it nobody is banned.
    pub scoring: bool,
    /// Whether peers are banned (op-node `--p2p.ban.peers`).
    pub bans: bool,
    /// Below this sum of points a peer is banned (op-node `--p2p.ban.threshold`); at most 0.
    pub ban_threshold: f64,
    /// For how long (op-node `--p2p.ban.duration`).
    pub ban_duration: Duration,
    /// Below this score a peer that comes or is dialled is refused (`--p2p.gate.min-score`); at most 0, for an unknown peer
    /// has 0. `None` is the threshold of bans.
    pub min_score: Option<f64>,
    /// Whether static peers are never banned: an operator's are trusted, a browser's relays are not.
    pub protect_static: bool,
    /// Where peers may be (op-node `--p2p.netrestrict`); empty is anywhere.
    pub restrict: Vec<IpNet>,
}

impl Default for ReputationConfig {
    fn default() -> Self {
        Self {
            scoring: true,
            bans: true,
            ban_threshold: -100.0,
            ban_duration: Duration::from_secs(60 * 60),
            min_score: None,
            protect_static: true,
            restrict: Vec::new(),
        }
    }
}

impl ReputationConfig {
    /// A ban lasts at most this long: a year.
    pub const LONGEST_BAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (name, value) in [("the threshold of bans", Some(self.ban_threshold)), ("the least score", self.min_score)]
        {
            let Some(value) = value else { continue };
            // Not a number is none of them.
            if !(-1e6..=0.0).contains(&value) {
                mistakes.push(format!("{name} is {value}, must be -1000000 to 0: an unknown peer has 0"));
            }
        }
        if !(Duration::from_secs(1)..=Self::LONGEST_BAN).contains(&self.ban_duration) {
            mistakes.push(format!(
                "a ban of {:?} cannot be, it lasts a second to a year; to ban nobody, switch bans off",
                self.ban_duration
            ));
        }
        mistakes
    }
}

/// gossipsub's mesh degrees (op-node `--p2p.gossip.mesh.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// D: how many mesh peers are wanted for each topic.
    pub d: usize,
    /// Dlo: fewer than this and more are grafted.
    pub lo: usize,
    /// Dhi: more than this and some are pruned.
    pub hi: usize,
    /// Dlazy: peers that hear of messages by IHAVE.
    pub lazy: usize,
    /// Whether our own blocks go to every peer of the topic and not only to the mesh.
    pub flood_publish: bool,
}

impl Default for Mesh {
    fn default() -> Self {
        Self { d: 8, lo: 6, hi: 12, lazy: 6, flood_publish: false }
    }
}

impl Mesh {
    /// Each degree is at least 1 and at most this (op-node).
    pub const MAX: usize = 1000;
}

/// Parameters that were checked together. Made by [`Config::settle`] alone.
#[derive(Clone, Debug)]
pub struct Settled(Arc<Config>);

impl core::ops::Deref for Settled {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0
    }
}

/// What is wrong with a configuration: one sentence a mistake, with its remedy; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// The defaults for a chain, its own signer included.
    pub fn new(chain: Chain) -> Self {
        let sync = SyncConfig {
            enabled: true,
            serve: true,
            static_only: false,
            max_gap: MAX_GAP_TIME,
            limits: RequestLimits::default(),
        };
        let longest = chain.cadence.steps().map(|step| step.interval_ms).max().unwrap_or_default();
        let patience = Duration::from_millis(longest.saturating_mul(3));
        let gap_patience = patience.clamp(Duration::from_secs(10), Duration::from_secs(60));
        Self {
            signer: chain.signer,
            chain,
            max_age: DEFAULT_MAX_AGE,
            static_peers: Vec::new(),
            static_target: usize::MAX,
            gap_patience,
            mesh: Mesh::default(),
            sync,
            reputation: ReputationConfig::default(),
            connections: ConnectionLimits::default(),
            dial_scope: None,
            observe_scope: None,
        }
    }

    /// Checks everything and puts it in order.
    ///
    /// # Errors
    /// Every mistake at once.
    pub fn settle(mut self) -> Result<Settled, ConfigError> {
        let mut mistakes = self.chain.forks.mistakes();
        mistakes.extend(self.mesh.mistakes());
        mistakes.extend(self.reputation.mistakes());
        let ConnectionLimits { low, high, leaves, leaves_bytes, .. } = self.connections;
        if leaves > MAX_LEAVES {
            mistakes.push(format!("{leaves} browsers are too many, at most {MAX_LEAVES}"));
        }
        if leaves_bytes < MAX_MESSAGE {
            mistakes.push(format!("{leaves_bytes} bytes for all browsers have no room for one block of {MAX_MESSAGE}"));
        }
        if low == 0 || low > high || high > MAX_HIGH_WATERMARK {
            mistakes.push(format!(
                "the low watermark is {low} and the high one {high}: must be 1 ≤ low ≤ high ≤ {MAX_HIGH_WATERMARK}"
            ));
        }
        self.merge_static_peers();
        for peer in self.static_peers.iter().filter(|peer| peer.addresses.is_empty()) {
            mistakes.push(format!("static peer {} has no address", peer.peer));
        }
        if self.static_peers.len() > MAX_STATIC_PEERS {
            mistakes.push(format!(
                "{} static peers given, at most {MAX_STATIC_PEERS} can be kept",
                self.static_peers.len()
            ));
        }
        if mistakes.is_empty() { Ok(Settled(Arc::new(self))) } else { Err(ConfigError(mistakes)) }
    }

    fn merge_static_peers(&mut self) {
        let mut merged: Vec<StaticPeer> = Vec::new();
        for given in self.static_peers.drain(..) {
            match merged.iter_mut().find(|kept| kept.peer == given.peer) {
                Some(kept) => kept.addresses.extend(given.addresses),
                None => merged.push(given),
            }
        }
        for peer in &mut merged {
            let mut seen = BTreeSet::new();
            peer.addresses.retain(|address| seen.insert(address.clone()));
        }
        self.static_peers = merged;
    }
}

impl Mesh {
    fn mistakes(self) -> Vec<String> {
        let named = [("d", self.d), ("lo", self.lo), ("dhi", self.hi), ("dlazy", self.lazy)];
        let mut mistakes: Vec<String> = named
            .into_iter()
            .filter(|(_, value)| *value == 0 || *value > Self::MAX)
            .map(|(name, value)| format!("mesh degree {name} is {value}, must be 1 to {}", Self::MAX))
            .collect();
        if !(self.lo <= self.d && self.d <= self.hi) {
            mistakes.push(format!("mesh degrees must rise: lo {} ≤ d {} ≤ dhi {}", self.lo, self.d, self.hi));
        }
        mistakes
    }
}
