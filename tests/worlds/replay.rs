//! Replays of recorded runs.

use petrel_tests::simulation::Plan;

#[test]
fn a_recorded_run_replays_byte_for_byte() {
    let outcome = Plan { nodes: 12, loss: 15, malicious: 4, seed: 11, record: true }.run();
    let calls: usize = outcome.recordings.iter().map(|recording| recording.len().0).sum();
    let outputs: usize = outcome.recordings.iter().map(|recording| recording.len().1).sum();
    assert!(calls > 10_000 && outputs > 10_000, "{calls} calls and {outputs} outputs were recorded");
    for (node, recording) in outcome.recordings.iter().enumerate() {
        if let Err(difference) = recording.replay() {
            panic!("recording {node}: {difference}");
        }
    }
    println!("{} recordings, {calls} calls, {outputs} outputs", outcome.recordings.len());
}
