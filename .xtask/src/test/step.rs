//! A step, and how it is run and reported.

use std::{
    env,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

use crate::shell::Shell;

/// A step: its name on the command line, what it proves, and how.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) about: &'static str,
    pub(super) lane: Lane,
    /// Whether Rust and Node are all that it needs.
    pub(super) own: bool,
    /// Steps before this one in the table that must have passed.
    pub(super) needs: &'static [&'static str],
    pub(super) run: fn(&Shell) -> Result<Done>,
}

/// Where a step runs when all run.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Front,
    /// In the other lane.
    Beside,
    /// In the other lane, and it takes the processor when nothing else wants it: it compiles while tests wait.
    Behind,
}

/// What became of a step that did not fail.
pub(super) enum Done {
    Passed,
    /// Not run; why, and the remedy.
    Skipped(String),
}

/// With this variable, what would be skipped fails: for machines that are made to have everything.
const SKIP_NOTHING: &str = "PETREL_SKIP_NOTHING";

pub(super) const PASSED: &str = "passed";
pub(super) const SKIPPED: &str = "SKIPPED";

/// Runs a step; its line in the report.
pub(super) fn one(shell: &Shell, step: &Step) -> Result<String> {
    println!("\n== {}: {}", step.name, step.about);
    let begin = Instant::now();
    let done = (step.run)(shell)
        .with_context(|| format!("step `{0}` failed; run it alone with `cargo xtask test {0}`", step.name))?;
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
