//! A small network with packet loss, churn and malicious peers; `cargo xtask sim` runs the same with more nodes.

use petrel_tests::simulation::Plan;

#[test]
fn a_network_with_malicious_peers_converges_and_bans_them() {
    let outcome = Plan { nodes: 20, loss: 10, malicious: 6, seed: 7, record: false }.run();
    assert!(outcome.failures.is_empty(), "{:#?}", outcome.failures);
}
