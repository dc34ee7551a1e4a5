//! `kill -9` at random times: `cargo xtask crash --rounds N`. A daemon follows a sequencer and, after each restart, closes the gap from
//! the time when it was down. Every block that it reported as stored before the kill must be served after the restart with the same
//! hash, and its store must open.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

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

/// Deadline of a condition: longer than any condition takes on a busy machine.
const SOON: Duration = Duration::from_secs(30);

fn main() -> ExitCode {
    let rounds: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(20);
    let files = tempfile::tempdir().unwrap();
    let sequencer = Sequencer::with_history();
    // Each run has other random numbers.
    let mut random = SplitMix64(u64::from(std::process::id()));
    let mut stored = BTreeMap::new();
    let (mut fetched, mut lost, mut gaps) = (0, Vec::new(), BTreeMap::<String, u64>::new());
    for round in 1..=rounds {
        let mut petrel = daemon(files.path(), &sequencer);
        let life = Duration::from_millis(1200 + random.below(4000));
        let end = Instant::now() + life;
        let listening = petrel.expect("its address", SOON, |event| event["event"] == "listening");
        let address = listening["address"].as_str().unwrap().to_owned();
        // Only some of them in each round: reading takes time until the kill.
        let requested: Vec<u64> = (0..40).filter_map(|_| pick(&stored, &mut random)).collect();
        for number in requested {
            let found = reader::read(sequencer.chain(), &address, number);
            if found.as_ref() != stored.get(&number) {
                lost.push((round, number, found));
            }
        }
        thread::sleep(end.saturating_duration_since(Instant::now()));
        petrel.kill();
        for event in petrel.drain() {
            if event["stored"] == true {
                stored.insert(event["number"].as_u64().unwrap(), event["hash"].as_str().unwrap().to_owned());
            }
            fetched += u64::from(event["via"] == "sync");
            if event["event"] == "gap" {
                *gaps.entry(event["state"].as_str().unwrap().to_owned()).or_insert(0) += 1;
            }
        }
        // Up to four seconds, so that there is a gap.
        thread::sleep(Duration::from_millis(random.below(4000)));
        println!(
            "round {round}: killed after {:.1} s; {} blocks acknowledged so far",
            life.as_secs_f64(),
            stored.len()
        );
    }
    let mut petrel = daemon(files.path(), &sequencer);
    let listening = petrel.expect("its address", SOON, |event| event["event"] == "listening");
    let address = listening["address"].as_str().unwrap().to_owned();
    for (number, hash) in &stored {
        let found = reader::read(sequencer.chain(), &address, *number);
        if found.as_ref() != Some(hash) {
            lost.push((rounds + 1, *number, found));
        }
    }
    println!("\n{rounds} kills: {} blocks acknowledged, {fetched} fetched after a restart", stored.len());
    println!("gaps after kills: {gaps:?}");
    println!("{} of them missing or changed afterwards {lost:?}", lost.len());
    let all_closed = !gaps.contains_key("skipped");
    if lost.is_empty() && all_closed && stored.len() as u64 > rounds && fetched > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn pick(stored: &BTreeMap<u64, String>, random: &mut SplitMix64) -> Option<u64> {
    let at = random.below(stored.len().max(1) as u64) as usize;
    stored.keys().nth(at).copied()
}

fn daemon(folder: &Path, sequencer: &Sequencer) -> Process {
    let (rollup, _) = sequencer.files(folder);
    let mut command = petrel::node(&rollup, sequencer.signer(), &folder.join("data"));
    command.args(["--p2p.static", &sequencer.address, "--p2p.listen.tcp=0", "--p2p.no-discovery"]);
    command.args(["--p2p.sync.limit=0", "--p2p.sync.peer-limit=0", "--p2p.gossip.timestamp.threshold=1h"]);
    let log = fs::File::options().create(true).append(true).open(folder.join("log")).unwrap();
    Process::start_logged("petrel", command.arg("--log.level=warn"), log)
}
