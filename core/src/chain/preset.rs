//! The presets: a generated list (`presets.rs`) of JSON files (`core/presets`), and lookup by name.

use super::{Chain, preset_row::PresetRow, presets::PRESETS};

/// A preset's names, for listings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PresetName {
    /// The chain id.
    pub id: u64,
    /// The name that `--network` takes.
    pub slug: &'static str,
    /// The display name.
    pub name: &'static str,
}

/// All presets, in order of chain id.
pub fn preset_names() -> impl Iterator<Item = PresetName> {
    PRESETS.iter().map(|row| PresetName { id: row.id, slug: row.slug, name: row.name })
}

impl Chain {
    /// The preset of this name (`op-mainnet`, `base-sepolia`, …), alias or decimal chain id. A test shows that every
    /// file parses.
    pub fn preset(name: &str) -> Option<Self> {
        let id = name.parse::<u64>().ok();
        let named = |row: &&PresetRow| Some(row.id) == id || row.slug == name || row.aliases.contains(&name);
        Self::from_rollup_json(PRESETS.iter().find(named)?.json.as_bytes()).ok()
    }
}
