//! The configuration of a node, in two stages: [`Config`] as given, and [`Settled`] after [`Config::settle`] checked it
//! as a whole.

use core::time::Duration;
use std::{collections::BTreeSet, sync::Arc};

use alloy_primitives::Address;
use ipnet::IpNet;

mod connections;
mod sync;

pub use connections::ConnectionLimits;
pub use sync::{Rate, RequestLimits, SyncConfig};

use crate::{chain::Chain, message::MAX_MESSAGE, peer::PeerId};

/// Maximum number of leaves: each is a connection, and gossipsub copies every block for each.
pub const MAX_LEAVES: usize = 5000;

/// How far behind our clock a block's timestamp may lie (op-node `--p2p.gossip.timestamp.threshold`).
pub const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);

/// Maximum number of static peers: each is redialled without end.
pub const MAX_STATIC_PEERS: usize = 1024;

/// Maximum of the high watermark: twice as many connections, and the leaves, must fit the process' limit of open files.
pub const MAX_HIGH_WATERMARK: usize = 200;

/// Maximum width of a gap that is fetched, as time (op-node requests nothing older).
pub const MAX_GAP_TIME: Duration = Duration::from_secs(12 * 60 * 60);

/// A static peer: it is kept connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticPeer {
    /// The expected peer id.
    pub peer: PeerId,
    /// Its multiaddrs as text, `/p2p/…` included.
    pub addresses: Vec<String>,
}

/// A node's configuration as given.
#[derive(Clone, Debug)]
pub struct Config {
    /// The chain to follow.
    pub chain: Chain,
    /// The signer of its unsafe blocks; without one every block is ignored.
    pub signer: Option<Address>,
    /// How far behind our clock a block's timestamp may lie; truncated to whole seconds, as op-node does.
    pub max_age: Duration,
    /// The static peers. Several entries of one peer are merged.
    pub static_peers: Vec<StaticPeer>,
    /// How many static peers should be connected at once; the others are spare. By default all.
    pub static_target: usize,
    /// How long a gap may stay open while no peer can fill it, before the head skips it. By default three block
    /// intervals, 10 s to a minute. (A peer that has just reconnected is fetching the same blocks itself.)
    pub gap_timeout: Duration,
    /// gossipsub's mesh degrees.
    pub mesh: Mesh,
    /// How missing blocks are fetched, and served.
    pub sync: SyncConfig,
    /// Scores and bans of peers.
    pub reputation: ReputationConfig,
    /// Numbers of connections.
    pub connections: ConnectionLimits,
    /// Which addresses of discovered peers are dialled when there are too few peers; with `None` only static peers are
    /// dialled.
    pub dial_scope: Option<AddressScope>,
    /// Which of this node's own addresses may be found, if it can be dialled: peers are asked where they see us and,
    /// with the feature `autonat`, whether they can dial us, and are dialled back when they ask. `None` in a browser.
    pub observe_scope: Option<AddressScope>,
}

/// Which addresses count, of those that other peers advertise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressScope {
    /// Only public ones: remote peers cannot make this node dial hosts of its local network.
    Public,
    /// Private and loopback ones too, for a network of such addresses.
    Any,
}

/// Scores and bans of peers.
#[derive(Clone, Debug, PartialEq)]
pub struct ReputationConfig {
    /// Whether peers are scored at all (op-node `--p2p.scoring`: `light` or `none`). Without scores no peer is banned.
    pub scoring: bool,
    /// Whether peers are banned (op-node `--p2p.ban.peers`).
    pub bans: bool,
    /// The ban threshold: a peer with a total score below it is banned (op-node `--p2p.ban.threshold`); at most 0.
    pub ban_threshold: f64,
    /// The length of a ban (op-node `--p2p.ban.duration`).
    pub ban_duration: Duration,
    /// A peer with a score below this may not connect, in either direction (`--p2p.gate.min-score`); at most 0, because
    /// an unknown peer has 0. `None` is the ban threshold.
    pub min_score: Option<f64>,
    /// Whether static peers are protected from bans: an operator's are trusted, a browser's relays are not.
    pub protect_static: bool,
    /// The networks in which peers may be (op-node `--p2p.netrestrict`); empty for any.
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
    /// Maximum length of a ban: a year.
    pub const LONGEST_BAN: Duration = Duration::from_secs(365 * 24 * 60 * 60);

    fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for (name, value) in [("the ban threshold", Some(self.ban_threshold)), ("the minimum score", self.min_score)] {
            let Some(value) = value else { continue };
            // NaN is in no range, so it is a mistake as well.
            if !(-1e6..=0.0).contains(&value) {
                mistakes.push(format!("{name} is {value}, must be -1000000 to 0: an unknown peer has 0"));
            }
        }
        if !(Duration::from_secs(1)..=Self::LONGEST_BAN).contains(&self.ban_duration) {
            mistakes.push(format!(
                "a ban of {:?} is not possible: it must last a second to a year; to ban no peer, switch bans off",
                self.ban_duration
            ));
        }
        mistakes
    }
}

/// gossipsub's mesh degrees (op-node `--p2p.gossip.mesh.*`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mesh {
    /// D: the target number of mesh peers for each topic.
    pub d: usize,
    /// Dlo: with fewer mesh peers than this, peers are grafted.
    pub lo: usize,
    /// Dhi: with more mesh peers than this, peers are pruned.
    pub hi: usize,
    /// Dlazy: number of peers that get IHAVE gossip.
    pub lazy: usize,
    /// Whether our own blocks go to every peer of the topic, not only to the mesh.
    pub flood_publish: bool,
}

impl Default for Mesh {
    fn default() -> Self {
        Self { d: 8, lo: 6, hi: 12, lazy: 6, flood_publish: false }
    }
}

impl Mesh {
    /// Maximum of each degree; the minimum is 1 (op-node).
    pub const MAX: usize = 1000;
}

/// A checked configuration. Only [`Config::settle`] makes one. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Settled(Arc<Config>);

impl core::ops::Deref for Settled {
    type Target = Config;

    fn deref(&self) -> &Config {
        &self.0
    }
}

/// The mistakes in a configuration: one sentence for each, with its remedy; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

impl Config {
    /// The defaults for a chain, with the chain's own signer.
    pub fn new(chain: Chain) -> Self {
        let sync = SyncConfig {
            enabled: true,
            serve: true,
            static_only: false,
            max_gap: MAX_GAP_TIME,
            limits: RequestLimits::default(),
        };
        let longest = chain.cadence.steps().map(|step| step.interval_ms).max().unwrap_or_default();
        let timeout = Duration::from_millis(longest.saturating_mul(3));
        let gap_timeout = timeout.clamp(Duration::from_secs(10), Duration::from_secs(60));
        Self {
            signer: chain.signer,
            chain,
            max_age: DEFAULT_MAX_AGE,
            static_peers: Vec::new(),
            static_target: usize::MAX,
            gap_timeout,
            mesh: Mesh::default(),
            sync,
            reputation: ReputationConfig::default(),
            connections: ConnectionLimits::default(),
            dial_scope: None,
            observe_scope: None,
        }
    }

    /// Checks the configuration as a whole, and merges the static peers.
    ///
    /// # Errors
    /// All mistakes at once.
    pub fn settle(mut self) -> Result<Settled, ConfigError> {
        let mut mistakes = self.chain.forks.mistakes();
        mistakes.extend(self.mesh.mistakes());
        mistakes.extend(self.reputation.mistakes());
        let ConnectionLimits { low, high, leaves, leaves_bytes, .. } = self.connections;
        if leaves > MAX_LEAVES {
            mistakes.push(format!("{leaves} browsers are too many: at most {MAX_LEAVES} are possible"));
        }
        if leaves_bytes < MAX_MESSAGE {
            mistakes
                .push(format!("{leaves_bytes} bytes for all browsers are too few: one block may have {MAX_MESSAGE}"));
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
                "{} static peers given, at most {MAX_STATIC_PEERS} are possible",
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
