//! A row of the generated list of presets.

/// A preset's names, and its file.
pub(super) struct PresetRow {
    pub(super) id: u64,
    /// The display name.
    pub(super) name: &'static str,
    /// op-node's `--network` name: `<chain>-<superchain>`.
    pub(super) slug: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) json: &'static str,
}
