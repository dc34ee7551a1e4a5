//! A simulated network with packet loss, churn and malicious nodes, run twice: `cargo xtask sim --nodes N --loss P --malicious N
//! --seed N`. `--liars` is the old name of `--malicious`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{env, process::ExitCode};

use petrel_tests::simulation::Plan;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let given = |flag: &str| words.iter().position(|word| word == flag).and_then(|at| words.get(at + 1));
    let number = |flag: &str, usual: usize| given(flag).map_or(usual, |text| text.parse().expect("a number"));
    let known = ["--nodes", "--loss", "--malicious", "--seed"];
    let is_known = |word: &str| known.contains(&word) || word == "--liars";
    if let Some(word) = words.iter().step_by(2).find(|word| !is_known(word)) {
        eprintln!("{word:?} is unknown: expected {} and a number each", known.join(", "));
        return ExitCode::FAILURE;
    }
    let loss: f64 = given("--loss").map_or(0.1, |text| text.parse().expect("a share of 1"));
    let (nodes, malicious) = (number("--nodes", 50), number("--malicious", number("--liars", 10)));
    if !(10..=200).contains(&nodes) || malicious + 8 > nodes || !(0.0..=1.0).contains(&loss) {
        eprintln!("expected 10 to 200 nodes, 8 of them honest, and a loss of 0 to 1");
        return ExitCode::FAILURE;
    }
    let plan =
        Plan { nodes, loss: (loss * 100.0).round() as u64, malicious, seed: number("--seed", 7) as u64, record: false };
    let (mut outcome, again) = (plan.run(), plan.run());
    if outcome.log != again.log {
        outcome.failures.push("the second run wrote another log".to_owned());
    }
    print!("{}", outcome.figures);
    println!("log: {} lines, {} bytes", outcome.log.lines().count(), outcome.log.len());
    for failure in &outcome.failures {
        eprintln!("FAILED {failure}");
    }
    if outcome.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
