//! The crates of the browser client, on wasm32.

use std::{collections::BTreeSet, process::Command};

use anyhow::{Result, ensure};

use super::step::Done;
use crate::{
    compile, setup,
    shell::{Shell, read, run, run_kept},
};

/// The tests of the core that run on the host must run on wasm32 too: this step fails if one is missing there.
pub(super) fn wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    setup::node(shell)?;
    run(&mut compile::wasm(shell, ["--no-run"]))?;
    let mut test = compile::wasm(shell, [""; 0]);
    test.env(
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
        format!("{} test", compile::tool(shell, "xtask-bindgen")?.display()),
    );
    let node = passed(&run_kept(shell, "tests on wasm32", &mut test)?);
    let built = compile::tests(&mut compile::debug(shell, ["--lib", "--test", "core", "--no-run"]))?;
    let core = built.iter().filter(|test| test.name.starts_with("petrel-core "));
    let host = core.map(|test| names(&mut shell.command(&test.program, ["--list"]))).collect::<Result<Vec<_>>>()?;
    // Browsers are not dialled back.
    let host: BTreeSet<String> = host.into_iter().flatten().filter(|name| !is_of_dialling_back(name)).collect();
    ensure!(!host.is_empty(), "there are no tests");
    let missing: Vec<&str> = host.difference(&node).map(String::as_str).collect();
    ensure!(
        missing.is_empty(),
        "these tests do not run on wasm32; see .xtask/test-anywhere/src/lib.rs:\n{}",
        missing.join("\n"),
    );
    println!("{} tests ran on wasm32, all that the host has of the core's among them", node.len());
    Ok(Done::Passed)
}

fn is_of_dialling_back(name: &str) -> bool {
    ["::dialback::", "::dial_back::"].iter().any(|module| name.contains(module))
}

/// The names in the output of wasm-bindgen's harness, of tests that have run and of those that are ignored.
fn passed(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| line.trim().strip_prefix("test ")?.split_once(" ... "));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// The names in the output of a program with tests that lists them.
fn names(command: &mut Command) -> Result<BTreeSet<String>> {
    Ok(read(command)?.lines().filter_map(|line| line.trim().strip_suffix(": test").map(str::to_owned)).collect())
}

pub(super) fn clippy(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    compile::no_warnings(&mut compile::wasm(shell, ["--no-run"]))?;
    // The core without libp2p and presets, then its tests, which need presets. They are only checked, because their dependencies have
    // other features than those of all other builds.
    let alone = |words: &[&str]| {
        let mut clippy = shell.cargo(["clippy", "--target", "wasm32-unknown-unknown", "--package", "petrel-core"]);
        clippy.args(["--no-default-features", "--lib"]).args(words).args(["--", "--deny", "warnings"]);
        run(&mut clippy)
    };
    alone(&[])?;
    alone(&["--features", "presets", "--test", "core"])?;
    Ok(Done::Passed)
}
