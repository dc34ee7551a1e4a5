//! `cargo xtask test`: the steps that prove a change, in the order in which they fail fastest. Every step can be run
//! alone by its name. A step that this machine cannot run is skipped aloud, by name, with what would make it run.
//!
//! The last steps wait more than they work: they run side by side (`beside`), after what they need has been built.

use std::{
    collections::BTreeSet,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    beside::Beside,
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

const STEPS: [Step; 16] = [
    Step { name: "fmt", about: "Rust is formatted", run: fmt },
    Step { name: "purity", about: "the core keeps its rules", run: purity },
    Step { name: "deny", about: "licences, sources and advisories of all dependencies", run: deny },
    Step { name: "page", about: "the wasm package and the page build", run: page },
    Step { name: "npm", about: "TypeScript is typed; the npm package's tests", run: npm },
    Step { name: "clippy", about: "clippy, all crates, all targets", run: clippy },
    Step {
        name: "clippy-wasm",
        about: "clippy, core and wasm as the browser builds them, the core without libp2p too",
        run: clippy_wasm,
    },
    Step { name: "rust", about: "all crates' tests", run: rust },
    Step {
        name: "wasm",
        about: "the core's tests, the browser body's, and two whole Drivers, on wasm32 under Node",
        run: wasm,
    },
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

/// The steps that run side by side.
const WAITING: [&str; 3] = ["network", "sync", "devnet"];

/// The steps with programs in Go on the other side.
const OTHERS: [&str; 4] = ["op-node", "libp2p", "sync", "devnet"];

const PASSED: &str = "passed";
const SKIPPED: &str = "SKIPPED";

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
    let (waiting, working): (Vec<&Step>, Vec<&Step>) =
        STEPS.iter().filter(|step| chosen(step)).partition(|step| WAITING.contains(&step.name));
    let mut others = compile_others(shell, working.iter().chain(&waiting).map(|step| step.name).collect());
    let mut report = Vec::new();
    for step in working {
        if OTHERS.contains(&step.name) {
            others.take().map_or(Ok(()), compiled)?;
        }
        report.push(one(shell, step)?);
    }
    others.map_or(Ok(()), compiled)?;
    report.extend(if let [step] = waiting[..] { vec![one(shell, step)?] } else { side_by_side(shell, &waiting)? });
    if report.len() > 1 {
        println!("\n{}\nno step failed; {} in all", report.join("\n"), time(start.elapsed()));
    }
    Ok(())
}

/// Begins what such steps need early, behind the steps before them. Where that cannot be done they do it themselves.
fn compile_others(shell: &Shell, names: Vec<&str>) -> Option<Beside> {
    let early = names.first().is_some_and(|first| !OTHERS.contains(first));
    let wanted = early && names.iter().any(|name| OTHERS.contains(name)) && setup::go(shell).is_ok();
    wanted.then(|| Beside::start_behind(shell, &["interop", "build"]).ok()).flatten()
}

fn compiled(others: Beside) -> Result<()> {
    println!("\n== the other sides, compiled meanwhile");
    others.end().map(drop)
}

/// Runs a step; its line in the report.
fn one(shell: &Shell, step: &Step) -> Result<String> {
    println!("\n== {}: {}", step.name, step.about);
    let begin = Instant::now();
    let done = (step.run)(shell)
        .with_context(|| format!("step `{0}` failed; run it alone with `cargo xtask test {0}`", step.name))?;
    let line = match done {
        Done::Passed => format!("{PASSED}   {:>8}  {}", time(begin.elapsed()), step.name),
        Done::Skipped(why) => format!("{SKIPPED}  {:>8}  {}: {why}", "", step.name),
    };
    println!("== {line}");
    Ok(line)
}

/// Runs these steps at once; their lines in the report. What each has printed is shown when all before it have ended.
fn side_by_side(shell: &Shell, steps: &[&Step]) -> Result<Vec<String>> {
    let start = |step: &&Step| Beside::start(shell, &["test", step.name]);
    let running = steps.iter().map(start).collect::<Result<Vec<_>>>()?;
    let ended: Vec<Result<String>> = running.into_iter().map(Beside::end).collect();
    let line = |output: String| {
        let line = output.lines().rev().filter_map(|line| line.strip_prefix("== "));
        line.into_iter().find(|line| line.starts_with(PASSED) || line.starts_with(SKIPPED)).map(str::to_owned)
    };
    ended.into_iter().map(|output| line(output?).context("a step has not said how it ended")).collect()
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
    // `--all-targets` leaves out tests that `cargo test` does not run by itself.
    all([shell.cargo(["clippy", "--workspace", "--all-targets", "--test", "*", "--", "-D", "warnings"])])
}

fn clippy_wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    let clippy = |more: &[&str]| {
        let mut command = shell.cargo(["clippy", "--target", WASM]);
        command.args(more).args(["--", "-D", "warnings"]);
        command
    };
    all([
        clippy(&["--package", "petrel-core", "--no-default-features", "--all-targets"]),
        clippy(&["--package", "petrel-core", "--package", "petrel-wasm"]),
    ])
}

/// The names in the output of `cargo test -- --list`, of either harness.
fn names(command: &mut Command) -> Result<BTreeSet<String>> {
    Ok(read(command)?.lines().filter_map(|line| line.trim().strip_suffix(": test").map(str::to_owned)).collect())
}

/// wasm32 must run what the host runs: a test of the core that is not made for both would be silently missing there.
fn wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    setup::node(shell)?;
    // One selection, or libp2p is built twice, with other features.
    let test = || shell.cargo(["test", "--target", WASM, "--lib", "--test", "core", "--test", "drivers"]);
    let packages = ["petrel-core", "petrel-wasm", "petrel-tests"].map(|name| format!("--package={name}"));
    run(test().args(&packages))?;
    let node = names(test().args(&packages).args(["--", "--list"]))?;
    let built = ["test", "--workspace", "--lib", "--test", "core", "--no-run"];
    let built = interop::built_tests(&mut shell.cargo(built), "petrel-core")?;
    let host = built.iter().map(|test| names(&mut shell.command(test, ["--list"]))).collect::<Result<Vec<_>>>()?;
    // Nobody dials a tab back.
    let host: BTreeSet<String> = host.into_iter().flatten().filter(|name| !name.contains("::dialback::")).collect();
    ensure!(!host.is_empty(), "there are no tests");
    let missing: Vec<&str> = host.difference(&node).map(String::as_str).collect();
    ensure!(
        missing.is_empty(),
        "these tests do not run on wasm32; see .xtask/test-anywhere/src/lib.rs:\n{}",
        missing.join("\n"),
    );
    println!("{} tests ran on wasm32, all that the host has of the core's among them", node.len());
    Ok(Done::Passed)
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
    let mut alone = interop::alone(shell, interop::built_test(&mut shell.cargo(build), "petrel-node")?)?;
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
