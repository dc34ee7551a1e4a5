//! How this workspace is compiled: always with one of two selections of packages, one for the host and one for wasm32. Cargo builds a
//! dependency once for each set of features, and the features depend on the selected packages.
//!
//! Tests are compiled by Clippy, which is rustc with lints, so that no crate is compiled twice for its lints. Cargo stores the
//! warnings with the build; the step `clippy` reads them and fails.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::shell::{Shell, read, run};

/// A test program, and the folder in which cargo runs it.
pub(crate) struct Test {
    /// The package and the target, for example `petrel-core core`.
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) folder: PathBuf,
}

/// `cargo test` of the host's selection, in debug.
pub(crate) fn debug<S: AsRef<std::ffi::OsStr>>(shell: &Shell, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = shell.cargo(["test", "--workspace"]);
    command.args(words);
    linted(command)
}

/// The crates of wasm32's selection.
const WASM: [&str; 4] =
    ["--package=petrel-core", "--package=petrel-wasm", "--package=petrel-verify", "--package=petrel-tests"];

/// Builds the browser's modules in debug with the same selection: the tests on wasm32 have compiled all of their dependencies.
pub(crate) fn wasm_modules(shell: &Shell) -> Result<()> {
    let mut command = shell.cargo(["build", "--target", "wasm32-unknown-unknown", "--lib"]);
    command.args(WASM);
    run(&mut linted(command))
}

/// `cargo test` of wasm32's selection, in debug.
pub(crate) fn wasm<S: AsRef<std::ffi::OsStr>>(shell: &Shell, words: impl IntoIterator<Item = S>) -> Command {
    let mut command = shell.cargo(["test", "--target", "wasm32-unknown-unknown"]);
    command.args(WASM);
    command.args(["--lib", "--test", "core", "--test", "drivers"]).args(words);
    linted(command)
}

/// Builds a program of this workspace in release, with the same dependencies as `petrel`.
pub(crate) fn release(shell: &Shell, program: &str) -> Result<PathBuf> {
    run(&mut shell.cargo(["build", "--release", "--workspace", "--bin", program]))?;
    Ok(shell.target().join("release").join(program))
}

/// Builds a tool of this workspace with the host's selection. It prints no progress, because another build may run beside it.
pub(crate) fn tool(shell: &Shell, program: &str) -> Result<PathBuf> {
    run(&mut linted(shell.cargo(["build", "--quiet", "--workspace", "--bin", program])))?;
    Ok(shell.target().join("debug").join(program))
}

fn linted(mut command: Command) -> Command {
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver");
    command
}

/// The daemon in debug.
pub(crate) fn petrel(shell: &Shell) -> Result<PathBuf> {
    // Cargo builds a package's programs for the tests of that package.
    run(&mut debug(shell, ["--no-run", "--test", "native"]))?;
    Ok(shell.target().join("debug/petrel"))
}

/// The program of one test, by the name of its target.
pub(crate) fn test(shell: &Shell, name: &str) -> Result<Test> {
    let tests = tests(&mut debug(shell, ["--no-run", "--test", name]))?;
    tests.into_iter().find(|test| test.name.ends_with(&format!(" {name}"))).with_context(|| format!("no test {name}"))
}

/// All test programs that `build` builds.
pub(crate) fn tests(build: &mut Command) -> Result<Vec<Test>> {
    run(build)?;
    let messages = messages(build)?;
    Ok(messages.iter().filter(|message| message["profile"]["test"] == true).filter_map(as_test).collect())
}

/// Cargo's messages about the targets of a build, and its warnings.
fn messages(build: &mut Command) -> Result<Vec<Value>> {
    let text = read(build.arg("--message-format=json"))?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

fn as_test(message: &Value) -> Option<Test> {
    let folder = PathBuf::from(message["manifest_path"].as_str()?).parent()?.to_owned();
    let (_, package) = message["package_id"].as_str()?.rsplit_once('#')?;
    let package = package.split_once('@').map_or_else(|| folder.file_name()?.to_str(), |(name, _)| Some(name))?;
    let name = format!("{package} {}", message["target"]["name"].as_str()?);
    Some(Test { name, program: message["executable"].as_str()?.into(), folder })
}

/// Builds, and fails with all warnings of the build.
pub(crate) fn no_warnings(build: &mut Command) -> Result<()> {
    run(build)?;
    let messages = messages(build)?;
    let warnings = messages.iter().filter_map(|message| message["message"]["rendered"].as_str());
    let warnings: BTreeSet<&str> = warnings.filter(|text| !text.contains(" generated ")).collect();
    ensure!(warnings.is_empty(), "{} warnings:\n{}", warnings.len(), Vec::from_iter(warnings).join("\n"));
    Ok(())
}
