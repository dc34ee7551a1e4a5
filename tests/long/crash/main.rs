//! `kill -9` at random times: `cargo xtask crash --rounds N`. A daemon follows a sequencer and, after each restart, closes the gap from
//! the time when it was down. Every block that it reported as stored before the kill must be served after the restart with the same
//! hash, and its store must open. In two of three rounds the disk refuses writes: see [`Disk`]. What it acknowledged is served then too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod disk;
mod reader;

use std::{
    collections::BTreeMap,
    env, fs,
    path::Path,
    process::ExitCode,
    thread,
    time::{Duration, Instant},
};

use petrel_tests::{petrel, process::Process, random::SplitMix64, sequencer::Sequencer};

use disk::Disk;

/// Deadline of a condition: longer than any condition takes on a busy machine.
const SOON: Duration = Duration::from_secs(30);

/// What all rounds have shown.
#[derive(Default)]
struct Results {
    /// The hash of each block that was reported as stored.
    stored: BTreeMap<u64, String>,
    /// Blocks that were fetched after a restart.
    fetched: u64,
    /// The states of gaps, with their numbers.
    gaps: BTreeMap<String, u64>,
    /// Rounds in which a write was refused, and those in which the daemon could not open its store because of that.
    refused: u64,
    unopened: u64,
    /// How many were reported as stored before the last fifth of the rounds.
    early: usize,
    /// Blocks that were not served, or with another hash: round, number, and the answer.
    lost: Vec<(u64, u64, Result<String, String>)>,
}

fn main() -> ExitCode {
    let rounds: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    let files = tempfile::tempdir().unwrap();
    let sequencer = Sequencer::with_history();
    // Each run has other random numbers.
    let mut random = SplitMix64(u64::from(std::process::id()));
    let mut results = Results::default();
    for round in 1..=rounds {
        if round == rounds - rounds / 5 {
            results.early = results.stored.len();
        }
        let disk = Disk::of_round(round, &store_file(files.path()));
        let life = Duration::from_millis(1200 + random.below(4000));
        results.run(round, daemon(files.path(), &sequencer, disk), &sequencer, &mut random, life);
        // Up to four seconds, so that there is a gap.
        thread::sleep(Duration::from_millis(random.below(4000)));
        let (secs, known) = (life.as_secs_f64(), results.stored.len());
        println!("round {round}: {disk}; killed after {secs:.1} s; {known} blocks acknowledged so far");
    }
    let all: Vec<u64> = results.stored.keys().copied().collect();
    let mut petrel = daemon(files.path(), &sequencer, Disk::Works);
    let listening = petrel.expect("its address", SOON, |event| event["event"] == "listening");
    results.read(rounds + 1, &all, &sequencer, listening["address"].as_str().unwrap());
    results.report(rounds)
}

impl Results {
    /// One life of the daemon.
    fn run(&mut self, round: u64, mut petrel: Process, sequencer: &Sequencer, random: &mut SplitMix64, life: Duration) {
        let end = Instant::now() + life;
        // A disk that refuses writes may not let the store be repaired.
        let Some(listening) = petrel.wait_for(SOON, |event| event["event"] == "listening") else {
            self.unopened += 1;
            return petrel.kill();
        };
        let address = listening["address"].as_str().unwrap().to_owned();
        // Only some of them in each round, until shortly before the kill.
        while Instant::now() < end
            && let Some(number) = pick(&self.stored, random)
        {
            self.read(round, &[number], sequencer, &address);
        }
        thread::sleep(end.saturating_duration_since(Instant::now()));
        petrel.kill();
        let mut was_refused = false;
        for event in petrel.drain() {
            if event["stored"] == true {
                self.stored.insert(event["number"].as_u64().unwrap(), event["hash"].as_str().unwrap().to_owned());
            }
            self.fetched += u64::from(event["via"] == "sync");
            was_refused |= event["keeps"] == false;
            if event["event"] == "gap" {
                *self.gaps.entry(event["state"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
        }
        self.refused += u64::from(was_refused);
    }

    /// Requests blocks that were reported as stored.
    fn read(&mut self, round: u64, numbers: &[u64], sequencer: &Sequencer, address: &str) {
        for number in numbers {
            let found = reader::read(sequencer.chain(), address, *number);
            if found.as_ref().ok() != self.stored.get(number) {
                self.lost.push((round, *number, found));
            }
        }
    }

    fn report(&self, rounds: u64) -> ExitCode {
        let Self { stored, fetched, gaps, refused, unopened, early, lost } = self;
        println!("\n{rounds} kills: {} blocks acknowledged, {fetched} fetched after a restart", stored.len());
        println!("writes were refused in {refused} rounds; in {unopened} more the store could not be opened meanwhile");
        println!("gaps after kills: {gaps:?}");
        println!("{} of the acknowledged blocks missing or changed: {lost:?}", lost.len());
        let all_closed = !gaps.contains_key("skipped");
        // Of six rounds, two refuse each write to a half of the file.
        let was_refused = *refused > 0 || rounds < 6;
        // The sequencer had blocks until the end.
        let went_on = stored.len() > *early || rounds < 6;
        println!("{} of them acknowledged in the last fifth of the rounds", stored.len() - early);
        if lost.is_empty() && all_closed && was_refused && went_on && stored.len() as u64 > rounds && *fetched > 0 {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        }
    }
}

fn pick(stored: &BTreeMap<u64, String>, random: &mut SplitMix64) -> Option<u64> {
    let at = random.below(stored.len().max(1) as u64) as usize;
    stored.keys().nth(at).copied()
}

fn store_file(folder: &Path) -> std::path::PathBuf {
    folder.join("data/petrel.redb")
}

fn daemon(folder: &Path, sequencer: &Sequencer, disk: Disk) -> Process {
    let (rollup, _) = sequencer.files(folder);
    let mut command = petrel::node(&rollup, sequencer.signer(), &folder.join("data"));
    command.args(["--p2p.static", &sequencer.address, "--p2p.listen.tcp=0", "--p2p.no-discovery"]);
    command.args(["--p2p.sync.limit=0", "--p2p.sync.peer-limit=0", "--p2p.gossip.timestamp.threshold=1h"]);
    command.arg("--log.level=warn");
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    Process::start_logged("petrel", &mut disk.limit(command), log)
}
