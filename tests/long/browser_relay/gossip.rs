//! Blocks to all leaves, half of them over WebSocket and half over WebTransport: every leaf must get every block by gossip and in
//! time, and the daemon must stay in the mesh.
//!
//! A delay is the time from the publication by a mesh peer until a leaf has the message. It includes the work of the leaves, which
//! share the machine with the daemon. The daemon's part is printed too: when it had received and validated a block, by its own
//! events, and when its other mesh peer had the block.

use std::{
    sync::{
        Arc,
        mpsc::{Receiver, channel},
    },
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::message::Message;
use petrel_node::command::devnet::BlockBuilder;
use petrel_tests::{
    forge::{begun, compress, key},
    resources::{self, cpu, status},
};
use tokio::runtime::Runtime;

use super::{
    deliveries::{Deliveries, share},
    leaf::{Ids, Leaf, LeafEvent, LeafEventKind},
    load::Load,
    mesh::Mesh,
    relay::Relay,
};

/// Leaves that verify every block, as a tab does.
pub(crate) const VERIFY: usize = 20;
/// Leaves that connect per second.
const RAMP: u32 = 40;
/// Maximum time until all leaves are connected, and until the last block has reached all of them.
const DEADLINE: Duration = Duration::from_secs(180);
/// Idle time before the memory is measured and the blocks start.
const REST: Duration = Duration::from_secs(3);

/// The resources that the daemon used.
struct Used {
    cpu: [f64; 2],
    own: [f64; 2],
    /// KiB: before the leaves connected, idle with them, and the maximum while blocks arrived.
    memory: [f64; 3],
    sent: [[f64; 2]; 2],
}

/// Whether every limit was kept; prints the measurements.
pub(crate) fn run(load: Load) -> bool {
    let (leaves, files) = (load.leaves, tempfile::tempdir().unwrap());
    let mut relay = Relay::start(files.path(), load.chain(), leaves);
    let runtime = super::runtime();
    let mesh = Mesh::join(&relay, &runtime);
    relay.wait_for(2);
    let before = status(relay.child.id(), "VmRSS:");
    println!("{leaves} leaves connect, {RAMP} a second; the machine's load is {}", resources::load());
    let (events, failed) = connect(&mut relay, &runtime, leaves);
    thread::sleep(REST);
    let rest = status(relay.child.id(), "VmRSS:");
    let links = mesh.links.each_ref().map(|link| link.seen());
    let marks = (cpu(relay.child.id()), cpu(std::process::id()), relay.sent());
    let (mut deliveries, bytes, most) = publish_all(&mut relay, &mesh, &events, load);
    let end = Instant::now() + DEADLINE;
    while deliveries.count() < leaves * load.blocks() as usize && Instant::now() < end {
        let Ok(event) = events.recv_timeout(Duration::from_secs(5)) else { break };
        deliveries.take(event);
    }
    let used = Used {
        cpu: [marks.0, cpu(relay.child.id())],
        own: [marks.1, cpu(std::process::id())],
        memory: [before, rest, most.max(status(relay.child.id(), "VmRSS:"))],
        sent: [marks.2, relay.sent()],
    };
    thread::sleep(Duration::from_millis(1500));
    relay.listen();
    let meshed = mesh_kept(&mesh, links, load.blocks());
    println!("{failed} dials failed and were tried again; the machine's load is {}", resources::load());
    runtime.shutdown_background();
    let kept = report(&relay, &deliveries, load, bytes, &used);
    print_daemon_delays(&relay, &deliveries, &mesh);
    kept && meshed
}

/// Connects all leaves, several at the same time. Returns their events and the number of failed dials.
fn connect(relay: &mut Relay, runtime: &Runtime, leaves: usize) -> (Receiver<LeafEvent>, usize) {
    let (sender, events) = channel();
    let ids = Ids::default();
    let begin = Instant::now();
    for name in 0..leaves {
        let address = if name % 2 == 0 { &relay.ws } else { &relay.webtransport };
        let leaf = Leaf { name, relay: address.clone(), sender: sender.clone() };
        if name < VERIFY {
            runtime.spawn(leaf.verify(relay.chain.clone()));
        } else {
            runtime.spawn(leaf.count(relay.topic(), ids.clone()));
        }
        thread::sleep(Duration::from_secs(1) / RAMP);
    }
    let (mut joined, mut failed) = (0, 0);
    while joined < leaves {
        let left = DEADLINE.saturating_sub(begin.elapsed());
        let LeafEvent { leaf, kind, .. } =
            events.recv_timeout(left).unwrap_or_else(|_| panic!("{joined} leaves have joined"));
        match kind {
            LeafEventKind::Joined => joined += 1,
            LeafEventKind::Failed(error) => {
                failed += 1;
                if failed < 4 {
                    println!("leaf {leaf}: {error}");
                }
            }
            LeafEventKind::Closed(reason) => println!("leaf {leaf} was disconnected: {reason}"),
            LeafEventKind::Message(_) | LeafEventKind::Block(..) => {}
        }
    }
    relay.wait_for(leaves + 2);
    println!("all leaves have joined after {:.1} s", begin.elapsed().as_secs_f64());
    (events, failed)
}

/// Publishes each block when it is due. Returns the deliveries, the bytes of the largest message, and the maximum memory.
fn publish_all(relay: &mut Relay, mesh: &Mesh, events: &Receiver<LeafEvent>, load: Load) -> (Deliveries, usize, f64) {
    let (mut deliveries, mut bytes, mut most) = (Deliveries::default(), 0, 0.0_f64);
    let time = unix().as_secs() + 1;
    let number = relay.chain.cadence.number_at(time * 1000).unwrap();
    let mut maker = BlockBuilder::new(begun(&relay.chain, number, time, load.interval), key(1), load.bytes);
    for _ in 0..load.blocks() {
        let due = maker.due_ms();
        let made = maker.build().unwrap();
        let wire = compress(&made.message);
        let id = Message::decompress(&wire).id(&relay.topic()).0.to_vec().into();
        bytes = bytes.max(wire.len());
        while let Some(left) = Duration::from_millis(due).checked_sub(unix()).filter(|left| !left.is_zero()) {
            match events.recv_timeout(left) {
                Ok(event) => deliveries.take(event),
                Err(_) => break,
            }
        }
        deliveries.publish(made.payload.block_number, id, unix().saturating_sub(Duration::from_millis(due)));
        mesh.publish(wire);
        relay.listen();
        most = most.max(status(relay.child.id(), "VmRSS:"));
    }
    (deliveries, bytes, most)
}

fn unix() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap()
}

/// Whether both peers had the daemon in their meshes all the time, and the peer that published nothing got every block.
fn mesh_kept(mesh: &Mesh, before: [[u64; 4]; 2], blocks: u64) -> bool {
    let mut kept = true;
    for (which, (link, before)) in mesh.links.iter().map(Arc::as_ref).zip(before).enumerate() {
        let now = link.seen();
        let [meshed, apart, closed, deliveries] = std::array::from_fn(|at| now[at] - before[at]);
        let due = if which == 0 { 0 } else { blocks };
        println!(
            "mesh peer {}: the daemon was in its mesh in {meshed} of {} samples, {closed} connections ended, {deliveries} of {due} blocks arrived by it",
            which + 1,
            meshed + apart
        );
        kept &= apart == 0 && closed == 0 && deliveries >= due;
    }
    kept
}

fn report(relay: &Relay, deliveries: &Deliveries, load: Load, bytes: usize, used: &Used) -> bool {
    let Load { leaves, interval, .. } = load;
    let (blocks, limit) = (load.blocks(), load.limit().as_secs_f64() * 1000.0);
    println!("\n{blocks} blocks of {} bytes, {bytes} compressed at most, one every {interval:?},", load.bytes);
    println!("through one daemon to {leaves} leaves; milliseconds from publication to leaf\n");
    println!("                    leaves  with all  fewest   p50 ms   p99 ms   max ms");
    let row = |name: &str, wanted: &dyn Fn(usize) -> bool| {
        let of: Vec<u64> = (0..leaves).filter(|leaf| wanted(*leaf)).map(|leaf| deliveries.of(leaf)).collect();
        let whole = of.iter().filter(|deliveries| **deliveries == blocks).count();
        let delays = deliveries.delays(wanted);
        let [half, most, last] = [50, 99, 100].map(|part| share(&delays, part));
        let fewest = of.iter().min().copied().unwrap_or_default();
        println!("{name:<19} {:>6} {whole:>9} {fewest:>7} {half:>8.1} {most:>8.1} {last:>8.1}", of.len());
        (whole == of.len(), most)
    };
    row("over WebSocket", &|leaf| leaf % 2 == 0);
    row("over WebTransport", &|leaf| leaf % 2 == 1);
    row("that verify", &|leaf| leaf < VERIFY);
    let (whole, most) = row("all", &|_| true);
    let (due, got) = (leaves as u64 * blocks, deliveries.count());
    println!("\ndeliveries via gossip: {got} of {due}, via sync {}", deliveries.fetched);
    println!("connections that ended: {}", deliveries.closed.len());
    for (leaf, reason) in deliveries.closed.iter().take(4) {
        println!("leaf {leaf} was disconnected: {reason}");
    }
    let cpu = |[before, after]: [f64; 2]| after - before;
    let [before, rest, peak] = used.memory.map(|kib| kib / 1024.0);
    let high = status(relay.child.id(), "VmHWM:") / 1024.0;
    let sent: Vec<f64> = (0..2).map(|way| (used.sent[1][way] - used.sent[0][way]) / 1e6).collect();
    println!(
        "the daemon used {:.1} CPU seconds ({:.1} ms a block and 1,000 leaves); the leaves and the mesh {:.1}",
        cpu(used.cpu),
        cpu(used.cpu) * 1e6 / blocks as f64 / leaves as f64,
        cpu(used.own)
    );
    println!(
        "its memory: {before:.1} MiB before the leaves, {rest:.1} with them at rest, {peak:.1} while blocks arrived, {high:.1} at most"
    );
    let each = |with: f64| (with - before) * 1024.0 / leaves as f64;
    println!("a leaf: {:.1} KiB at rest, {:.1} KiB while blocks arrived", each(rest), each(peak));
    println!("bytes out: {:.1} MB over WebSocket, {:.1} MB over WebTransport", sent[0], sent[1]);
    let longest = relay.stalls.iter().max().copied().unwrap_or_default();
    println!("turns of its loop above 50 ms: {}, the longest {longest} ms", relay.stalls.len());
    println!("its own blocks: {} by gossip, {} otherwise", relay.blocks.0, relay.blocks.1);
    let kept = [
        ("every block by gossip to every leaf", whole && deliveries.fetched == 0 && deliveries.closed.is_empty()),
        (&format!("p99 within {limit} ms"), most <= limit),
    ];
    for (what, _) in kept.iter().filter(|(_, kept)| !kept) {
        println!("NOT KEPT: {what}");
    }
    kept.iter().all(|(_, kept)| *kept)
}

/// Prints the daemon's part of the delays: milliseconds after the publication.
fn print_daemon_delays(relay: &Relay, deliveries: &Deliveries, mesh: &Mesh) {
    let own = |at: usize| {
        let since =
            relay.validated.iter().filter_map(|(number, validated)| Some(validated[at] - deliveries.late_ms(*number)?));
        sorted(since.map(|millis| Duration::from_millis(u64::try_from(millis).unwrap_or_default())))
    };
    let other = sorted(mesh.links[1].deliveries().iter().filter_map(|(id, at)| deliveries.since(id, *at)));
    println!("\nmilliseconds after publication           p50      p99      max");
    for (what, delays) in
        [("the daemon has it", own(0)), ("the daemon has validated it", own(1)), ("its other mesh peer has it", other)]
    {
        let [half, most, last] = [50, 99, 100].map(|part| share(&delays, part));
        println!("{what:<34} {half:>9.1} {most:>8.1} {last:>8.1}");
    }
}

fn sorted(delays: impl Iterator<Item = Duration>) -> Vec<Duration> {
    let mut delays: Vec<Duration> = delays.collect();
    delays.sort_unstable();
    delays
}
