//! The task runner: `cargo xtask COMMAND`. Every way of building, proving and measuring Petrel is a command here; CI
//! and `.ci/run` call these and know nothing else.
//!
//! Reading order: `shell` and `group` (how programs are run and ended), `setup` (what a fresh machine lacks), `compile` (how the
//! workspace is compiled), `wasm` and `www` (the page), `run`, `test` (the steps) with `background`, `purity` and `shape`, `interop`,
//! `prove`, `size`, `presets`.

#![allow(clippy::indexing_slicing, reason = "no byte of a peer comes here")]

use std::{env, process::ExitCode};

use anyhow::{Result, bail, ensure};

mod background;
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
  test              the tests that need only Rust and Node: for contributors
  test --all        also those that need browsers, Go, Prometheus or a network namespace: for CI
  test STEP…        the named steps (see below), after those that they need; with --no-needs only these
  lint              the steps of `test` that run no tests: format, the core's rules, clippy on both targets
  prove             the long tests: thousands of simulated networks, properties with many cases, benches, flood, crash, leaves, fuzz, soak
  prove soak [--minutes N]  the attackers of `flood` for longer (Linux): memory, handles, tasks and the store must not grow
  crash [--rounds N]        kill -9 at random times, and a disk that refuses writes: acknowledged blocks must be served
  leaves [--leaves N]       tabs that reconnect at the same time: the time until all have their missed blocks
  leaves --restart N        a relay that restarts: the time until N leaves are reconnected over WebTransport with its old certificates
  sim [--nodes N] [--loss P] [--malicious N] [--seed N]  a simulated network with packet loss, churn and malicious nodes, run twice
  fuzz [--seconds N]        every decoder of bytes from peers, under libFuzzer, N seconds each (needs a C++ compiler)
  node-fuzz [--seconds N] [--seed N]  one node with random inputs, checked after each against a model of what must hold
  flood [--seconds N]       attackers of every kind against one daemon, while honest peers follow it (Linux)
  bench [-- ARGS]   only the bench `validate`: the cost of validating a message
  bench relay       the cost of relaying, compared with plain libp2p
  bench relay --leaves N [--seconds N] [--block-time DURATION] [--block-bytes SIZE]
                    blocks through one daemon to N browsers (500) over WebSocket and WebTransport, for N seconds (60): one
                    every DURATION (1s; in Go's format: 200ms, 2s) of SIZE bytes uncompressed (100kB; kB, kiB, MB, MiB).
                    With 200ms the chain is like Base with Denim active from its start. 99 of 100 blocks must arrive within
                    750 ms, or within 500 ms if DURATION is below 1s
  bench sync        the speed of fetching missed blocks, compared with a plain TCP copy
  bench browser     the cost of a follower in Chromium, compared with native code and with JavaScript
  interop op-node   against op-node's own gossip: blocks both ways, and invalid messages with both verdicts
  interop libp2p    every transport against go-libp2p, js-libp2p in Node and in Chromium, and Petrel, dialling and dialled
  interop sync      missed blocks from op-node's server, and by op-node's client from ours
  interop devnet    in a whole OP Stack network on loopback, through every fork, with restarts and a rotated signer; two more
                    nodes, whose rollup.json lacks the last fork and the last two forks, must follow too
  interop build     only compiles the slow parts of the other implementations

  wasm              the wasm package, into www/package/pkg
  www               the wasm package, then the npm package into www/package/dist and the page into www/page/dist
  size              bytes that the page downloads: raw, gzip, brotli
  shape [--root DIR]  medians of lengths, and circles between files, long functions, wide structs, type names with two meanings
  samples           writes the samples of events and errors for the npm package's tests, after a change in the core
  doctor            which required programs this machine has and lacks
  presets CHAINS.JSON [DELTA.JSON]  writes core/presets from a snapshot of the superchain registry, with later changes (RFC 6902)
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
    // The first `--` separates our arguments from those of the started program.
    let rest = if rest.first().is_some_and(|word| word == "--") { &rest[1..] } else { rest };
    let shell = Shell::new()?;
    match command {
        "run" => run::run(&shell, rest),
        "test" => test::test(&shell, rest),
        "bench" => prove::bench(&shell, rest),
        "flood" => prove::flood(&shell, rest),
        "crash" => prove::crash(&shell, rest),
        "fuzz" => prove::fuzz(&shell, rest),
        "node-fuzz" => prove::node_fuzz(&shell, rest),
        "sim" => prove::sim(&shell, rest),
        "leaves" => prove::leaves(&shell, rest),
        "prove" => prove::prove(&shell, rest),
        "shape" => shape::print(&shell, rest),
        "interop" => interop::interop(&shell, rest),
        "presets" => presets::generate(&shell, rest),
        "help" | "-h" | "--help" => {
            print!("{HELP}\nSteps of `test`; those with * run only with --all\n\n{}", test::help());
            Ok(())
        }
        _ => {
            ensure!(rest.is_empty(), "`cargo xtask {command}` takes no arguments; see `cargo xtask help`");
            without_arguments(&shell, command)
        }
    }
}

/// The commands that take no arguments.
fn without_arguments(shell: &Shell, command: &str) -> Result<()> {
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
