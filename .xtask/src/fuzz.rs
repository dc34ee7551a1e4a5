//! `cargo xtask fuzz`: the decoders of bytes from peers, under libFuzzer, with the stable compiler.

use std::{fs, path::PathBuf, process::Command};

use anyhow::{Context as _, Result};

use crate::{
    compile,
    shell::{Shell, read, run},
};

/// Names in `tests/long/fuzz/target.rs`.
const TARGETS: [&str; 4] = ["message", "payload", "answer", "chain"];
/// Coverage counters without a sanitizer: Rust's own checks find the faults, and the stable compiler has no sanitizer.
const COUNTERS: &str = "-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions=yes -Coverflow-checks=yes";
/// Maximum bytes of an input: faults of a decoder need no large inputs.
const INPUT: u32 = 16 << 10;
/// Maximum memory for one input, MiB.
const MEMORY: u32 = 1024;
/// Maximum time for one input, seconds.
const INPUT_TIMEOUT_S: u32 = 5;

/// Runs each target for a number of seconds.
pub(crate) fn fuzz(shell: &Shell, seconds: u64) -> Result<()> {
    let program = build(shell)?;
    for target in TARGETS {
        let folder = shell.target().join("fuzz").join(target);
        let corpus = folder.join("corpus");
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        println!("\n== {target}");
        let mut fuzzer = Command::new(&program);
        fuzzer.env("PETREL_FUZZ", target).env("PETREL_FUZZ_CORPUS", &corpus).arg(&corpus);
        fuzzer.arg(format!("-artifact_prefix={}/", folder.display())).arg(format!("-max_total_time={seconds}"));
        fuzzer.arg(format!("-max_len={INPUT}")).arg(format!("-rss_limit_mb={MEMORY}"));
        run(fuzzer.arg(format!("-timeout={INPUT_TIMEOUT_S}")).args(["-verbosity=0", "-print_final_stats=1"]))?;
    }
    Ok(())
}

/// With a target named, the flags reach neither build scripts nor macros.
fn build(shell: &Shell) -> Result<PathBuf> {
    let host = read(&mut shell.command("rustc", ["--print", "host-tuple"]))?;
    let args = ["build", "--release", "--package", "petrel-tests", "--features", "fuzz", "--test", "fuzz"];
    let mut build = shell.cargo(args);
    build.args(["--target", host.trim()]).env("RUSTFLAGS", COUNTERS);
    println!("building the fuzzer");
    let tests = compile::tests(build.env("CARGO_TARGET_DIR", shell.target().join("fuzz")))?;
    tests.into_iter().next().map(|test| test.program).context("cargo names no program")
}
