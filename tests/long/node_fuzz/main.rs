//! One node with random inputs, again and again with new seeds: `cargo xtask node-fuzz [--seconds N] [--seed N]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    env,
    process::ExitCode,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_tests::node_fuzz::{FuzzOutcome, NodeFuzz};

/// Random actions of one run.
const STEPS: usize = 20_000;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let numbers: Option<Vec<u64>> = words.iter().map(|word| word.parse().ok()).collect();
    let Some(&[seconds, seed]) = numbers.as_deref() else {
        eprintln!("expected the seconds, and a seed (0 for a new one)");
        return ExitCode::FAILURE;
    };
    let of_clock = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |time| time.as_secs());
    let first = if seed == 0 { of_clock() } else { seed };
    let (start, length) = (Instant::now(), Duration::from_secs(seconds));
    let mut total = FuzzOutcome::default();
    let mut runs = 0;
    while runs == 0 || start.elapsed() < length {
        let seed = first + runs;
        let outcome = NodeFuzz { seed, steps: STEPS }.run();
        runs += 1;
        if !outcome.failures.is_empty() {
            eprintln!("FAILED with seed {seed}:\n  {}", outcome.failures.join("\n  "));
            return ExitCode::FAILURE;
        }
        total.calls += outcome.calls;
        total.blocks += outcome.blocks;
        total.bans += outcome.bans;
        total.restarts += outcome.restarts;
        total.replaced += outcome.replaced;
    }
    println!(
        "{runs} runs from seed {first}: {} calls, {} blocks, {} bans, {} restarts, {} blocks replaced; every invariant held",
        total.calls, total.blocks, total.bans, total.restarts, total.replaced
    );
    ExitCode::SUCCESS
}
