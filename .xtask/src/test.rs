//! `cargo xtask test`: the steps that test a change. A step that this machine cannot run is skipped, and the output names it and
//! what to install.
//!
//! Reading order: `step` (the type), `table` (all steps), `lanes` (how they run at the same time), then the steps themselves:
//! `source` (checks of the source), `rust` (tests of all crates), `page`, `wasm`, `others` (steps that need more than Rust and Node).

use anyhow::{Result, bail, ensure};

use crate::shell::Shell;

mod lanes;
mod others;
mod page;
mod rust;
mod source;
mod step;
mod table;
mod wasm;

use step::{Step, one};
use table::STEPS;

/// Runs the named steps after those that they need; without names the steps that need only Rust and Node; with `--all` all steps.
pub(crate) fn test(shell: &Shell, words: &[String]) -> Result<()> {
    let (flags, names): (Vec<&str>, Vec<&str>) =
        words.iter().map(String::as_str).partition(|word| word.starts_with('-'));
    for name in &names {
        let known = STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(" ");
        ensure!(STEPS.iter().any(|step| step.name == *name), "there is no step {name:?}; the steps are: {known}");
    }
    match (&*flags, &*names) {
        ([], []) => lanes::run(shell, &chosen(|step| step.own)),
        (["--all"], []) => lanes::run(shell, &chosen(|_| true)),
        ([], names) => one_by_one(shell, &with_needs(names)),
        (["--no-needs"], names) => one_by_one(shell, &chosen(|step| names.contains(&step.name))),
        _ => bail!("expected `--all`, or steps, or `--no-needs` and steps"),
    }
}

/// Runs the steps that run no tests.
pub(crate) fn lint(shell: &Shell) -> Result<()> {
    one_by_one(shell, &with_needs(&["fmt", "purity", "shape", "clippy", "clippy-wasm"]))
}

/// A line for each step.
pub(crate) fn help() -> String {
    STEPS
        .iter()
        .map(|step| format!("  {:<12}{} {}\n", step.name, if step.own { ' ' } else { '*' }, step.about))
        .collect()
}

fn chosen(choose: impl Fn(&Step) -> bool) -> Vec<&'static Step> {
    STEPS.iter().filter(|step| choose(step)).collect()
}

/// These steps and all that they need, in the order of the table.
fn with_needs(names: &[&str]) -> Vec<&'static Step> {
    let mut wanted: Vec<&str> = names.to_vec();
    // The needed steps of a step are before it in the table.
    for step in STEPS.iter().rev().filter(|step| !step.needs.is_empty()) {
        if wanted.contains(&step.name) {
            wanted.extend(step.needs);
        }
    }
    chosen(|step| wanted.contains(&step.name))
}

fn one_by_one(shell: &Shell, steps: &[&'static Step]) -> Result<()> {
    steps.iter().try_for_each(|step| one(shell, step).map(drop))
}

#[cfg(test)]
mod tests {
    use super::with_needs;

    #[test]
    fn a_named_step_runs_after_what_it_needs() {
        let names = |of| with_needs(&[of]).iter().map(|step| step.name).collect::<Vec<_>>();
        assert_eq!(names("fmt"), ["fmt"]);
        assert_eq!(names("rust"), ["page", "build", "rust"]);
        assert_eq!(names("devnet"), ["go", "page", "build", "devnet"]);
    }
}
