//! The page and the npm package, under Node.

use anyhow::Result;

use super::step::Done;
use crate::{
    shell::{Shell, run},
    www,
};

pub(super) fn page(shell: &Shell) -> Result<Done> {
    www::build_for_tests(shell)?;
    Ok(Done::Passed)
}

pub(super) fn npm(shell: &Shell) -> Result<Done> {
    run(&mut www::npm_for_tests(shell, &["run", "check"]))?;
    run(&mut www::npm_for_tests(shell, &["test"]))?;
    Ok(Done::Passed)
}
