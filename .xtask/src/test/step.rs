//! A step, and how it is run and reported.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::Shell;

/// A step: its name on the command line, what it tests, and its function.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) lane: Lane,
    /// Whether it needs only Rust and Node.
    pub(super) own: bool,
    /// Steps before this one in the table that must have passed.
    pub(super) needs: &'static [&'static str],
    pub(super) run: fn(&Shell) -> Result<Done>,
}

/// The lane of a step when all steps run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Front,
    /// As a child process.
    Background,
    /// As a child process with the lowest priority: it compiles while tests wait.
    LowPriority,
}

/// The result of a step that did not fail.
pub(super) enum Done {
    Passed,
    /// Not run; the reason and the remedy.
    Skipped(String),
}

/// With this variable a skipped step fails: for machines that must be able to run all steps.
const SKIP_NOTHING: &str = "PETREL_SKIP_NOTHING";

pub(super) const PASSED: &str = "passed";
pub(super) const SKIPPED: &str = "SKIPPED";

/// Runs a step. Returns its line in the report.
pub(super) fn one(shell: &Shell, step: &Step) -> Result<String> {
    println!("\n== {}: {}", step.name, step.about);
    let begin = Instant::now();
    let done = (step.run)(shell)
        .with_context(|| format!("step `{0}` failed; run only this step with `cargo xtask test {0}`", step.name))?;
    let line = match done {
        Done::Passed => format!("{PASSED}   {:>8}  {}", time(begin.elapsed()), step.name),
        Done::Skipped(why) if env::var_os(SKIP_NOTHING).is_some() => bail!("step `{}` was skipped: {why}", step.name),
        Done::Skipped(why) => format!("{SKIPPED}  {:>8}  {}: {why}", "", step.name),
    };
    println!("== {line}");
    Ok(line)
}

pub(super) fn time(spent: Duration) -> String {
    format!("{}:{:02} min", spent.as_secs() / 60, spent.as_secs() % 60)
}
