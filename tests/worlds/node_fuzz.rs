//! One Node with random inputs, against a model of what must hold.

use petrel_tests::node_fuzz::NodeFuzz;

/// Runs, and random actions of each.
const RUNS: u64 = 8;
const STEPS: usize = 4_000;

#[test]
fn random_inputs_break_no_invariant() {
    for seed in 1..=RUNS {
        let outcome = NodeFuzz { seed, steps: STEPS }.run();
        assert!(outcome.failures.is_empty(), "seed {seed}: {:#?}", outcome.failures);
        let counts = [outcome.blocks, outcome.bans, outcome.restarts, outcome.replaced];
        assert!(counts.iter().all(|count| *count > 0), "seed {seed} reaches too little: {outcome:?}");
        println!("seed {seed}: {outcome:?}");
    }
}
