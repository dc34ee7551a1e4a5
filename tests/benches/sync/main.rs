//! The speed of closing a gap: from one and from four peers on loopback without limits, compared with a plain TCP copy of the same
//! bytes, and with compression and validation of the same blocks without a network; with limits, compared with the configured rate;
//! and with another client that reads one byte a second.
//!
//! `cargo bench -p petrel-tests --bench sync`. All nodes are Drivers on TCP in this process; the client starts with the first block,
//! receives the last one by gossip, and fetches all blocks between.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod node;
mod plain;
mod work;

use std::time::{Duration, Instant};

use petrel_core::{
    Event,
    config::{Rate, RequestLimits},
    event::{Gap, GapState, Via},
};

use node::{Client, Server};

/// The daemon's allocator.
#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

/// Number of blocks of the gap, and bytes of each.
const BLOCKS: u64 = 1000;
const BYTES: usize = 100_000;
/// Time for which a rate is measured.
const WHILE: Duration = Duration::from_secs(30);
/// Deadline of a gap without limits.
const DEADLINE: Duration = Duration::from_secs(120);

const OFF: RequestLimits = RequestLimits { by_cadence: false, all: None, peer: None, leaf_bytes: None };

fn main() {
    if !std::env::args().any(|word| word == "--bench") {
        println!("run it with `cargo bench`");
        return;
    }
    println!("\n{BLOCKS} blocks of 100 kB                    blocks/s    MB/s  of the copy");
    let copied = plain::copy(BLOCKS as usize * BYTES);
    let row = |name: &str, secs: f64| {
        let (rate, mb) = (BLOCKS as f64 / secs, BLOCKS as f64 * BYTES as f64 / 1e6 / secs);
        println!("{name:<38} {rate:>8.0} {mb:>7.0} {:>12.2}", copied.as_secs_f64() / secs);
    };
    row("plain TCP copy", copied.as_secs_f64());
    row("compressed and checked, no network", work::alone(BLOCKS, BYTES).as_secs_f64());
    for peers in [1, 4] {
        let servers: Vec<Server> = (0..peers).map(|_| Server::start(BLOCKS, BYTES, OFF)).collect();
        row(&format!("from {peers} peers, limits off"), closed(&servers).as_secs_f64());
    }
    let mut slow = Server::start(BLOCKS, BYTES, OFF);
    slow.read_slowly();
    row("from 1 peer that a slow reader asks too", closed(std::slice::from_ref(&slow)).as_secs_f64());

    let limits = RequestLimits { peer: Some(Rate::new(4, 15)), ..RequestLimits::default() };
    let server = Server::start(BLOCKS, 1_000, limits);
    let rate = rate(&server, limits);
    println!("\nwith limits of 4/15 a peer: {rate:.2} blocks/s over {} s after the burst", WHILE.as_secs());
}

/// The time of a gap from its first fetched block to its end.
fn closed(servers: &[Server]) -> Duration {
    let mut client = Client::start(servers, OFF);
    servers[0].produce_last();
    client.until(DEADLINE, |event| matches!(event, Event::Gap(Gap { state: GapState::Opened, .. })));
    let since = Instant::now();
    client.until(DEADLINE, |event| matches!(event, Event::Gap(Gap { state: GapState::Closed, .. })));
    since.elapsed()
}

/// Served blocks a second after the burst.
fn rate(server: &Server, limits: RequestLimits) -> f64 {
    let mut client = Client::start(std::slice::from_ref(server), limits);
    server.produce_last();
    let fetched = |event: &Event| matches!(event, Event::Block(block) if block.via == Via::Sync);
    for _ in 0..20 {
        client.until(DEADLINE, fetched);
    }
    let (since, before) = (Instant::now(), server.served());
    std::thread::sleep(WHILE);
    (server.served() - before) as f64 / since.elapsed().as_secs_f64()
}
