//! A small network with loss, churn and liars: what `cargo xtask sim` does with more nodes.

use petrel_tests::simulation::Plan;

#[test]
fn a_network_with_liars_stays_whole_and_throws_them_out() {
    let outcome = Plan { nodes: 20, loss: 10, liars: 6, seed: 7, record: false }.run();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
}
