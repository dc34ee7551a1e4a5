//! Steps that need more than Rust and Node: Chromium, Go, Prometheus, a network namespace.

use anyhow::Result;

use super::step::Done;
use crate::{
    compile, interop, setup,
    shell::{Shell, run},
    www,
};

/// Runs a step, or skips it because of this error.
fn unless(lacks: Result<()>, step: impl FnOnce() -> Result<()>) -> Result<Done> {
    match lacks {
        Err(error) => Ok(Done::Skipped(format!("{error:#}"))),
        Ok(()) => step().map(|()| Done::Passed),
    }
}

pub(super) fn go(shell: &Shell) -> Result<Done> {
    unless(setup::go(shell), || interop::build(shell))
}

pub(super) fn op_node(shell: &Shell) -> Result<Done> {
    unless(setup::go(shell), || interop::op_node(shell))
}

pub(super) fn libp2p(shell: &Shell) -> Result<Done> {
    unless(interop::can_libp2p(shell), || interop::libp2p(shell))
}

pub(super) fn sync(shell: &Shell) -> Result<Done> {
    unless(setup::go(shell), || interop::sync(shell))
}

pub(super) fn devnet(shell: &Shell) -> Result<Done> {
    unless(interop::can_devnet(shell), || interop::devnet(shell))
}

/// promtool's checks of the metrics, and a Prometheus that scrapes them.
pub(super) fn promtool(shell: &Shell) -> Result<Done> {
    unless(setup::prometheus(shell), || {
        let petrel = compile::petrel(shell)?;
        let programs = compile::test(shell, "programs")?;
        ["promtool", "prometheus"].iter().try_for_each(|name| {
            let mut test = shell.command(&programs.program, [name, "--ignored"]);
            run(test.current_dir(&programs.folder).env("PETREL_BIN", &petrel))
        })
    })
}

pub(super) fn browser(shell: &Shell) -> Result<Done> {
    let chromium = match setup::chromium(shell) {
        Ok(chromium) => chromium,
        Err(error) => return Ok(Done::Skipped(format!("{error:#}"))),
    };
    let firefox = setup::firefox(shell);
    www::build_for_tests(shell)?;
    run(&mut compile::debug(shell, ["--no-run"]))?;
    let mut test = www::npm_for_tests(shell, &["run", "test:page"]);
    match firefox {
        Ok(firefox) => test.env("PETREL_FIREFOX", firefox),
        Err(error) => {
            eprintln!("the tests in Firefox are left out: {error:#}");
            test.env_remove("PETREL_FIREFOX")
        }
    };
    let debug = shell.target().join("debug");
    test.env("PETREL_CHROMIUM", chromium)
        .env("PETREL_BIN", debug.join("petrel"))
        .env("PETREL_HOSTILE_RELAY", debug.join("examples/hostile_relay"));
    run(&mut test)?;
    Ok(Done::Passed)
}

pub(super) fn network(shell: &Shell) -> Result<Done> {
    unless(interop::can_make_namespace(shell), || {
        let petrel = compile::petrel(shell)?;
        let test = compile::test(shell, "namespace")?;
        let mut command = interop::in_namespace(shell, test.program)?;
        command.arg("--test-threads=1").env("PETREL_NAMESPACE", "1").env("PETREL_BIN", petrel);
        run(&mut command)
    })
}
