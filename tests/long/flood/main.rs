//! Three attackers against one daemon while an honest sequencer publishes: `cargo xtask flood --seconds N`.
//!
//! The attackers send expensive and invalid messages of all kinds, see `kinds`. `report` has the limits: every honest block is
//! accepted in time, and the attackers, and no other peer, are graylisted or banned.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod attacker;
mod kinds;
mod report;
mod rpc;

use std::{
    env,
    process::ExitCode,
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::fork::Fork;
use petrel_tests::{
    forge::{self, Forge, compress},
    petrel,
    process::Process,
    sequencer::{Publisher, chain},
};

use attacker::Attacker;
use report::Report;

/// Bytes of an honest block.
const BLOCK: usize = 100_000;
/// Number of attackers.
const ATTACKERS: u64 = 3;

/// The latest honest message as on the wire, for replays.
pub(crate) type Latest = Arc<Mutex<Vec<u8>>>;

fn main() -> ExitCode {
    let seconds = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(60);
    let files = tempfile::tempdir().unwrap();
    let chain = chain(Fork::Jovian, 1);
    let rollup = files.path().join("rollup.json");
    std::fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

    let mut command = petrel::node(&rollup, forge::key(1).address(), files.path());
    command.args(["--p2p.listen.tcp=0", "--p2p.no-discovery"]);
    let log = files.path().join("log");
    let mut daemon = Process::start_logged("petrel", &mut command, std::fs::File::create(&log).unwrap());
    let listening = daemon.expect("its address", Duration::from_secs(30), |event| event["event"] == "listening");
    let address = listening["address"].as_str().unwrap().to_owned();

    let sequencer = Publisher::connect(&chain, &address);
    let latest = Latest::default();
    let mut report = Report::new(daemon.id());
    let attackers: Vec<_> = (0..ATTACKERS).map(|seed| Attacker::start(seed, &chain, &address, &latest)).collect();
    let half_open = attacker::half_open(&address);

    let begin = Instant::now();
    for second in 1..=seconds {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let (message, hash) = Forge::new(chain.id, Fork::Jovian, second, now.as_secs(), BLOCK).sealed();
        let wire = compress(&message);
        report.published(hash.to_string());
        sequencer.publish(Fork::Jovian.version(), message);
        // Attackers get it only after its publication.
        thread::sleep(Duration::from_millis(100));
        *latest.lock().unwrap() = wire;
        while begin.elapsed() < Duration::from_secs(second) {
            report.take(&mut daemon);
            thread::sleep(Duration::from_millis(5));
        }
    }
    thread::sleep(Duration::from_secs(2));
    report.take(&mut daemon);
    report.sent(attackers.into_iter().map(Attacker::end));
    report.half_open(half_open.end());
    daemon.stop(Duration::from_secs(5));
    if report.print(std::fs::metadata(&log).unwrap().len()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
