//! Hours of attacks in a shorter time: `cargo xtask prove soak --minutes N`. A daemon follows a chain of a block of 100 kB a second, with
//! the attackers and the honest peers of `flood`. Its memory, file handles, tasks and files are sampled; the early and the last values
//! must be the same within 5 %.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod sample;

use std::{env, fs, process::ExitCode, time::Instant};

use petrel_tests::attacked_node::AttackedNode;

use sample::Samples;

/// So many blocks that the store has its final size before the first values are taken.
const STORED: &str = "--store.blocks=200";
/// Seconds between two samples.
const LOOK: u64 = 5;
/// Seconds between two printed lines.
const TRAIL: u64 = 60;

fn main() -> ExitCode {
    let minutes: u64 = env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(30);
    let files = tempfile::tempdir().unwrap();
    let log = fs::File::create(files.path().join("log")).unwrap();
    let mut node = AttackedNode::start(files.path(), &[STORED], log);
    let (begin, mut samples, mut accepted) = (Instant::now(), Samples::new(node.daemon().id(), files.path()), 0);
    for second in 1..=minutes * 60 {
        node.next_second(|daemon| {
            for event in daemon.drain() {
                accepted += u64::from(event["event"] == "block");
                samples.note(&event);
            }
        });
        if second % LOOK == 0 {
            samples.look(begin.elapsed());
        }
        if second % TRAIL == 0 {
            samples.trail();
        }
    }
    let flat = samples.print(minutes);
    let ending =
        node.end(|daemon| accepted += daemon.drain().iter().filter(|event| event["event"] == "block").count() as u64);
    println!("\n{accepted} of {} blocks accepted", ending.blocks.len());
    for attacker in &ending.attackers {
        println!("{}, {} identities: {:?}", attacker.name, attacker.identities.len(), attacker.counts);
    }
    if flat && accepted >= ending.blocks.len() as u64 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
