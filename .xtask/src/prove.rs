//! `cargo xtask prove` and `cargo xtask bench`: tests and benches that take too long for every change. All except the core without
//! libp2p select the whole workspace, so that nothing is built twice with other features.

use std::{fs, path::PathBuf, time::Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    compile, fuzz, interop, setup,
    shell::{Shell, run},
    wasm, www,
};

/// Cases of each property; `cargo xtask test` runs 256.
const CASES: &str = "50000";

/// Seconds of random inputs for one node: an hour.
const NODE_FUZZ: &str = "3600";

/// Number of browsers on one relay.
const LEAVES: &str = "500";

/// The tests marked `#[ignore]`, the properties with many more cases, the core's tests without libp2p, in release; then the
/// benches, the flood, the crashes, the leaves, the fuzzers and the soak. With `soak` only the soak.
pub(crate) fn prove(shell: &Shell, args: &[String]) -> Result<()> {
    if let Some(("soak", rest)) = args.split_first().map(|(first, rest)| (first.as_str(), rest)) {
        return soak(shell, rest);
    }
    ensure!(args.is_empty(), "expected nothing, or `soak --minutes N`");
    let start = Instant::now();
    www::build(shell)?;
    run(&mut shell.cargo(["test", "--workspace", "--release", "--", "--ignored"]))?;
    let properties = ["test", "--workspace", "--release", "--test", "rules"];
    run(shell.cargo(properties).env("PROPTEST_CASES", CASES))?;
    run(&mut shell.cargo(["test", "--package", "petrel-core", "--no-default-features", "--release"]))?;
    bench(shell, &[])?;
    relay(shell, &[])?;
    relay(shell, &["--leaves", LEAVES].map(str::to_owned))?;
    relay(shell, &["--leaves", LEAVES, "--block-time", "200ms", "--block-bytes", "10kB"].map(str::to_owned))?;
    sync(shell)?;
    browser(shell)?;
    flood(shell, &[])?;
    crash(shell, &[])?;
    leaves(shell, &[])?;
    leaves(shell, &["--restart".to_owned(), "100".to_owned()])?;
    fuzz(shell, &[])?;
    node_fuzz(shell, &["--seconds".to_owned(), NODE_FUZZ.to_owned()])?;
    soak(shell, &[])?;
    println!("\nproved in {} min", start.elapsed().as_secs().div_ceil(60));
    Ok(())
}

/// `relay`, `sync`, `browser`, or the bench `validate`, whose `args` go to criterion (a filter, `--quick`, …).
pub(crate) fn bench(shell: &Shell, args: &[String]) -> Result<()> {
    if args.first().is_some_and(|word| word == "relay") {
        return relay(shell, &args[1..]);
    }
    if args.first().is_some_and(|word| word == "sync") {
        return sync(shell);
    }
    if args.first().is_some_and(|word| word == "browser") {
        return browser(shell);
    }
    run(shell.cargo(["bench", "--workspace", "--bench", "validate", "--"]).args(args))
}

/// The cost of a follower in Chromium, compared with native code and with JavaScript.
fn browser(shell: &Shell) -> Result<()> {
    setup::node(shell)?;
    let chromium = setup::chromium(shell)?;
    www::build(shell)?;
    let folder = shell.target().join("bench-browser");
    fs::create_dir_all(&folder).context("cannot write to the target folder")?;
    wasm::build_for_bench(shell, &folder.join("wasm"))?;
    run(shell.npm(["run", "build", "--workspace", "bench"]).env("PETREL_BENCH", &folder))?;
    run(&mut shell.cargo(["build", "--release", "--workspace", "--bin", "petrel", "--example", "browser_bench"]))?;
    let release = shell.target().join("release");
    let feed = release.join("examples/browser_bench");
    run(shell.command(&feed, ["samples"]).arg(&folder))?;
    let mut node = shell.command("node", [shell.www().join("bench/run.js")]);
    node.env("PETREL_BENCH", &folder)
        .env("PETREL_BENCH_FEED", feed)
        .env("PETREL_BIN", release.join("petrel"))
        .env("PETREL_CHROMIUM", chromium);
    run(&mut node)
}

/// The cost of relaying, compared with plain libp2p; with any of the flags, the cost of relaying such blocks to browsers.
/// `--leaves N`: number of browsers; `--seconds N`: duration; `--block-time DURATION`: block interval, in Go's format; with `200ms`
/// the chain is like Base with Denim active from its start; `--block-bytes SIZE`: bytes of a block, uncompressed.
fn relay(shell: &Shell, args: &[String]) -> Result<()> {
    if !args.is_empty() {
        let usual = [("--leaves", LEAVES), ("--seconds", "60"), ("--block-time", "1s"), ("--block-bytes", "100kB")];
        let [leaves, seconds, interval, bytes] = words(args, usual)?;
        parsed("--leaves", &leaves)?;
        parsed("--seconds", &seconds)?;
        return against(shell, "browser-relay", &["gossip".to_owned(), leaves, seconds, interval, bytes]);
    }
    www::ensure_built(shell)?;
    run(&mut shell.cargo(["bench", "--workspace", "--bench", "relay"]))
}

/// The speed of closing a gap, compared with a plain TCP copy.
fn sync(shell: &Shell) -> Result<()> {
    www::ensure_built(shell)?;
    run(&mut shell.cargo(["bench", "--workspace", "--bench", "sync"]))
}

/// Attackers of every kind against one daemon, for a number of seconds.
pub(crate) fn flood(shell: &Shell, args: &[String]) -> Result<()> {
    attacked(shell, "flood", &number(args, "--seconds", 60)?.to_string())
}

/// A daemon that is killed at random times, for a number of rounds.
pub(crate) fn crash(shell: &Shell, args: &[String]) -> Result<()> {
    against(shell, "crash", &[number(args, "--rounds", 20)?.to_string()])
}

/// Each decoder of bytes from peers, for a number of seconds.
pub(crate) fn fuzz(shell: &Shell, args: &[String]) -> Result<()> {
    fuzz::fuzz(shell, number(args, "--seconds", 60)?)
}

/// Tabs that reconnect at the same time, or, with `--restart N`, leaves of a daemon that restarts.
pub(crate) fn leaves(shell: &Shell, args: &[String]) -> Result<()> {
    if args.first().is_some_and(|word| word.starts_with("--restart")) {
        return against(shell, "browser-relay", &["restart".to_owned(), number(args, "--restart", 100)?.to_string()]);
    }
    against(shell, "browser-sync", &[number(args, "--leaves", 200)?.to_string()])
}

/// A simulated network; `args` are its own: `--nodes N`, `--loss P`, `--malicious N`, `--seed N`.
pub(crate) fn sim(shell: &Shell, args: &[String]) -> Result<()> {
    run(shell.cargo(["test", "--workspace", "--test", "sim", "--"]).args(args))
}

/// One node with random inputs, for so many seconds, from a seed (0: a new one).
pub(crate) fn node_fuzz(shell: &Shell, args: &[String]) -> Result<()> {
    let [seconds, seed] = words(args, [("--seconds", "60"), ("--seed", "0")])?;
    parsed("--seconds", &seconds)?;
    parsed("--seed", &seed)?;
    run(&mut shell.cargo(["test", "--workspace", "--release", "--test", "node-fuzz", "--", &seconds, &seed]))
}

/// The same attackers for a number of minutes: the resources of the daemon must not grow.
pub(crate) fn soak(shell: &Shell, args: &[String]) -> Result<()> {
    attacked(shell, "soak", &number(args, "--minutes", 30)?.to_string())
}

/// Runs a program of petrel-tests and the daemon in a network namespace, where every attacker has a public address.
fn attacked(shell: &Shell, name: &str, word: &str) -> Result<()> {
    interop::can_make_namespace(shell)?;
    let petrel = daemon(shell)?;
    let tests = compile::tests(&mut shell.cargo(["test", "--release", "--workspace", "--no-run", "--test", name]))?;
    let test = tests.into_iter().next().with_context(|| format!("no test {name}"))?;
    let mut command = interop::in_namespace(shell, test.program)?;
    run(command.arg(word).env("PETREL_NAMESPACE", "1").env("PETREL_BIN", petrel))
}

/// Runs a program of petrel-tests against the daemon, both in release.
fn against(shell: &Shell, test: &str, words: &[String]) -> Result<()> {
    let petrel = daemon(shell)?;
    let mut test = shell.cargo(["test", "--release", "--workspace", "--test", test, "--"]);
    run(test.args(words).env("PETREL_BIN", petrel))
}

fn daemon(shell: &Shell) -> Result<PathBuf> {
    www::ensure_built(shell)?;
    compile::release(shell, "petrel")
}

/// The number of `FLAG N` or `FLAG=N`, or the default.
fn number(args: &[String], flag: &str, usual: u64) -> Result<u64> {
    let [word] = words(args, [(flag, &usual.to_string())])?;
    parsed(flag, &word)
}

fn parsed(flag: &str, word: &str) -> Result<u64> {
    word.parse().with_context(|| format!("{flag} {word:?} is no number"))
}

/// The values of these flags, given as `FLAG VALUE` or `FLAG=VALUE`; the default value of missing flags.
fn words<const N: usize>(args: &[String], usual: [(&str, &str); N]) -> Result<[String; N]> {
    let mut found = usual.map(|(_, word)| word.to_owned());
    let given: Vec<&str> = args.iter().flat_map(|word| word.split('=')).collect();
    for pair in given.chunks(2) {
        let at = usual.iter().position(|(flag, _)| pair.first() == Some(flag));
        let (Some(slot), [_, word]) = (at.and_then(|at| found.get_mut(at)), pair) else {
            let flags: Vec<String> = usual.iter().map(|(flag, usual)| format!("{flag} {usual}")).collect();
            bail!("expected {}", flags.join(" or "));
        };
        *slot = (*word).to_owned();
    }
    Ok(found)
}
