//! Whoever was connected over WebTransport comes back to a daemon that was restarted, by the address that it has.
//!
//! Certificates follow from the node's key and the day, so the old hashes are good. Twice: the daemon ends as an operator
//! ends it, which closes every connection, and it is killed, so that nobody is told: then a leaf finds out when it speaks next,
//! which QUIC makes it do after 15 s. All leaves verify, as a tab does, and dial again as a tab does; before and after
//! they get blocks by gossip.

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
    leaf::{Leaf, Told, What},
    relay::Relay,
};

/// From the moment at which the daemon was told to end until everybody is back, at most.
const BACK: Duration = Duration::from_secs(10);
/// The same when it was killed: QUIC's keep-alive, and then as long.
const BACK_FROM_DEATH: Duration = Duration::from_secs(25);
/// Longer than the first dials take, and than a wait for those who did not come back in time.
const DEADLINE: Duration = Duration::from_secs(60);
/// Blocks before and after, and bytes of each.
const BLOCKS: usize = 3;
const BYTES: usize = 100_000;

/// Whether everybody was back in time and got every block; prints what was seen.
pub(crate) fn run(leaves: usize) -> bool {
    let files = tempfile::tempdir().unwrap();
    let mut relay = Relay::start(files.path(), sequencer::chain(Fork::Jovian, 1), leaves);
    let runtime = super::runtime();
    let (tell, told) = channel();
    println!("{leaves} leaves come to {}", relay.webtransport);
    for name in 0..leaves {
        let leaf = Leaf { name, relay: relay.webtransport.clone(), tell: tell.clone() };
        runtime.spawn(leaf.verify(relay.chain.clone()));
        thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(joined(&told, leaves, Instant::now()).len(), leaves, "all of them come");
    relay.wait_for(leaves);
    // A block is due now, and then one every second.
    let chain = begun(&relay.chain, 1000, unix().as_secs() - 1, Duration::from_secs(1));
    let mut maker = BlockBuilder::new(chain, key(1), BYTES);
    let mut kept = blocks(&relay, &mut maker, &told, leaves);
    kept &= again(&mut relay, &told, leaves, BACK, "told to end", |relay| relay.child.stop(DEADLINE));
    kept &= blocks(&relay, &mut maker, &told, leaves);
    kept &= again(&mut relay, &told, leaves, BACK_FROM_DEATH, "killed", |relay| relay.child.kill());
    kept &= blocks(&relay, &mut maker, &told, leaves);
    runtime.shutdown_background();
    kept
}

fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Publishes a few; whether all of them came to every leaf by gossip.
fn blocks(relay: &Relay, maker: &mut BlockBuilder, told: &Receiver<Told>, leaves: usize) -> bool {
    let sequencer = Publisher::connect(&relay.chain, &relay.tcp);
    while told.try_recv().is_ok() {}
    // What was due while the relay was away is not published.
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
        && let Ok(told) = told.recv_timeout(end.saturating_duration_since(Instant::now()))
    {
        if let What::Block(number, Via::Gossip) = told.what
            && numbers.contains(&number)
        {
            deliveries.insert((told.leaf, number));
        }
    }
    println!("{} of {} blocks deliveries by gossip", deliveries.len(), leaves * BLOCKS);
    deliveries.len() == leaves * BLOCKS
}

/// Ends the daemon and starts it again; whether all are back in time.
fn again(
    relay: &mut Relay,
    told: &Receiver<Told>,
    leaves: usize,
    limit: Duration,
    how: &str,
    end: impl FnOnce(&mut Relay),
) -> bool {
    while told.try_recv().is_ok() {}
    let begin = Instant::now();
    end(relay);
    let ended = begin.elapsed();
    relay.start_again();
    let up = begin.elapsed();
    let back = joined(told, leaves, begin);
    relay.wait_for(back.len());
    let [ended, up] = [ended, up].map(|at| at.as_secs_f64());
    let at = |share: usize| back.get((leaves * share / 100).max(1) - 1).map_or(f64::NAN, Duration::as_secs_f64);
    println!(
        "\nthe daemon was {how}: gone after {ended:.2} s, listening again after {up:.2} s, the same addresses and hashes"
    );
    println!(
        "{} of {leaves} leaves are back: the first after {:.2} s, half {:.2} s, nine of ten {:.2} s, the last {:.2} s; load {}",
        back.len(),
        at(0),
        at(50),
        at(90),
        at(100),
        load()
    );
    let kept = back.len() == leaves && back.last().is_some_and(|last| *last <= limit);
    if !kept {
        println!("NOT KEPT: all back within {} s", limit.as_secs());
    }
    kept
}

/// When each of them had joined, since `begin`, rising.
fn joined(told: &Receiver<Told>, leaves: usize, begin: Instant) -> Vec<Duration> {
    let (mut seen, mut times) = (BTreeSet::new(), Vec::new());
    while seen.len() < leaves
        && let Ok(told) = told.recv_timeout(DEADLINE.saturating_sub(begin.elapsed()))
    {
        if matches!(told.what, What::Joined) && seen.insert(told.leaf) {
            times.push(told.at - begin);
        }
    }
    times
}
