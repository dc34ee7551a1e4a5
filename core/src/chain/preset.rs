//! The presets: a generated table (`presets.rs`) and how a chain is found in it.

use alloy_primitives::{Address, B256};

use super::{Chain, Genesis, Origin, presets::PRESETS};
use crate::fork::{Fork, Forks};

/// One row of the generated table. Times are Unix seconds.
pub(super) struct Preset {
    pub(super) id: u64,
    pub(super) name: &'static str,
    /// op-node's `--network` name: `<chain>-<superchain>`.
    pub(super) slug: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) l1: u64,
    pub(super) block_time: u64,
    pub(super) genesis_number: u64,
    pub(super) genesis_hash: [u8; 32],
    pub(super) genesis_time: u64,
    /// In the order of [`Fork::TIMED`].
    pub(super) forks: [Option<u64>; 10],
    pub(super) later: &'static [(&'static str, u64)],
    pub(super) signer: Option<[u8; 20]>,
    pub(super) system_config: Option<[u8; 20]>,
}

/// A preset's names, for listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresetName {
    /// The chain id.
    pub id: u64,
    /// The name that `--network` takes.
    pub slug: &'static str,
    /// The name to show.
    pub name: &'static str,
}

/// All presets, in order of chain id.
pub fn preset_names() -> impl Iterator<Item = PresetName> {
    PRESETS.iter().map(|row| PresetName { id: row.id, slug: row.slug, name: row.name })
}

/// The preset with this slug, alias or decimal chain id.
pub(super) fn find(name: &str) -> Option<Chain> {
    let id = name.parse::<u64>().ok();
    let named = |row: &&Preset| Some(row.id) == id || row.slug == name || row.aliases.contains(&name);
    PRESETS.iter().find(named).map(Preset::chain)
}

impl Preset {
    fn chain(&self) -> Chain {
        let mut forks = Forks::none();
        for (fork, time) in Fork::TIMED.into_iter().zip(self.forks) {
            forks.set(fork, time);
        }
        for (name, time) in self.later {
            // The generator refuses more than `Forks::MAX_LATER`.
            let _carried = forks.carry((*name).to_owned(), *time);
        }
        Chain {
            id: self.id,
            name: self.name.to_owned(),
            l1: self.l1,
            block_time: self.block_time,
            genesis: Genesis {
                number: self.genesis_number,
                hash: B256::from(self.genesis_hash),
                time: self.genesis_time,
            },
            forks,
            signer: self.signer.map(Address::from),
            system_config: self.system_config.map(Address::from),
            origin: Origin::Preset,
        }
    }
}
