//! One Node with random inputs, against a model of what must hold. New seeds: `cargo xtask node-fuzz`.

use core::ops::Range;

use petrel_tests::node_fuzz::NodeFuzz;

/// Random actions of one run.
const STEPS: usize = 4_000;

fn run(seeds: Range<u64>) {
    let mut reached = [0; 4];
    for seed in seeds {
        let outcome = NodeFuzz { seed, steps: STEPS }.run();
        assert!(outcome.failures.is_empty(), "seed {seed}: {:#?}", outcome.failures);
        let counts = [outcome.blocks, outcome.bans, outcome.restarts, outcome.replaced];
        reached.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
    }
    assert!(reached.iter().all(|sum| *sum >= 10), "blocks, bans, restarts and replaced blocks: {reached:?}");
}

#[test]
fn random_inputs_break_no_invariant() {
    run(1..11);
}

#[test]
fn more_random_inputs_break_no_invariant() {
    run(11..21);
}
