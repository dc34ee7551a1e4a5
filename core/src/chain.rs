//! The chain: identity, genesis, schedule, cadence, and the signer of its unsafe blocks.
//!
//! There are three sources: a preset of the superchain registry (feature `presets`), op-node's `rollup.json`, or either
//! with the signer replaced. A preset is a `rollup.json` too, with what the registry has in addition under the key
//! `petrel`. A preset's signer and schedule become outdated: only L1's SystemConfig is authoritative for the signer,
//! and chains rotate it and schedule forks. So a preset has a date, which is shown wherever its signer or its schedule
//! is used.

use core::time::Duration;

use alloy_primitives::{Address, B256};

use crate::fork::{Fork, Forks, Version};

mod cadence;
#[cfg(feature = "presets")]
mod preset;
#[cfg(feature = "presets")]
mod preset_row;
#[cfg(feature = "presets")]
#[rustfmt::skip]
mod presets;
mod rollup;

pub use cadence::{Cadence, CadenceError, Step};
#[cfg(feature = "presets")]
pub use preset::{PresetName, preset_names};
pub use rollup::ChainError;

/// The first L2 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Its number (OP Mainnet's Bedrock chain does not start at 0).
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp, Unix seconds.
    pub time: u64,
}

/// The source of a chain's parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The superchain registry.
    Preset {
        /// The date on which the registry had its signer, `YYYY-MM-DD`.
        signer_date: String,
        /// The date on which its schedule was collected, `YYYY-MM-DD`.
        schedule_date: String,
        /// Whether the chain was removed from the registry: some of these chains are shut down.
        left_registry: bool,
    },
    /// A `rollup.json` given by the user.
    Rollup,
}

/// Where a block carries the milliseconds of its time, in addition to the header's whole seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Subsecond {
    /// In Base's BaseTime deposit, where there is one.
    #[default]
    BaseTime,
    /// In the first two bytes of the mix digest (opBNB from Volta on; BEP-543).
    MixDigest,
}

/// The chain's own parameters of the base fee (EIP-1559), which count until Holocene: later ones are in each block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FeeParameters {
    /// The gas limit is so many times the gas target.
    pub elasticity: u64,
    /// The base fee changes by one part of this many at most, if the elasticity is 2.
    pub denominator: u64,
    /// The same from Canyon on.
    pub denominator_canyon: Option<u64>,
}

/// An OP Stack chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The L2 chain id; at most 64 bits, as op-node's ENR requires.
    pub id: u64,
    /// The display name: the preset's, or `chain-<id>`.
    pub name: String,
    /// The preset's name for `--network`.
    pub slug: Option<String>,
    /// The L1 chain id; for an L3 the id of its L2. `rollup.json` may lack it.
    pub l1: Option<u64>,
    /// The times of blocks by number.
    pub cadence: Cadence,
    /// Where a block carries the milliseconds of its time, in addition to the header's whole seconds.
    pub subsecond: Subsecond,
    /// Whether the schedule is the network's, so that Base's rule on a block's time applies. `false` when the operator
    /// changed it.
    pub certain: bool,
    /// The first block.
    pub genesis: Genesis,
    /// The fork schedule.
    pub forks: Forks,
    /// The registry's unsafe block signer, where known. op-node's `rollup.json` has none.
    pub signer: Option<Address>,
    /// The SystemConfig proxy on L1, which holds the authoritative signer.
    pub system_config: Option<Address>,
    /// What a rollup.json has as `chain_op_config`. Presets have none.
    pub fees: Option<FeeParameters>,
    /// The source of these parameters.
    pub origin: Origin,
}

impl Chain {
    /// Seconds for which a topic stays open after the fork that brings the next version (base-consensus).
    const TOPIC_GRACE: u64 = 60;

    /// The same chain with another genesis, and a block every `interval` from there on.
    ///
    /// # Errors
    /// The interval is out of range.
    pub fn begun(mut self, genesis: Genesis, interval: Duration) -> Result<Self, CadenceError> {
        self.cadence = Cadence::constant(genesis.number, genesis.time, interval)?;
        self.genesis = genesis;
        Ok(self)
    }

    /// The payload version of a block of this timestamp.
    pub fn version_at(&self, timestamp: u64) -> Version {
        self.forks.version_at(timestamp)
    }

    /// The fork of a block of this timestamp.
    pub fn fork_at(&self, timestamp: u64) -> Fork {
        self.forks.at(timestamp)
    }

    /// When this node leaves the topic of this version, Unix seconds: on Base's chains, a minute after the fork that
    /// introduces the next version (base-consensus). `None` on other chains: op-node never leaves a topic.
    pub fn retired_at(&self, version: Version) -> Option<u64> {
        let next = match version {
            Version::V1 => Fork::Canyon,
            Version::V2 => Fork::Ecotone,
            Version::V3 => Fork::Isthmus,
            Version::V4 => return None,
        };
        let over = self.forks.time(next).filter(|_| self.forks.has_base())?;
        Some(over.saturating_add(Self::TOPIC_GRACE))
    }

    /// The versions whose topics this node joins at `timestamp` (Unix seconds).
    pub fn open_topics(&self, timestamp: u64) -> impl Iterator<Item = Version> + '_ {
        let open = move |version: &Version| self.retired_at(*version).is_none_or(|over| timestamp < over);
        Version::ALL.into_iter().filter(open)
    }

    /// The topic's name for a payload version: `/optimism/<chain id>/<n>/blocks`.
    pub fn topic(&self, version: Version) -> String {
        format!("/optimism/{}/{}/blocks", self.id, version.topic())
    }

    /// The chain id in the name of any chain's topic of blocks, of any version; `None` for another name.
    pub fn id_in_topic(topic: &str) -> Option<u64> {
        let (id, number) = topic.strip_prefix("/optimism/")?.strip_suffix("/blocks")?.split_once('/')?;
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        id.parse().ok().filter(|_| is_number(id) && is_number(number))
    }
}
