//! Steps that only read the source.

use anyhow::Result;

use super::step::Done;
use crate::{
    purity, setup, shape,
    shell::{Shell, run, succeeds},
};

pub(super) fn fmt(shell: &Shell) -> Result<Done> {
    setup::component(shell, "rustfmt", "rustfmt")?;
    run(&mut shell.cargo(["fmt", "--all", "--check"]))?;
    Ok(Done::Passed)
}

pub(super) fn purity(shell: &Shell) -> Result<Done> {
    purity::check(shell)?;
    Ok(Done::Passed)
}

pub(super) fn shape(shell: &Shell) -> Result<Done> {
    shape::check(shell)?;
    Ok(Done::Passed)
}

/// Bans, licences and sources need only the lock file; advisories need their database.
pub(super) fn deny(shell: &Shell) -> Result<Done> {
    if !setup::has_deny(shell) {
        return Ok(Done::Skipped(format!("cargo-deny is {}", setup::DENY)));
    }
    let deny = |args: &[&str]| {
        let mut command = shell.cargo(["deny", "--config", ".cargo/deny.toml"]);
        command.args(args);
        command
    };
    run(&mut deny(&["check", "bans", "licenses", "sources"]))?;
    if !succeeds(&mut deny(&["fetch", "db"])) {
        return Ok(Done::Skipped(
            "only the advisories: their database cannot be reached; all other checks passed".to_owned(),
        ));
    }
    run(&mut deny(&["check", "advisories"]))?;
    Ok(Done::Passed)
}
