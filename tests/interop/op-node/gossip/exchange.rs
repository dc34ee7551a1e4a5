//! Blocks both ways: op-node publishes and Petrel accepts; Petrel publishes, relays, and op-node accepts.

use petrel_core::fork::Fork;
use petrel_tests::{
    forge::{Forge, noise},
    sequencer::Publisher,
};

use crate::session::{DEADLINE, Session, unix};

/// Blocks each way on each topic.
const BLOCKS: u64 = 24;

/// The last fork of each payload version.
const FORKS: [Fork; 4] = [Fork::Regolith, Fork::Delta, Fork::Holocene, Fork::Jovian];

/// `true` when all blocks arrived.
pub(crate) fn run() -> bool {
    println!("\nblocks of 100 B to 100 kB, accepted with the publisher's hash\n");
    println!("  topic fork      op-node to Petrel  Petrel to op-node  rejected");
    FORKS.into_iter().filter(|fork| !both_ways(*fork)).count() == 0
}

fn both_ways(fork: Fork) -> bool {
    let mut session = Session::start(fork);
    let sequencer = Publisher::connect(&session.chain, &session.address);
    let (mut theirs, mut ours) = (0, 0);
    for round in 0..BLOCKS {
        let bytes = 100 << (round % 11);
        theirs += u64::from(from_op_node(&mut session, bytes));
        ours += u64::from(from_petrel(&mut session, &sequencer, fork, bytes));
    }
    let rejected = session.daemon.drain().into_iter().filter(|event| event["event"] == "rejected").count()
        + session.peer.drain().into_iter().filter(|event| event["verdict"] == "reject").count();
    let topic = fork.version().topic();
    let name = fork.name();
    println!("  {topic:<5} {name:<9} {theirs:>8} of {BLOCKS:<6} {ours:>8} of {BLOCKS:<6}  {rejected:>8}");
    theirs == BLOCKS && ours == BLOCKS && rejected == 0
}

fn from_op_node(session: &mut Session, bytes: usize) -> bool {
    let number = session.next_number();
    let hash = session.publish(number, &noise(number, bytes));
    let arrived =
        session.daemon.wait_for(DEADLINE, |event| event["event"] == "block" && event["hash"] == hash.as_str());
    arrived.is_some_and(|block| block["number"] == number)
}

fn from_petrel(session: &mut Session, sequencer: &Publisher, fork: Fork, bytes: usize) -> bool {
    let number = session.next_number();
    let forged = Forge::new(session.chain.id, fork, number, unix().as_secs(), bytes);
    let (message, hash) = forged.sealed();
    sequencer.publish(forged.version, message);
    let hash = hash.to_string();
    let same = |event: &serde_json::Value| event["event"] == "block" && event["hash"] == hash.as_str();
    let arrived = session.peer.wait_for(DEADLINE, same);
    arrived.is_some_and(|block| block["number"] == number) && session.daemon.wait_for(DEADLINE, same).is_some()
}
