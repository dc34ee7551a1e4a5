//! `cargo xtask test`: the steps that prove a change, in the order in which they fail fastest. Every step can be run
//! alone by its name. A step that this machine cannot run is skipped aloud, by name, with what would make it run.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    interop, purity, setup,
    shell::{Shell, read, run, succeeds},
    www,
};

/// What became of a step that did not fail.
enum Done {
    Passed,
    /// Not run; why, and the remedy.
    Skipped(String),
}

/// A step: its name on the command line, what it proves, how.
struct Step {
    name: &'static str,
    about: &'static str,
    run: fn(&Shell) -> Result<Done>,
}

const STEPS: [Step; 18] = [
    Step { name: "fmt", about: "Rust is formatted", run: fmt },
    Step { name: "purity", about: "the core keeps its rules", run: purity },
    Step { name: "deny", about: "licences, sources and advisories of all dependencies", run: deny },
    Step { name: "page", about: "the wasm package and the page build", run: page },
    Step { name: "npm", about: "TypeScript is typed; the npm package's tests", run: npm },
    Step { name: "clippy", about: "clippy, all crates, all targets", run: clippy },
    Step { name: "clippy-wasm", about: "clippy, core and wasm as the browser builds them", run: clippy_wasm },
    Step { name: "core", about: "the core's tests without libp2p", run: core },
    Step { name: "core-wasm", about: "the same tests on wasm32 under Node", run: core_wasm },
    Step {
        name: "wasm",
        about: "the browser body's tests, the core's with libp2p, and two whole Drivers, on wasm32 under Node",
        run: wasm,
    },
    Step { name: "rust", about: "all crates' tests", run: rust },
    Step {
        name: "promtool",
        about: "Prometheus's own judgement of the metrics, and a server that scrapes them",
        run: promtool,
    },
    Step { name: "browser", about: "the page in Chromium, against a daemon", run: browser },
    Step { name: "network", about: "connections that break come back, in a network of its own", run: network },
    Step { name: "op-node", about: "op-node's own gossip on the other side", run: op_node },
    Step { name: "libp2p", about: "every transport against go-libp2p, js-libp2p and Petrel", run: libp2p },
    Step { name: "sync", about: "missed blocks from op-node and by op-node", run: sync },
    Step { name: "devnet", about: "a whole OP Stack network on loopback, through every fork", run: devnet },
];

const LINT: [&str; 4] = ["fmt", "purity", "clippy", "clippy-wasm"];

const WASM: &str = "wasm32-unknown-unknown";

/// Runs the named steps, or all.
pub(crate) fn test(shell: &Shell, names: &[String]) -> Result<()> {
    for name in names {
        let known = STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(" ");
        ensure!(STEPS.iter().any(|step| step.name == name), "there is no step {name:?}; the steps are: {known}");
    }
    through(shell, |step| names.is_empty() || names.iter().any(|name| step.name == name))
}

/// Runs the steps that run no tests. Clippy reads the daemon, and the daemon embeds the page.
pub(crate) fn lint(shell: &Shell) -> Result<()> {
    through(shell, |step| LINT.contains(&step.name))
}

fn through(shell: &Shell, chosen: impl Fn(&Step) -> bool) -> Result<()> {
    let start = Instant::now();
    let mut report = Vec::new();
    for step in STEPS.iter().filter(|step| chosen(step)) {
        println!("\n== {}: {}", step.name, step.about);
        let begin = Instant::now();
        let done = (step.run)(shell)
            .with_context(|| format!("step `{0}` failed; run it alone with `cargo xtask test {0}`", step.name))?;
        let line = match done {
            Done::Passed => format!("passed   {:>8}  {}", time(begin.elapsed()), step.name),
            Done::Skipped(why) => format!("SKIPPED  {:>8}  {}: {why}", "", step.name),
        };
        println!("== {line}");
        report.push(line);
    }
    println!("\n{}\nno step failed; {} in all", report.join("\n"), time(start.elapsed()));
    Ok(())
}

fn time(spent: Duration) -> String {
    format!("{}:{:02} min", spent.as_secs() / 60, spent.as_secs() % 60)
}

/// Runs all commands of a step.
fn all(commands: impl IntoIterator<Item = Command>) -> Result<Done> {
    commands.into_iter().try_for_each(|mut command| run(&mut command))?;
    Ok(Done::Passed)
}

fn fmt(shell: &Shell) -> Result<Done> {
    all([shell.cargo(["fmt", "--all", "--check"])])
}

fn purity(shell: &Shell) -> Result<Done> {
    purity::check(shell)?;
    Ok(Done::Passed)
}

/// Bans, licences and sources need nothing but the lock file; advisories need their database.
fn deny(shell: &Shell) -> Result<Done> {
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
        return Ok(Done::Skipped("the advisories alone: their database cannot be reached; all else passed".to_owned()));
    }
    all([deny(&["check", "advisories"])])
}

fn page(shell: &Shell) -> Result<Done> {
    www::build(shell)?;
    Ok(Done::Passed)
}

fn npm(shell: &Shell) -> Result<Done> {
    www::ensure_built(shell)?;
    all([shell.npm(["run", "check"]), shell.npm(["test"])])
}

fn clippy(shell: &Shell) -> Result<Done> {
    www::ensure_built(shell)?;
    all([shell.cargo(["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"])])
}

fn clippy_wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    let clippy = |more: &[&str]| {
        let mut command = shell.cargo(["clippy", "--target", WASM]);
        command.args(more).args(["--", "-D", "warnings"]);
        command
    };
    all([
        clippy(&["--package", "petrel-core", "--no-default-features"]),
        clippy(&["--package", "petrel-core", "--package", "petrel-wasm"]),
    ])
}

/// The core as the browser and the daemon share it, without libp2p.
const PURE: [&str; 4] = ["test", "--package", "petrel-core", "--no-default-features"];

fn core(shell: &Shell) -> Result<Done> {
    all([shell.cargo(PURE)])
}

/// wasm32 must run what the host runs: a test that is not made for both would be silently missing there.
fn core_wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    setup::node(shell)?;
    let on_wasm = ["--target", WASM, "--tests"];
    run(shell.cargo(PURE).args(on_wasm))?;
    let host = names(shell.cargo(PURE).args(["--tests", "--", "--list"]))?;
    let node = names(shell.cargo(PURE).args(on_wasm).args(["--", "--list"]))?;
    let missing: Vec<&str> = host.difference(&node).map(String::as_str).collect();
    ensure!(
        missing.is_empty(),
        "these tests do not run on wasm32; see .xtask/test-anywhere/src/lib.rs:\n{}",
        missing.join("\n"),
    );
    ensure!(!node.is_empty(), "there are no tests");
    println!("{} tests ran on wasm32, all that the host has", node.len());
    Ok(Done::Passed)
}

/// The names in the output of `cargo test -- --list`, of either harness.
fn names(command: &mut Command) -> Result<BTreeSet<String>> {
    Ok(read(command)?.lines().filter_map(|line| line.trim().strip_suffix(": test").map(str::to_owned)).collect())
}

fn wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    setup::node(shell)?;
    let on_wasm = |args: &[&str]| {
        let mut command = shell.cargo(["test", "--target", WASM]);
        command.args(args);
        command
    };
    all([
        on_wasm(&["--package", "petrel-core", "--package", "petrel-wasm", "--tests"]),
        on_wasm(&["--package", "petrel-tests", "--test", "drivers"]),
    ])
}

fn rust(shell: &Shell) -> Result<Done> {
    www::ensure_built(shell)?;
    all([shell.cargo(["test", "--workspace"])])
}

/// What promtool says of the metrics, and what a Prometheus that scrapes them has.
fn promtool(shell: &Shell) -> Result<Done> {
    if let Err(error) = setup::prometheus(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    let test = ["test", "--workspace", "--test", "program"];
    let named = |name: &str| {
        let mut command = shell.cargo(test);
        command.args([name, "--", "--ignored"]);
        command
    };
    all([named("promtool"), named("prometheus")])
}

fn browser(shell: &Shell) -> Result<Done> {
    let chromium = match setup::chromium(shell) {
        Ok(chromium) => chromium,
        Err(error) => return Ok(Done::Skipped(format!("{error:#}"))),
    };
    www::ensure_built(shell)?;
    run(shell.cargo(interop::DEBUG).args(["--example", "hostile_relay"]))?;
    let mut test = shell.npm(["run", "test:page"]);
    let debug = shell.target().join("debug");
    test.env("PETREL_CHROMIUM", chromium)
        .env("PETREL_BIN", debug.join("petrel"))
        .env("PETREL_HOSTILE_RELAY", debug.join("examples/hostile_relay"));
    all([test])
}

fn network(shell: &Shell) -> Result<Done> {
    if let Err(error) = interop::can_be_alone(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    www::ensure_built(shell)?;
    let build = ["test", "--workspace", "--test", "network", "--no-run"];
    run(&mut shell.cargo(build))?;
    let mut alone = interop::alone(shell, interop::built_test(&mut shell.cargo(build))?)?;
    alone.arg("--test-threads=1").env("PETREL_NAMESPACE", "1");
    all([alone])
}

fn op_node(shell: &Shell) -> Result<Done> {
    if let Err(error) = setup::go(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    interop::op_node(shell)?;
    Ok(Done::Passed)
}

fn libp2p(shell: &Shell) -> Result<Done> {
    if let Err(error) = interop::can_libp2p(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    interop::libp2p(shell)?;
    Ok(Done::Passed)
}

fn sync(shell: &Shell) -> Result<Done> {
    if let Err(error) = setup::go(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    interop::sync(shell)?;
    Ok(Done::Passed)
}

fn devnet(shell: &Shell) -> Result<Done> {
    if let Err(error) = interop::can_devnet(shell) {
        return Ok(Done::Skipped(format!("{error:#}")));
    }
    interop::devnet(shell)?;
    Ok(Done::Passed)
}
