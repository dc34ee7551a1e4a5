//! `cargo xtask wasm`: the crate `wasm` as `www/pkg/petrel_wasm{.js,.d.ts,_bg.wasm}`.
//!
//! Three tools in a row: cargo (profile `wasm`), wasm-bindgen (pinned in `Cargo.lock`), wasm-opt (pinned in
//! `www/package-lock.json`). The last two run only when what cargo made, or one of them, has changed.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use sha2::{Digest as _, Sha256};

use crate::{
    compile, setup,
    shell::{Shell, run},
};

const NAME: &str = "petrel_wasm";

/// What rustc's wasm32 code uses beyond the first version of WebAssembly; all of it is in every browser that has
/// WebTransport.
const FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-sign-ext",
];

/// Builds the wasm package.
pub(crate) fn build(shell: &Shell) -> Result<()> {
    setup::wasm(shell)?;
    setup::npm(shell)?;
    let built = compile(shell, &[])?;
    let package = shell.www().join("pkg");
    let made_from = made_from(shell, &built)?;
    let mark = shell.target().join("petrel-wasm.made-from");
    let complete =
        ["petrel_wasm.js", "petrel_wasm.d.ts", "petrel_wasm_bg.wasm"].iter().all(|name| package.join(name).is_file());
    if complete && fs::read_to_string(&mark).is_ok_and(|before| before == made_from) {
        println!("www/pkg is up to date");
        return Ok(());
    }
    if package.exists() {
        fs::remove_dir_all(&package).with_context(|| format!("cannot replace {}", package.display()))?;
    }
    bindgen(shell, &built, &package)?;
    shrink(shell, &package.join("petrel_wasm_bg.wasm"))?;
    fs::write(mark, made_from).context("cannot write to the target folder")
}

/// Builds the module with what benches call, into `package`.
pub(crate) fn build_for_bench(shell: &Shell, package: &Path) -> Result<()> {
    let built = compile(shell, &["--features", "bench"])?;
    bindgen(shell, &built, package)?;
    shrink(shell, &package.join("petrel_wasm_bg.wasm"))
}

/// The module as cargo makes it.
fn compile(shell: &Shell, features: &[&str]) -> Result<PathBuf> {
    let target = "wasm32-unknown-unknown";
    let mut cargo =
        shell.cargo(["build", "--package", "petrel-wasm", "--lib", "--target", target, "--profile", "wasm"]);
    run(cargo.args(features))?;
    Ok(shell.target().join(target).join("wasm").join(NAME).with_extension("wasm"))
}

/// Names everything that the package is made from: cargo's output, and the version of each later tool.
fn made_from(shell: &Shell, built: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    let lock = fs::read_to_string(shell.root().join("Cargo.lock")).context("cannot read Cargo.lock")?;
    let bindgen = lock.split("[[package]]").find(|package| package.contains("name = \"wasm-bindgen-cli\""));
    hash.update(fs::read(built).with_context(|| format!("cannot read {}", built.display()))?);
    hash.update(bindgen.unwrap_or_default());
    hash.update(fs::read(shell.www().join("package-lock.json")).context("cannot read www/package-lock.json")?);
    hash.update(FEATURES.concat());
    Ok(hex(&hash.finalize()))
}

/// These bytes as hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bindgen(shell: &Shell, built: &Path, out: &Path) -> Result<()> {
    let bindgen = compile::tool(shell, "xtask-bindgen")?;
    run(shell.command(bindgen, ["bindgen", "--target", "web", "--out-dir"]).arg(out).arg(built))
}

fn shrink(shell: &Shell, wasm: &Path) -> Result<()> {
    let mut command = shell.command(shell.www().join("node_modules/.bin/wasm-opt"), ["-Oz"]);
    run(command.args(FEATURES).arg(wasm).arg("--output").arg(wasm))
}
