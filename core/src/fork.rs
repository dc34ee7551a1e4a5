//! The OP Stack's network upgrades and which of them is active at a block's timestamp.
//!
//! A fork is active at and after its time (op-node: `time != nil && timestamp >= time`); block numbers play no part. A
//! fork is data: [`Fork`] names those of the OP Stack that this code knows, and any other is carried by its name as
//! written ([`CarriedFork`]), so that a newer `rollup.json` is not refused and is shown; it changes nothing on the wire
//! until a new topic exists.

use core::fmt;

/// The version of the payload's encoding, and of the topic that carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// Bedrock and Regolith: no withdrawals.
    V1,
    /// Canyon and Delta: an empty withdrawals list.
    V2,
    /// Ecotone to Holocene: blob gas fields, and the parent beacon block root in front.
    V3,
    /// Isthmus and later: the withdrawals root.
    V4,
}

impl Version {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::V1, Self::V2, Self::V3, Self::V4];

    /// The number in the topic's name, 0 to 3: `/optimism/<chain>/<this>/blocks`.
    pub const fn topic(self) -> u8 {
        self as u8
    }

    /// The version whose topic has this number.
    pub fn from_topic(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The version of this name, `V1` to `V4`.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|version| version.name() == name)
    }

    /// `V1` to `V4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::V1 => "V1",
            Self::V2 => "V2",
            Self::V3 => "V3",
            Self::V4 => "V4",
        }
    }

    /// Whether the parent beacon block root precedes the payload.
    pub const fn has_beacon_root(self) -> bool {
        matches!(self, Self::V3 | Self::V4)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A network upgrade, in order of activation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the upgrades' own names")]
pub enum Fork {
    Bedrock,
    Regolith,
    Canyon,
    Delta,
    Ecotone,
    Fjord,
    Granite,
    Holocene,
    Isthmus,
    Jovian,
    Karst,
    Lagoon,
}

impl Fork {
    /// The forks that have a time of their own: every one after Bedrock, which is active from genesis.
    pub const TIMED: [Self; 11] = [
        Self::Regolith,
        Self::Canyon,
        Self::Delta,
        Self::Ecotone,
        Self::Fjord,
        Self::Granite,
        Self::Holocene,
        Self::Isthmus,
        Self::Jovian,
        Self::Karst,
        Self::Lagoon,
    ];

    /// The name in lower case, as in `rollup.json` before `_time`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bedrock => "bedrock",
            Self::Regolith => "regolith",
            Self::Canyon => "canyon",
            Self::Delta => "delta",
            Self::Ecotone => "ecotone",
            Self::Fjord => "fjord",
            Self::Granite => "granite",
            Self::Holocene => "holocene",
            Self::Isthmus => "isthmus",
            Self::Jovian => "jovian",
            Self::Karst => "karst",
            Self::Lagoon => "lagoon",
        }
    }

    /// The fork of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        (name == "bedrock")
            .then_some(Self::Bedrock)
            .or_else(|| Self::TIMED.into_iter().find(|fork| fork.name() == name))
    }

    /// The payload version that a block of this fork has.
    pub const fn version(self) -> Version {
        match self {
            Self::Bedrock | Self::Regolith => Version::V1,
            Self::Canyon | Self::Delta => Version::V2,
            Self::Ecotone | Self::Fjord | Self::Granite | Self::Holocene => Version::V3,
            Self::Isthmus | Self::Jovian | Self::Karst | Self::Lagoon => Version::V4,
        }
    }
}

impl fmt::Display for Fork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The family of a [`CarriedFork`], which decides its place in `rollup.json`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// The OP Stack's, or of a chain that extends it at the top level: `<name>_time`.
    OpStack,
    /// Base's: `base.<name>` (base/base `rollup.rs`).
    Base,
}

impl Family {
    /// Base's upgrade from which its blocks come every 200 ms.
    pub const DENIM: &'static str = "denim";

    /// The names of Base's upgrades, in order; `rollup.json` may call the first three `v1`, `v2` and `v3`.
    pub const OF_BASE: [&'static str; 5] = ["azul", "beryl", "cobalt", Self::DENIM, "zenith"];
}

/// An upgrade that [`Fork`] does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CarriedFork {
    /// Its name, as written in the configuration.
    pub name: String,
    /// Its activation time, Unix seconds.
    pub time: u64,
    /// Its family.
    pub family: Family,
}

/// A chain's upgrade schedule: Unix seconds by fork.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forks {
    times: [Option<u64>; Fork::TIMED.len()],
    /// Upgrades that [`Fork`] does not have: at most [`Forks::MAX_CARRIED`].
    carried: Vec<CarriedFork>,
}

impl Forks {
    /// Maximum number of carried upgrades; more are a configuration mistake.
    pub const MAX_CARRIED: usize = 16;

    /// Nothing scheduled: every block is Bedrock.
    pub fn none() -> Self {
        Self::default()
    }

    /// Every fork up to and including `last` active from genesis.
    pub fn all_until(last: Fork) -> Self {
        let mut forks = Self::none();
        for fork in Fork::TIMED.into_iter().filter(|fork| *fork <= last) {
            forks.set(fork, Some(0));
        }
        forks
    }

    /// Schedules `fork` (Unix seconds), or removes it from the schedule. Bedrock has no time; setting it does nothing.
    pub fn set(&mut self, fork: Fork, time: Option<u64>) {
        if let Some(slot) = (fork as usize).checked_sub(1).and_then(|at| self.times.get_mut(at)) {
            *slot = time;
        }
    }

    /// Adds an upgrade that this code does not know; replaces one of the same name and family. `false` when there are
    /// too many already.
    #[must_use]
    pub fn carry(&mut self, upgrade: CarriedFork) -> bool {
        self.carried.retain(|other| (&other.name, other.family) != (&upgrade.name, upgrade.family));
        let room = self.carried.len() < Self::MAX_CARRIED;
        if room {
            self.carried.push(upgrade);
            self.carried.sort_by(|a, b| (a.time, &a.name).cmp(&(b.time, &b.name)));
        }
        room
    }

    /// Unix seconds at which `fork` activates; Bedrock is 0.
    pub fn time(&self, fork: Fork) -> Option<u64> {
        match (fork as usize).checked_sub(1) {
            None => Some(0),
            Some(at) => self.times.get(at).copied().flatten(),
        }
    }

    /// The carried upgrades, in the order of their times.
    pub fn carried(&self) -> &[CarriedFork] {
        &self.carried
    }

    /// When Base's upgrade of this name activates, Unix seconds.
    pub fn base(&self, name: &str) -> Option<u64> {
        self.carried.iter().find(|upgrade| upgrade.family == Family::Base && upgrade.name == name).map(|it| it.time)
    }

    /// Whether the chain has upgrades of Base: it is one of Base's, and base-consensus's rules are its network's.
    pub fn has_base(&self) -> bool {
        self.carried.iter().any(|upgrade| upgrade.family == Family::Base)
    }

    /// Every scheduled upgrade, known or carried, by name and time (Unix seconds), rising; of one time in the order of
    /// activation.
    pub fn scheduled(&self) -> Vec<(&str, u64)> {
        let known = Fork::TIMED.into_iter().filter_map(|fork| Some((fork.name(), self.time(fork)?)));
        let carried = self.carried.iter().map(|upgrade| (upgrade.name.as_str(), upgrade.time));
        let mut all: Vec<_> = known.chain(carried).collect();
        all.sort_by_key(|(_, time)| *time);
        all
    }

    /// The name of the latest upgrade, known or carried, that is active for a block of this timestamp.
    pub fn name_at(&self, timestamp: u64) -> &str {
        let active = self.scheduled().into_iter().rfind(|(_, time)| *time <= timestamp);
        active.map_or(Fork::Bedrock.name(), |(name, _)| name)
    }

    /// The first fork that is not active for a block of this timestamp; `None` when all are.
    pub fn following(&self, timestamp: u64) -> Option<Fork> {
        Fork::TIMED.into_iter().find(|fork| !self.active(*fork, timestamp))
    }

    /// Whether `fork` is active for a block of this timestamp.
    pub fn active(&self, fork: Fork, timestamp: u64) -> bool {
        self.time(fork).is_some_and(|time| timestamp >= time)
    }

    /// The latest active fork for a block of this timestamp.
    pub fn at(&self, timestamp: u64) -> Fork {
        let latest = Fork::TIMED.into_iter().rev().find(|fork| self.active(*fork, timestamp));
        latest.unwrap_or(Fork::Bedrock)
    }

    /// The payload version, and so the topic, of a block of this timestamp (op-node: Isthmus, else Ecotone, else
    /// Canyon, else V1).
    pub fn version_at(&self, timestamp: u64) -> Version {
        self.at(timestamp).version()
    }

    /// The mistakes in the order of the schedule, one sentence each: a fork before its predecessor, or without it.
    pub fn mistakes(&self) -> Vec<String> {
        let mut mistakes = Vec::new();
        for pair in Fork::TIMED.windows(2) {
            let [before, after] = pair else { continue };
            match (self.time(*before), self.time(*after)) {
                (None, Some(_)) => mistakes.push(format!("{after}_time is set but {before}_time is not")),
                (Some(a), Some(b)) if b < a => mistakes.push(format!("{after}_time {b} is before {before}_time {a}")),
                _ => {}
            }
        }
        mistakes
    }
}
