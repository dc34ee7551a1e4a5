//! What relaying costs: CPU seconds of the relay for 1,000 blocks of 100 kB, and the delay from publisher to receiver,
//! through `petrel node` and through a relay of plain libp2p that judges nothing, one after the other in each round.
//!
//! `cargo xtask bench relay` builds both relays and runs this. Blocks come at a rate that an honest peer may have.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod path;

use std::{env, fs, path::PathBuf, process::Command, time::Duration};

use petrel_core::fork::Fork;
use petrel_tests::{child::Child, forge, sequencer};

use path::{Measured, Path};

/// Rounds, each of so many blocks through each relay.
const ROUNDS: u64 = 4;
const BLOCKS: u64 = 250;

fn main() {
    // `cargo test --benches` runs this too, without the programs that it needs.
    let (Some(petrel), Some(plain)) = (env::var_os("PETREL_BIN"), env::var_os("PETREL_PLAIN_RELAY")) else {
        println!("run `cargo xtask bench relay`, which builds what this measures");
        return;
    };
    let files = tempfile::tempdir().unwrap();
    let chain = sequencer::chain(Fork::Jovian, 2);
    let topic = chain.topic(Fork::Jovian.version());
    let rollup = files.path().join("rollup.json");
    fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

    let mut node = Command::new(PathBuf::from(petrel));
    node.arg("node").arg("--rollup.config").arg(&rollup).arg("--datadir").arg(files.path());
    node.args(["--p2p.unsafe-block-signer", &forge::key(1).address().to_string(), "--p2p.no-discovery"]);
    node.args(["--p2p.listen.ip=127.0.0.1", "--p2p.listen.tcp=0", "--events=json", "--log.level=error"]);
    let mut relay = Command::new(PathBuf::from(plain));
    relay.arg(&topic);

    let mut paths = [("petrel", node), ("plain libp2p", relay)].map(|(name, mut command)| {
        let child = Child::start(name, &mut command).unwrap();
        Path::open(child, &topic)
    });
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
    // Let the relays end before the folder goes.
    drop(paths);
    std::thread::sleep(Duration::from_millis(50));
}
