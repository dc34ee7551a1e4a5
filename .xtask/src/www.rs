//! `cargo xtask www`: the npm package into `www/dist/package` and the page into
//! `www/dist/page`, from where the daemon embeds and serves it.

use anyhow::Result;

use crate::{
    shell::{Shell, run},
    wasm,
};

/// Builds the wasm package, then the npm package and the page with it.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    wasm::build(shell)?;
    run(&mut shell.npm(["run", "build"]))
}
