//! Leaves that were connected over WebTransport reconnect to a restarted daemon at its old address.
//!
//! Certificates are derived from the node's key and the day, so the old hashes stay valid. The daemon is restarted twice. First it is
//! stopped by SIGTERM, which closes every connection. Then it is killed, which closes none: a leaf detects this by QUIC's keep-alive
//! after 15 s. All leaves verify blocks and redial as a tab does; before and after each restart they get blocks by gossip.

use std::{
    collections::BTreeSet,
    sync::mpsc::{Receiver, channel},
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{event::Via, fork::Fork};
use petrel_node::command::devnet::BlockBuilder;
use petrel_tests::{
    forge::{begun, key},
    resources::load,
    sequencer::{self, Publisher},
};

use super::{
    leaf::{Leaf, LeafEvent, LeafEventKind},
    relay::Relay,
};

/// Maximum time from the start of the stop until all leaves are reconnected.
const BACK: Duration = Duration::from_secs(10);
/// The same after a kill: QUIC's keep-alive in addition.
const BACK_AFTER_KILL: Duration = Duration::from_secs(25);
/// Deadline of a condition: longer than the first dials and a late reconnect take.
const DEADLINE: Duration = Duration::from_secs(60);
/// Number of blocks before and after each restart, and bytes of each.
const BLOCKS: usize = 3;
const BYTES: usize = 100_000;

/// Whether all leaves reconnected in time and got every block; prints the measurements.
pub(crate) fn run(leaves: usize) -> bool {
    let files = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(files.path(), sequencer::chain(Fork::Jovian, 1), leaves);
    let runtime = super::runtime();
    let (sender, events) = channel();
    println!("{leaves} leaves connect to {}", relay.webtransport);
    for name in 0..leaves {
        let leaf = Leaf { name, relay: relay.webtransport.clone(), sender: sender.clone() };
        runtime.spawn(leaf.verify(relay.chain.clone()));
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(joined(&events, leaves, Instant::now()).len(), leaves, "all leaves connect");
    relay.wait_for(leaves);
    // The first block is due now, then one every second.
    let chain = begun(&relay.chain, 1000, unix().as_secs() - 1, Duration::from_secs(1));
    let mut maker = BlockBuilder::new(chain, key(1), BYTES);
    let mut kept = blocks(&relay, &mut maker, &events, leaves);
    kept &= restart(&mut relay, &events, leaves, BACK, "stopped", |relay| relay.child.stop(DEADLINE));
    kept &= blocks(&relay, &mut maker, &events, leaves);
    kept &= restart(&mut relay, &events, leaves, BACK_AFTER_KILL, "killed", |relay| relay.child.kill());
    kept &= blocks(&relay, &mut maker, &events, leaves);
    runtime.shutdown_background();
    kept
}

fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Publishes [`BLOCKS`] blocks; whether all of them arrived at every leaf by gossip.
fn blocks(relay: &Relay, maker: &mut BlockBuilder, events: &Receiver<LeafEvent>, leaves: usize) -> bool {
    let sequencer = Publisher::connect(&relay.chain, &relay.tcp);
    while events.try_recv().is_ok() {}
    // Blocks that were due while the relay was down are not published.
    while maker.due_ms() / 1000 < unix().as_secs() {
        maker.build().unwrap();
    }
    let mut numbers = BTreeSet::new();
    for _ in 0..BLOCKS {
        thread::sleep(Duration::from_millis(maker.due_ms()).saturating_sub(unix()));
        let made = maker.build().unwrap();
        numbers.insert(made.payload.block_number);
        sequencer.publish(made.version, made.message);
    }
    let (mut deliveries, end) = (BTreeSet::new(), Instant::now() + DEADLINE / 4);
    while deliveries.len() < leaves * BLOCKS
        && let Ok(event) = events.recv_timeout(end.saturating_duration_since(Instant::now()))
    {
        if let LeafEventKind::Block(number, Via::Gossip) = event.kind
            && numbers.contains(&number)
        {
            deliveries.insert((event.leaf, number));
        }
    }
    println!("{} of {} blocks arrived by gossip", deliveries.len(), leaves * BLOCKS);
    deliveries.len() == leaves * BLOCKS
}

/// Ends the daemon and restarts it; whether all leaves reconnect in time.
fn restart(
    relay: &mut Relay,
    events: &Receiver<LeafEvent>,
    leaves: usize,
    limit: Duration,
    how: &str,
    end: impl FnOnce(&mut Relay),
) -> bool {
    while events.try_recv().is_ok() {}
    let begin = Instant::now();
    end(relay);
    let ended = begin.elapsed();
    relay.restart();
    let up = begin.elapsed();
    let back = joined(events, leaves, begin);
    relay.wait_for(back.len());
    let [ended, up] = [ended, up].map(|at| at.as_secs_f64());
    let at = |share: usize| back.get((leaves * share / 100).max(1) - 1).map_or(f64::NAN, Duration::as_secs_f64);
    println!(
        "\nthe daemon was {how}: ended after {ended:.2} s, listening again after {up:.2} s, the same addresses and hashes"
    );
    println!(
        "{} of {leaves} leaves are reconnected: the first after {:.2} s, half {:.2} s, nine of ten {:.2} s, the last {:.2} s; load {}",
        back.len(),
        at(0),
        at(50),
        at(90),
        at(100),
        load()
    );
    let kept = back.len() == leaves && back.last().is_some_and(|last| *last <= limit);
    if !kept {
        println!("NOT KEPT: all reconnected within {} s", limit.as_secs());
    }
    kept
}

/// The times since `begin` at which the leaves had joined the topic, in rising order.
fn joined(events: &Receiver<LeafEvent>, leaves: usize, begin: Instant) -> Vec<Duration> {
    let (mut seen, mut times) = (BTreeSet::new(), Vec::new());
    while seen.len() < leaves
        && let Ok(event) = events.recv_timeout(DEADLINE.saturating_sub(begin.elapsed()))
    {
        if matches!(event.kind, LeafEventKind::Joined) && seen.insert(event.leaf) {
            times.push(event.at - begin);
        }
    }
    times
}
