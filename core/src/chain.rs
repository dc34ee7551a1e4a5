//! Which chain is followed: identity, genesis, schedule, and who may sign its unsafe blocks.
//!
//! Three sources: a preset of the superchain registry, op-node's `rollup.json`, or either with the signer replaced.
//! A preset's signer ages: only L1's SystemConfig is authoritative, and chains do rotate. The snapshot's date is
//! therefore part of a preset and is shown wherever its signer is used.

use alloy_primitives::{Address, B256};

use crate::fork::{Fork, Forks, Version};

mod preset;
#[rustfmt::skip]
mod presets;
mod rollup;

pub use preset::{PresetName, preset_names};
pub use presets::SNAPSHOT_DATE;
pub use rollup::ChainError;

/// The first L2 block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Genesis {
    /// Its number (OP Mainnet's Bedrock chain does not begin at 0).
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Its timestamp, Unix seconds.
    pub time: u64,
}

/// Where a chain's parameters came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The superchain registry as of [`SNAPSHOT_DATE`].
    Preset,
    /// A `rollup.json` that the user gave.
    Rollup,
}

/// An OP Stack chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    /// The L2 chain id; at most 64 bits, as op-node's ENR requires.
    pub id: u64,
    /// A name to show: the preset's, or `chain-<id>`.
    pub name: String,
    /// The L1 chain id.
    pub l1: u64,
    /// Seconds between blocks, at least 1.
    pub block_time: u64,
    /// The first block.
    pub genesis: Genesis,
    /// The upgrade schedule.
    pub forks: Forks,
    /// The registry's unsafe block signer, where known. `rollup.json` has none.
    pub signer: Option<Address>,
    /// The SystemConfig proxy on L1, which holds the authoritative signer.
    pub system_config: Option<Address>,
    /// Where all this came from.
    pub origin: Origin,
}

impl Chain {
    /// The preset of this name (`op-mainnet`, `base-sepolia`, …) or decimal chain id.
    pub fn preset(name: &str) -> Option<Self> {
        preset::find(name)
    }

    /// Reads op-node's `rollup.json`.
    ///
    /// # Errors
    /// Every mistake at once: what is missing, of the wrong type, out of order.
    pub fn from_rollup_json(json: &[u8]) -> Result<Self, ChainError> {
        rollup::read(json)
    }

    /// The same chain as a `rollup.json`: what [`Chain::from_rollup_json`] reads.
    pub fn to_rollup_json(&self) -> serde_json::Value {
        rollup::write(self)
    }

    /// The preset's name that [`Chain::preset`] takes; `None` for a chain from a file.
    pub fn slug(&self) -> Option<&'static str> {
        let preset = preset_names().find(|preset| preset.id == self.id && self.origin == Origin::Preset);
        preset.map(|preset| preset.slug)
    }

    /// The payload version of a block of this timestamp.
    pub fn version_at(&self, timestamp: u64) -> Version {
        self.forks.version_at(timestamp)
    }

    /// The fork of a block of this timestamp.
    pub fn fork_at(&self, timestamp: u64) -> Fork {
        self.forks.at(timestamp)
    }

    /// The number of the block that is due at `timestamp` (Unix seconds); `None` before genesis.
    pub fn number_at(&self, timestamp: u64) -> Option<u64> {
        let since = timestamp.checked_sub(self.genesis.time)?;
        self.genesis.number.checked_add(since / self.block_time.max(1))
    }

    /// The topic's name for a payload version: `/optimism/<chain id>/<n>/blocks`.
    pub fn topic(&self, version: Version) -> String {
        format!("/optimism/{}/{}/blocks", self.id, version.topic())
    }
}
