//! The presets: a generated list (`presets.rs`) of JSON files (`core/presets`), and how a chain is found in it.

use crate::{chain::Chain, chain::presets::PRESETS};

/// A preset's names, and its file.
pub(super) struct Preset {
    pub(super) id: u64,
    /// To show.
    pub(super) name: &'static str,
    /// op-node's `--network` name: `<chain>-<superchain>`.
    pub(super) slug: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) json: &'static str,
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

/// The preset with this slug, alias or decimal chain id. Every file reads: a test shows it.
pub(super) fn find(name: &str) -> Option<Chain> {
    let id = name.parse::<u64>().ok();
    let named = |row: &&Preset| Some(row.id) == id || row.slug == name || row.aliases.contains(&name);
    Chain::from_rollup_json(PRESETS.iter().find(named)?.json.as_bytes()).ok()
}
