//! `cargo xtask www`: the npm package into `www/dist/package` and the page into
//! `www/dist/page`, from where the daemon embeds and serves it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    setup,
    shell::{Shell, run},
    wasm,
};

/// What both are made from, seen from `www`.
const SOURCES: [&str; 8] =
    ["src", "page", "build", "pkg", "../core/presets", "package.json", "package-lock.json", "tsconfig.json"];

/// Builds the wasm package, then the npm package and the page with it, if anything has changed: the daemon is built anew
/// whenever the page is.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    wasm::build(shell)?;
    let made_from = made_from(&shell.www())?;
    let mark = shell.target().join("petrel-www.made-from");
    if is_built(shell) && fs::read_to_string(&mark).is_ok_and(|before| before == made_from) {
        println!("www/dist is up to date");
        return Ok(());
    }
    run(&mut shell.npm(["run", "build"]))?;
    fs::write(mark, made_from).context("cannot write to the target folder")
}

/// Builds the page unless it was built before: what embeds it needs it to be there, not to be new.
pub(crate) fn ensure_built(shell: &Shell) -> Result<()> {
    if is_built(shell) {
        return setup::npm(shell);
    }
    build(shell)
}

fn is_built(shell: &Shell) -> bool {
    let made = ["page/index.html", "package/index.js"];
    made.iter().all(|file| shell.www().join("dist").join(file).is_file())
}

/// Names the content of all sources, as hex.
fn made_from(www: &Path) -> Result<String> {
    let mut files = Vec::new();
    SOURCES.iter().try_for_each(|name| find(&www.join(name), &mut files))?;
    files.sort();
    let mut hash = Sha256::new();
    for file in files {
        let content = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
        hash.update(file.as_os_str().as_encoded_bytes());
        hash.update((content.len() as u64).to_le_bytes());
        hash.update(content);
    }
    Ok(wasm::hex(&hash.finalize()))
}

/// All files at or under a path.
fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !path.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path).with_context(|| format!("cannot read {}", path.display()))?;
    entries.into_iter().try_for_each(|entry| find(&entry?.path(), files))
}
