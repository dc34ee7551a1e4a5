//! `cargo xtask prove` and `cargo xtask bench`: what takes too long for every change.

use std::time::Instant;

use anyhow::Result;

use crate::{
    shell::{Shell, run},
    www,
};

/// Cases of each property, where `cargo xtask test` is content with 256.
const CASES: &str = "50000";

/// The tests marked `#[ignore]` and the properties with many more cases, in release, then the bench.
pub(crate) fn prove(shell: &Shell) -> Result<()> {
    let start = Instant::now();
    www::build(shell)?;
    run(&mut shell.cargo(["test", "--workspace", "--release", "--", "--ignored"]))?;
    let properties = ["test", "--package", "petrel-tests", "--release", "--test", "oracle"];
    run(shell.cargo(properties).env("PROPTEST_CASES", CASES))?;
    bench(shell, &[])?;
    println!("\nproved in {} min", start.elapsed().as_secs().div_ceil(60));
    Ok(())
}

/// The bench `validate`; `args` go to criterion (a filter, `--quick`, …).
pub(crate) fn bench(shell: &Shell, args: &[String]) -> Result<()> {
    run(shell.cargo(["bench", "--package", "petrel-tests", "--bench", "validate", "--"]).args(args))
}
