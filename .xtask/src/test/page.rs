//! The page and the npm package, under Node.

use anyhow::Result;

use super::Done;
use crate::{
    shell::{Shell, run},
    www,
};

pub(super) fn page(shell: &Shell) -> Result<Done> {
    www::build(shell)?;
    Ok(Done::Passed)
}

pub(super) fn npm(shell: &Shell) -> Result<Done> {
    run(&mut shell.npm(["run", "check"]))?;
    run(&mut shell.npm(["test"]))?;
    Ok(Done::Passed)
}
