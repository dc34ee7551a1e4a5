//! The tests of all crates on the host. Two test programs run at the same time, each with more threads than there are processors,
//! because tests mostly wait.

use std::{num::NonZero, sync::Mutex, thread};

use anyhow::{Result, ensure};

use super::step::Done;
use crate::{
    compile::{self, Test},
    setup,
    shell::{Shell, run, run_kept},
};

/// Number of programs that run at the same time.
const AT_ONCE: usize = 2;
/// Threads of one program per processor.
const THREADS: usize = 4;
/// The slowest programs, which start first.
const LONG: [&str; 4] = ["programs", "drivers", "native", "worlds"];

pub(super) fn build(shell: &Shell) -> Result<Done> {
    setup::component(shell, "clippy", "clippy-driver")?;
    run(&mut compile::debug(shell, ["--no-run"]))?;
    Ok(Done::Passed)
}

/// Lints all targets: those of `build`, and those of the long tests.
pub(super) fn clippy(shell: &Shell) -> Result<Done> {
    // `--all-targets` and `--tests` leave out tests that `cargo test` does not run by default. The two patterns match all
    // names except `fuzz`, which is compiled for a fuzzer only.
    let everything = ["--lib", "--bins", "--examples", "--benches", "--test", "[!f]*", "--test", "f[!u]*", "--no-run"];
    compile::no_warnings(&mut compile::debug(shell, everything))?;
    Ok(Done::Passed)
}

/// Runs every program, also after one has failed.
pub(super) fn rust(shell: &Shell) -> Result<Done> {
    let mut tests = compile::tests(&mut compile::debug(shell, ["--no-run"]))?;
    ensure!(!tests.is_empty(), "there are no tests");
    tests.sort_by_key(|test| rank(&test.name));
    // Programs are taken from the end.
    tests.reverse();
    let (open, failed) = (Mutex::new(tests), Mutex::new(Vec::new()));
    let next = || open.lock().ok().and_then(|mut open| open.pop());
    let work = || {
        while let Some(test) = next() {
            if let Err(error) = one(shell, &test)
                && let Ok(mut failed) = failed.lock()
            {
                failed.push(format!("{error:#}"));
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner().unwrap_or_default();
    ensure!(failed.is_empty(), "{}; see above", failed.join("; "));
    run(&mut compile::debug(shell, ["--doc"]))?;
    Ok(Done::Passed)
}

/// The rank of a program: its position among the slowest ones.
fn rank(name: &str) -> usize {
    let target = name.rsplit(' ').next().unwrap_or(name);
    LONG.iter().position(|long| *long == target).unwrap_or(LONG.len())
}

/// Runs a program like cargo, and prints its output after its end.
fn one(shell: &Shell, test: &Test) -> Result<()> {
    let threads = thread::available_parallelism().map_or(2, NonZero::get) * THREADS;
    let mut command = shell.command(&test.program, [""; 0]);
    command.current_dir(&test.folder).env("CARGO_MANIFEST_DIR", &test.folder);
    command.env("RUST_TEST_THREADS", threads.to_string()).env("PETREL_BIN", shell.target().join("debug/petrel"));
    run_kept(shell, &test.name, &mut command).map(drop)
}
