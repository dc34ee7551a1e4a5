//! The npm package and the page, in two builds that never mix:
//!
//! | | `cargo xtask www`, `run`, `size` | the steps of `cargo xtask test` |
//! |---|---|---|
//! | npm package | `www/package/dist` | `www/package/dist-test` |
//! | page | `www/page/dist` | `www/page/dist-test` |
//! | wasm module | profile `wasm`, shrunk by wasm-opt | profile `dev` |
//! | daemon that has the page | release: embedded | debug: read from the disk while it runs |
//!
//! `native/src/serve/page.rs` selects the folder of a daemon by its profile; `files` in `www/package/package.json` selects the published
//! folder. `www/folders.js` selects it for JavaScript by `PETREL_BUILD`.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    compile, setup,
    shell::{Shell, run},
    wasm::{self, Build, WasmCrate},
};

/// The sources of package and page in addition to the wasm modules, relative to `www`. The modules cover core, wasm and
/// `Cargo.lock`: cargo always builds them again when one of them has changed.
const SOURCES: [&str; 16] = [
    "package.json",
    "package-lock.json",
    "tsconfig.json",
    "folders.js",
    "package/package.json",
    "package/tsconfig.json",
    "package/build",
    "package/src",
    "page/package.json",
    "page/tsconfig.json",
    "page/vite.config.js",
    "page/index.html",
    "page/src",
    "../core/presets",
    "../LICENSE",
    "../.xtask/src/www.rs",
];

/// Builds the wasm package, then the npm package and the page with it, if anything has changed.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    up_to_date(shell, Build::Real)
}

/// The same in the build of the tests. Each step that uses the page calls it, so none tests a stale page.
pub(crate) fn build_for_tests(shell: &Shell) -> Result<()> {
    up_to_date(shell, Build::Test)
}

/// Builds the real page unless it exists: programs that embed it need any build, not the newest one.
pub(crate) fn ensure_built(shell: &Shell) -> Result<()> {
    if is_complete(shell, Build::Real) {
        return setup::npm(shell);
    }
    build(shell)
}

/// Writes the samples with which the package's tests compare its types: see `core/tests/core/samples.rs`.
pub(crate) fn samples(shell: &Shell) -> Result<()> {
    run(compile::debug(shell, ["--lib", "--test", "core", "are_up_to_date"]).env("PETREL_WRITE_SAMPLES", "1"))
}

/// An npm command that uses the build of the tests.
pub(crate) fn npm_for_tests(shell: &Shell, args: &[&str]) -> std::process::Command {
    let mut npm = shell.npm(args);
    npm.env("PETREL_BUILD", "test");
    npm
}

fn up_to_date(shell: &Shell, build: Build) -> Result<()> {
    let _alone = lock(shell)?;
    wasm::build(shell, build)?;
    let made_from = made_from(shell, build)?;
    // In the folder of the node's module, which is not published or served: it is removed when that module is built again.
    let mark = WasmCrate::Node.folder(shell, build).join(".www-made-from");
    if is_complete(shell, build) && fs::read_to_string(&mark).is_ok_and(|before| before == made_from) {
        println!("package and page ({build:?}) are up to date");
        return Ok(());
    }
    // So that a failed build leaves no mark.
    let _none = fs::remove_file(&mark);
    let args = ["run", "build"];
    match build {
        Build::Real => run(&mut shell.npm(args))?,
        Build::Test => run(&mut npm_for_tests(shell, &args))?,
    }
    fs::write(&mark, made_from).with_context(|| format!("cannot write {}", mark.display()))
}

/// A lock, so that steps that run at the same time build one after the other. It is held until it is dropped.
fn lock(shell: &Shell) -> Result<File> {
    fs::create_dir_all(shell.target()).context("cannot make the target folder")?;
    let file = File::create(shell.target().join("petrel-www.lock")).context("cannot write to the target folder")?;
    file.lock().context("cannot lock a file in the target folder")?;
    Ok(file)
}

fn is_complete(shell: &Shell, build: Build) -> bool {
    let made = [("page/dist", "index.html"), ("package/dist", "page/index.js"), ("package/dist", "verify/index.js")];
    made.iter().all(|(folder, file)| build.folder(shell, folder).join(file).is_file())
}

/// A hash of all sources and of the wasm packages, as hex.
fn made_from(shell: &Shell, build: Build) -> Result<String> {
    let www = shell.www();
    let mut files = Vec::new();
    SOURCES.iter().try_for_each(|name| find(&www.join(name), &mut files))?;
    files.extend(WasmCrate::ALL.map(|module| module.folder(shell, build).join(".made-from")));
    // Copies of wasm-bindgen's output: see `www/package/build/build.js`.
    files.retain(|file| !file.ends_with("petrel_wasm.d.ts") && !file.ends_with("petrel_verify.d.ts"));
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
