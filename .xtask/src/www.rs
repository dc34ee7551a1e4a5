//! `cargo xtask www`: the npm package into `www/dist/package` and the page into
//! `www/dist/page`, from where the daemon embeds and serves it.

use anyhow::Result;

use crate::{
    setup,
    shell::{Shell, run},
    wasm,
};

/// Builds the wasm package, then the npm package and the page with it.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    wasm::build(shell)?;
    run(&mut shell.npm(["run", "build"]))
}

/// Builds the page unless it was built before: what embeds it needs it to be there, not to be new.
pub(crate) fn ensure_built(shell: &Shell) -> Result<()> {
    if shell.www().join("dist/page/index.html").is_file() {
        return setup::npm(shell);
    }
    build(shell)
}
