//! `cargo xtask test`: the steps that prove a change, in the order in which they fail fastest. Every step can be run
//! alone by its name. A step that this machine cannot run is skipped aloud, by name, with what would make it run.
//!
//! All of them together are more than a sequence, see [`Place`]: there are tests that wait, and there is much to compile.

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

/// A step: its name on the command line, what it proves, its place among all, how.
struct Step {
    name: &'static str,
    about: &'static str,
    place: Place,
    run: fn(&Shell) -> Result<Done>,
}

/// When a step runs among all. Steps that are named run one after the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// One after the other, before everything else.
    First,
    /// One after the other, when those have been, behind everything else: they take the processor when nothing else wants it.
    Behind,
    /// One after the other.
    Then,
    /// The same, with programs in Go on the other side.
    Others,
    /// At the end, side by side: they wait more than they work.
    Last,
}

use Place::{Behind, First, Last, Others, Then};

const STEPS: [Step; 17] = [
    Step { name: "fmt", about: "Rust is formatted", place: First, run: fmt },
    Step { name: "purity", about: "the core keeps its rules", place: First, run: purity },
    Step { name: "deny", about: "licences, sources and advisories of all dependencies", place: First, run: deny },
    Step { name: "page", about: "the wasm package and the page build", place: First, run: page },
    Step { name: "npm", about: "TypeScript is typed; the npm package's tests", place: First, run: npm },
    Step { name: "build", about: "all crates and their tests build", place: First, run: build },
    Step { name: "clippy", about: "clippy, all crates, all targets", place: First, run: clippy },
    Step {
        name: "clippy-wasm",
        about: "clippy, core and wasm as the browser builds them, the core without libp2p too",
        place: Behind,
        run: clippy_wasm,
    },
    Step {
        name: "wasm",
        about: "the core's tests, the browser body's, and two whole Drivers, on wasm32 under Node",
        place: Behind,
        run: wasm,
    },
    Step { name: "rust", about: "all crates' tests", place: Then, run: rust },
    Step { name: "browser", about: "the page in Chromium, against a daemon", place: Then, run: browser },
    Step {
        name: "libp2p",
        about: "every transport against go-libp2p, js-libp2p and Petrel",
        place: Others,
        run: libp2p,
    },
    Step {
        name: "promtool",
        about: "Prometheus's own judgement of the metrics, and a server that scrapes them",
        place: Last,
        run: promtool,
    },
    Step { name: "op-node", about: "op-node's own gossip on the other side", place: Last, run: op_node },
    Step {
        name: "network",
        about: "connections that break come back, in a network of its own",
        place: Last,
        run: network,
    },
    Step { name: "sync", about: "missed blocks from op-node and by op-node", place: Last, run: sync },
    Step {
        name: "devnet",
        about: "a whole OP Stack network on loopback, through every fork",
        place: Last,
        run: devnet,
    },
];

/// Tests that steps of their own run. They are compiled with all others, and not beside tests that wait.
const APART: [&str; 5] = ["namespace", "interop-op-node", "interop-libp2p", "interop-sync", "interop-devnet"];

/// All crates, their programs, examples and tests.
const BUILD: [&str; 3] = ["test", "--workspace", "--no-run"];

const LINT: [&str; 4] = ["fmt", "purity", "clippy", "clippy-wasm"];

const WASM: &str = "wasm32-unknown-unknown";

/// The tests on wasm32. One selection, or libp2p is built twice, with other features.
const WASM_TESTS: [&str; 10] = [
    "--target",
    WASM,
    "--lib",
    "--test",
    "core",
    "--test",
    "drivers",
    "--package=petrel-core",
    "--package=petrel-wasm",
    "--package=petrel-tests",
];

/// The core as whoever needs neither libp2p nor presets builds it.
const CORE_ALONE: [&str; 6] = ["--target", WASM, "--package", "petrel-core", "--no-default-features", "--lib"];

const PASSED: &str = "passed";
const SKIPPED: &str = "SKIPPED";

/// Runs the named steps, or all.
pub(crate) fn test(shell: &Shell, names: &[String]) -> Result<()> {
    if names.is_empty() {
        return everything(shell);
    }
    for name in names {
        let known = STEPS.iter().map(|step| step.name).collect::<Vec<_>>().join(" ");
        ensure!(STEPS.iter().any(|step| step.name == name), "there is no step {name:?}; the steps are: {known}");
    }
    one_by_one(shell, |step| names.iter().any(|name| step.name == name)).map(drop)
}

/// Runs the steps that run no tests. Clippy reads the daemon, and the daemon embeds the page.
pub(crate) fn lint(shell: &Shell) -> Result<()> {
    one_by_one(shell, |step| LINT.contains(&step.name)).map(drop)
}

/// Runs all steps, each in its place. Two cores have their work from the beginning to the end: what compiles long is
/// compiled while tests wait.
fn everything(shell: &Shell) -> Result<()> {
    let start = Instant::now();
    let at = |place| move |step: &Step| step.place == place;
    // Where they cannot be compiled now, their steps do it, or say why not.
    let others = setup::go(shell).is_ok().then(|| Beside::start_behind(shell, &["interop", "build"]).ok()).flatten();
    let mut report = one_by_one(shell, at(First))?;
    let behind: Vec<&str> = STEPS.iter().filter(|step| step.place == Behind).map(|step| step.name).collect();
    let behind = Beside::start_behind(shell, &[&["test"], &*behind].concat())?;
    report.extend(one_by_one(shell, at(Then))?);
    if let Some(others) = others {
        println!("\n== the other sides, compiled meanwhile");
        others.end()?;
    }
    report.extend(one_by_one(shell, at(Others))?);
    // Not beside tests that wait. Where it cannot be had its step says so.
    let _ = setup::prometheus(shell);
    report.extend(side_by_side(shell, at(Last))?);
    report.extend(ended(behind)?);
    println!("\n{}\nno step failed; {} in all", report.join("\n"), time(start.elapsed()));
    Ok(())
}

/// Runs these steps; their lines in the report.
fn one_by_one(shell: &Shell, chosen: impl Fn(&Step) -> bool) -> Result<Vec<String>> {
    STEPS.iter().filter(|step| chosen(step)).map(|step| one(shell, step)).collect()
}

/// Runs these steps at once; their lines in the report. What each has printed is shown when all before it have ended.
fn side_by_side(shell: &Shell, chosen: impl Fn(&Step) -> bool) -> Result<Vec<String>> {
    let chosen = STEPS.iter().filter(|step| chosen(step));
    let running: Vec<Beside> = chosen.map(|step| Beside::start(shell, &["test", step.name])).collect::<Result<_>>()?;
    let lines: Vec<Result<Vec<String>>> = running.into_iter().map(ended).collect();
    Ok(lines.into_iter().collect::<Result<Vec<_>>>()?.concat())
}

/// Waits for steps that run beside these; their lines in the report.
fn ended(steps: Beside) -> Result<Vec<String>> {
    let output = steps.end()?;
    let lines = output.lines().filter_map(|line| line.strip_prefix("== "));
    Ok(lines.filter(|line| [PASSED, SKIPPED].iter().any(|word| line.starts_with(word))).map(str::to_owned).collect())
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

/// Clippy of what `cargo test` with these words compiles. It takes the place of the compiler for this workspace's crates
/// alone, as in `cargo clippy`, but of a build and not of a check: so the dependencies are the very ones that the tests are
/// built with, and are not compiled for clippy once more, which would take longer than all else that it does.
fn lints(shell: &Shell, words: &[&str]) -> Command {
    // Nobody is to run what comes of it.
    let cheap = ["profile.dev.package.petrel-core.opt-level=0", "profile.dev.debug=false"];
    let mut command = shell.cargo(cheap.iter().flat_map(|setting| ["--config", setting]));
    command.args(["test", "--no-run"]).args(words);
    command.env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver").env("CLIPPY_ARGS", "-Dwarnings__CLIPPY_HACKERY__");
    command
}

fn clippy(shell: &Shell) -> Result<Done> {
    www::ensure_built(shell)?;
    // `--all-targets`, and `--tests` too, would leave out the tests that `cargo test` does not run by itself. The two
    // patterns are all names but `fuzz`, which is compiled for a fuzzer alone.
    let everything =
        ["--workspace", "--lib", "--bins", "--examples", "--benches", "--test", "[!f]*", "--test", "f[!u]*"];
    // The build comes last: whoever starts a program from the target folder gets the one that it has made.
    all([lints(shell, &everything), shell.cargo(BUILD)])
}

fn clippy_wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    all([
        // The tests read presets.
        lints(shell, &[&CORE_ALONE[..], &["--features", "presets", "--test", "core"]].concat()),
        lints(shell, &CORE_ALONE),
        lints(shell, &WASM_TESTS),
    ])
}

fn build(shell: &Shell) -> Result<Done> {
    www::ensure_built(shell)?;
    let mut apart = BUILD.to_vec();
    apart.extend(APART.iter().flat_map(|name| ["--test", name]));
    all([shell.cargo(BUILD), shell.cargo(apart)])
}

/// The names in the output of `cargo test -- --list`, of either harness.
fn names(command: &mut Command) -> Result<BTreeSet<String>> {
    Ok(read(command)?.lines().filter_map(|line| line.trim().strip_suffix(": test").map(str::to_owned)).collect())
}

/// wasm32 must run what the host runs: a test of the core that is not made for both would be silently missing there.
fn wasm(shell: &Shell) -> Result<Done> {
    setup::wasm(shell)?;
    setup::node(shell)?;
    let test = || shell.cargo(["test"].iter().chain(&WASM_TESTS));
    run(&mut test())?;
    let node = names(test().args(["--", "--list"]))?;
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
    let test = ["test", "--workspace", "--test", "programs", "--test", "native"];
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
    run(&mut shell.cargo(BUILD))?;
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
    let build = ["test", "--workspace", "--test", "namespace", "--test", "native", "--no-run"];
    run(&mut shell.cargo(build))?;
    let mut alone = interop::alone(shell, interop::built_test(&mut shell.cargo(build), "petrel-tests")?)?;
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
