//! The task runner: `cargo xtask COMMAND`. Every way of building, proving and measuring Petrel is a command here; CI
//! and `.ci/run` call these and know nothing else.
//!
//! Reading order: `shell` and `group` (how programs are run and ended), `setup` (what a fresh machine lacks), `compile` (how the
//! workspace is compiled), `wasm` and `www` (the page), `run`, `test` (the steps) with `beside`, `purity` and `shape`, `interop`,
//! `prove`, `size`, `presets`.

#![allow(clippy::indexing_slicing, reason = "no byte of a peer comes here")]

use std::{env, process::ExitCode};

use anyhow::{Result, bail, ensure};

mod beside;
mod compile;
mod fuzz;
mod group;
mod interop;
mod presets;
mod prove;
mod purity;
mod run;
mod setup;
mod shape;
mod shell;
mod size;
mod test;
mod wasm;
mod www;

use shell::Shell;

const HELP: &str = "\
cargo xtask COMMAND

  run [-- ARGS]     build everything and run it: a local chain with a follower and the page (`petrel devnet ARGS`);
                    with --network or --rollup.config in ARGS, a node of that chain (`petrel node ARGS`);
                    ARGS that begin with a subcommand are run as they are
  test              the tests that need Rust and Node alone: what a contributor runs
  test --all        also those that need Chromium, Go, Prometheus or a network namespace: what CI runs
  test STEP…        the named steps (see below), after those that they need; with --no-needs these alone
  lint              the steps of `test` that run no tests: format, the core's rules, clippy on both targets
  prove             what takes longer: thousands of simulated worlds, properties with many cases, benches, flood, crash, leaves, fuzz, soak
  prove soak [--minutes N]  a daemon under load: memory, handles and tasks must stay what they are
  crash [--rounds N]        kill -9 at random moments: what was acknowledged is there afterwards
  leaves [--leaves N]       tabs that come back at once: how long until all have what they missed
  leaves --restart N        a relay that restarts: how long until as many are back over WebTransport, by its old certificates
  sim [--nodes N] [--loss P] [--liars N] [--seed N]  a simulated network with loss, churn and liars, twice
  fuzz [--seconds N]        every decoder that a peer reaches, under libFuzzer, each for so long (needs a C++ compiler)
  flood [--seconds N]       attackers of every kind against one daemon, while honest blocks come
  bench [-- ARGS]   the bench `validate` alone: what judging a message costs
  bench relay       what relaying costs, beside plain libp2p
  bench relay --leaves N [--seconds N] [--block-time DURATION] [--block-bytes SIZE]
                    blocks through one daemon to so many browsers (500) over WebSocket and WebTransport, for so many seconds (60):
                    one every DURATION (1s; as Go writes them: 200ms, 2s) of SIZE bytes uncompressed (100kB; kB, kiB, MB, MiB);
                    200ms makes the chain one of Base's with Denim from its start. 99 of 100 must come within 750 ms, or within
                    500 ms where DURATION is below 1s
  bench sync        how fast missed blocks are fetched, beside a plain TCP copy
  bench browser     what a follower costs in Chromium, beside native code and beside JavaScript
  interop op-node   against op-node's own gossip: blocks both ways, and spoilt messages with both verdicts
  interop libp2p    every transport against go-libp2p, js-libp2p in Node and in Chromium, and Petrel, dialling and dialled
  interop sync      missed blocks from op-node's server, and by op-node's client from ours
  interop devnet    in a whole OP Stack network on loopback, through every fork, with restarts and a rotated signer, and beside
                    it two nodes whose rollup.json lacks the last fork, and the last two: they must follow all the same
  interop build     what takes long to compile of the other sides, and nothing else

  wasm              the wasm package, into www/package/pkg
  www               the wasm package, then the npm package into www/package/dist and the page into www/page/dist
  size              what the page downloads, in bytes: raw, gzip, brotli
  shape [--root DIR]  medians of lengths, and circles between files, long functions, wide structs, type names with two meanings
  samples           samples of events and errors for the npm package's tests, written anew after a change of the core's
  doctor            what this machine has and lacks
  presets CHAINS.JSON [DELTA.JSON]  write core/presets anew from a snapshot of the superchain registry, with what changed since (RFC 6902)
";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match dispatch(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(args: &[String]) -> Result<()> {
    let (command, rest) = args.split_first().map_or(("help", args), |(first, rest)| (first.as_str(), rest));
    // The first `--` parts our words from those of the program that we start.
    let rest = if rest.first().is_some_and(|word| word == "--") { &rest[1..] } else { rest };
    let shell = Shell::new()?;
    match command {
        "run" => run::run(&shell, rest),
        "test" => test::test(&shell, rest),
        "bench" => prove::bench(&shell, rest),
        "flood" => prove::flood(&shell, rest),
        "crash" => prove::crash(&shell, rest),
        "fuzz" => prove::fuzz(&shell, rest),
        "sim" => prove::sim(&shell, rest),
        "leaves" => prove::leaves(&shell, rest),
        "prove" => prove::prove(&shell, rest),
        "shape" => shape::print(&shell, rest),
        "interop" => interop::interop(&shell, rest),
        "presets" => presets::generate(&shell, rest),
        "help" | "-h" | "--help" => {
            print!("{HELP}\nSteps of `test`; those with * run with --all alone\n\n{}", test::help());
            Ok(())
        }
        _ => {
            ensure!(rest.is_empty(), "`cargo xtask {command}` takes no arguments; see `cargo xtask help`");
            alone(&shell, command)
        }
    }
}

/// The commands that take no arguments.
fn alone(shell: &Shell, command: &str) -> Result<()> {
    match command {
        "lint" => test::lint(shell),
        "wasm" => wasm::build(shell, wasm::Build::Real),
        "www" => www::build(shell),
        "size" => size::size(shell),
        "samples" => www::samples(shell),
        "doctor" => setup::doctor(shell),
        _ => bail!("there is no command {command:?}; see `cargo xtask help`"),
    }
}
