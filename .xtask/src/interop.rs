//! `cargo xtask interop NAME`: Petrel against programs written by others, built here from their own sources. All that is
//! downloaded and built stays in `target/interop`.

use std::{path::PathBuf, process::Command};

use anyhow::{Context as _, Result, bail};

use crate::{
    setup,
    shell::{Shell, run},
    www,
};

/// Runs one of them; what this machine lacks for it is an error that says what to install.
pub(crate) fn interop(shell: &Shell, args: &[String]) -> Result<()> {
    match args {
        [name] if name == "op-node" => op_node(shell),
        _ => bail!("expected one name: cargo xtask interop op-node"),
    }
}

/// op-node's gossip package on the other side: blocks both ways, then a table of spoilt messages and both verdicts.
pub(crate) fn op_node(shell: &Shell) -> Result<()> {
    setup::go(shell)?;
    if !shell.www().join("dist/page/index.html").is_file() {
        www::build(shell)?;
    }
    let peer = go_build(shell, "peer", ".")?;
    run(&mut shell.cargo(["build", "--package", "petrel-node", "--bin", "petrel"]))?;
    let mut test = shell.cargo(["test", "--package", "petrel-tests", "--test", "interop-op-node"]);
    test.env("PETREL_INTEROP_PEER", peer).env("PETREL_BIN", shell.target().join("debug/petrel"));
    run(&mut test)
}

/// Builds one program of the Go module `tests/interop/op-node`.
fn go_build(shell: &Shell, name: &str, package: &str) -> Result<PathBuf> {
    let here = shell.target().join("interop");
    let program = here.join("bin").join(name);
    let mut go = Command::new("go");
    go.current_dir(shell.root().join("tests/interop/op-node"))
        .env("GOCACHE", here.join("go-build"))
        .env("GOMODCACHE", here.join("go-mod"))
        // Else the module cache is read-only and `cargo clean` cannot remove it.
        .env("GOFLAGS", "-modcacherw -buildvcs=false")
        .args(["build", "-o"])
        .arg(&program)
        .arg(package);
    run(&mut go).with_context(|| format!("{name} does not build"))?;
    Ok(program)
}
