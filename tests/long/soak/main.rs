//! Hours of load in a shorter time: `cargo xtask prove soak --minutes N`. A daemon relays a block of 100 kB a second while leaves
//! connect and disconnect, inbound peers send invalid messages and are banned, and handshakes do not complete. Its memory, file
//! handles and tasks are sampled; the early and the last values must be the same within 5 %.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod load;
mod sample;

use std::{
    env,
    process::ExitCode,
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::fork::Fork;
use petrel_tests::{
    forge::{self, Forge},
    petrel,
    process::Process,
    sequencer::{Publisher, chain},
};

use load::Load;
use sample::Samples;

/// Bytes of a block.
const BLOCK: usize = 100_000;
/// Seconds between two samples.
const LOOK: u64 = 5;
/// Seconds between two printed lines.
const TRAIL: u64 = 60;

fn main() -> ExitCode {
    let minutes: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(30);
    let files = tempfile::tempdir().unwrap();
    let chain = chain(Fork::Jovian, 1);
    let rollup = files.path().join("rollup.json");
    std::fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();
    let mut command = petrel::node(&rollup, forge::key(1).address(), files.path());
    command.args(["--p2p.listen.tcp=0", "--p2p.listen.ws=0", "--p2p.no-discovery"]);
    let mut daemon = Process::start_verbose("petrel", command.arg("--log.level=error"));
    let mut address = |ws: bool| {
        let listening = daemon.expect("an address", Duration::from_secs(30), |event| {
            event["event"] == "listening" && event["address"].as_str().unwrap().contains("/ws") == ws
        });
        listening["address"].as_str().unwrap().to_owned()
    };
    let (tcp, ws) = (address(false), address(true));

    let sequencer = Publisher::connect(&chain, &tcp);
    let load = Load::start(&chain, &tcp, &ws);
    let (begin, mut samples, mut accepted) = (Instant::now(), Samples::new(daemon.id()), 0);
    for second in 1..=minutes * 60 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        sequencer.publish(Fork::Jovian.version(), Forge::new(chain.id, Fork::Jovian, second, now, BLOCK).sealed().0);
        thread::sleep(Duration::from_secs(second).saturating_sub(begin.elapsed()));
        for event in daemon.drain() {
            accepted += u64::from(event["event"] == "block");
            samples.note(&event);
        }
        if second % LOOK == 0 {
            samples.look(begin.elapsed());
        }
        if second % TRAIL == 0 {
            samples.trail();
        }
    }
    println!("\n{accepted} of {} blocks accepted; {}", minutes * 60, load.end());
    if samples.print(minutes) && accepted >= minutes * 60 - 2 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
