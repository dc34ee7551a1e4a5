//! The cost of relaying: CPU seconds of the relay for 1,000 blocks of 100 kB, and the delay from publisher to receiver, through
//! `petrel node` and through a relay of plain libp2p without validation, one after the other in each round.
//!
//! `cargo bench -p petrel-tests --bench relay`. Both relays are this program, started in another process with a subcommand. Blocks are
//! sent at a rate that is allowed for a peer.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod path;
mod plain_relay;

use std::{
    env, fs,
    process::{Command, ExitCode},
    time::Duration,
};

use petrel_core::fork::Fork;
use petrel_tests::{forge, ports, process::Process, sequencer};

use path::{Measured, Path};

/// The daemon's allocator, for both relays.
#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

/// Number of rounds, and blocks through each relay in a round.
const ROUNDS: u64 = 4;
const BLOCKS: u64 = 250;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        // `petrel node`: the daemon's own main reads the same arguments.
        ["node", ..] => return petrel_node::main(),
        ["plain", topic, port] => plain_relay::run(topic, port),
        // `cargo test --benches` runs this too, as a check.
        _ if !words.iter().any(|word| word == "--bench") => println!("run it with `cargo bench`"),
        _ => measure(),
    }
    ExitCode::SUCCESS
}

fn measure() {
    let files = tempfile::tempdir().unwrap();
    let chain = sequencer::chain(Fork::Jovian, 2);
    let topic = chain.topic(Fork::Jovian.version());
    let rollup = files.path().join("rollup.json");
    fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

    let program = env::current_exe().unwrap();
    let mut node = Command::new(&program);
    node.arg("node").arg("--rollup.config").arg(&rollup).arg("--datadir").arg(files.path());
    node.args(["--p2p.unsafe-block-signer", &forge::key(1).address().to_string(), "--p2p.no-discovery"]);
    let ports = [ports::tcp(), ports::tcp()];
    node.arg("--p2p.listen.ip=127.0.0.1").arg(format!("--p2p.listen.tcp={}", ports[0]));
    // The plain relay stores and prints nothing either.
    node.args(["--store.blocks=0", "--log.level=error"]);
    let mut relay = Command::new(&program);
    relay.args(["plain", &topic, &ports[1].to_string()]);

    let mut paths = [("petrel", node, ports[0]), ("plain libp2p", relay, ports[1])]
        .map(|(name, mut command, port)| Path::open(Process::start_verbose(name, &mut command), port, &topic));
    let mut measured = [Measured::default(), Measured::default()];
    for round in 0..ROUNDS {
        for (path, sum) in paths.iter_mut().zip(&mut measured) {
            sum.add(path.carry(&chain, round * BLOCKS, BLOCKS));
        }
    }
    let [petrel, plain] = &mut measured;
    println!(
        "\n{} blocks of 100 kB through each relay, {} lost and {} lost\n",
        ROUNDS * BLOCKS,
        petrel.lost,
        plain.lost
    );
    println!("                      petrel  plain libp2p  ratio");
    let row = |name: &str, a: f64, b: f64| println!("{name:<20} {a:>7.2} {b:>13.2} {:>6.2}", a / b);
    row("CPU s per 1,000", petrel.cpu_per_thousand(), plain.cpu_per_thousand());
    row("delay p50, ms", petrel.delay(50), plain.delay(50));
    row("delay p99, ms", petrel.delay(99), plain.delay(99));
    // The relays must end before the folder is removed.
    drop(paths);
    std::thread::sleep(Duration::from_millis(50));
}
