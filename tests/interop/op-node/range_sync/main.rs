//! `payload_by_number` against op-node v1.19.0: Petrel fetches 300 missed blocks from op-node's server, then op-node's client fetches
//! the same blocks from Petrel, across the activations of Canyon, Ecotone and Isthmus. `cargo xtask interop sync` builds both sides
//! and runs this.
//!
//! Each side sends at most four requests a second, after a burst of fifteen: 300 blocks take more than a minute each way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::{chain::Chain, fork::Fork};
use petrel_tests::{
    forge::{self, noise},
    petrel,
    process::Process,
    sequencer,
};
use serde_json::{Value, json};

/// Missed blocks: 2 to 301.
const MISSED: u64 = 300;
/// Blocks before each boundary.
const BOUNDARIES: [(Fork, u64); 3] = [(Fork::Delta, 75), (Fork::Holocene, 150), (Fork::Jovian, 225)];
/// Longer than 300 blocks take at the limits of both sides.
const DEADLINE: Duration = Duration::from_secs(300);
/// Deadline of other conditions: longer than any of them takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

/// Hash and parent by number.
type Blocks = BTreeMap<u64, (String, String)>;

fn main() -> ExitCode {
    let files = tempfile::tempdir().unwrap();
    let chain = chain();
    let rollup = files.path().join("rollup.json");
    fs::write(&rollup, chain.to_rollup_json().to_string()).unwrap();

    let (mut server, address) = op_node(&rollup, 0x42);
    let (mut petrel, here) = petrel(&rollup, files.path(), &address);
    server.expect("a graft", SOON, |event| {
        event["event"] == "grafted" && event["topic"].as_str().unwrap().ends_with("/0/blocks")
    });
    let mut made = Blocks::new();
    make(&mut server, &chain, 1, false, &mut made);
    petrel.expect("the first block", SOON, |event| event["event"] == "block" && event["number"] == 1);
    for number in 2..=MISSED + 1 {
        make(&mut server, &chain, number, true, &mut made);
    }
    make(&mut server, &chain, MISSED + 2, false, &mut made);

    let (fetched, took) = fetch(&mut petrel, &made);
    let first = report("Petrel from op-node", &fetched, &made, took);
    drop(server);
    let (mut client, _) = op_node(&rollup, 0x43);
    let (served, took) = serve(&mut client, &here, &made);
    let second = report("op-node from Petrel", &served, &made, took);
    if first && second { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A chain whose block 1 was due 303 s ago, in encoding V1, then in every later encoding.
fn chain() -> Chain {
    let mut chain = sequencer::chain(Fork::Regolith, 1);
    chain = forge::begun(&chain, 0, unix() - MISSED - 3, Duration::from_secs(1));
    for (last, blocks) in BOUNDARIES {
        let known = chain.forks.clone();
        for fork in Fork::TIMED.into_iter().filter(|fork| *fork <= last && known.time(*fork).is_none()) {
            chain.forks.set(fork, Some(chain.genesis.time + blocks));
        }
    }
    chain
}

fn op_node(rollup: &Path, identity: u8) -> (Process, String) {
    let secret = |seed: u8| format!("{seed:02x}").repeat(32);
    let mut command = Command::new(binary("PETREL_INTEROP_PEER"));
    command.arg("-rollup").arg(rollup).args(["-signer", &forge::key(1).address().to_string()]);
    command.args(["-host-key", &secret(identity), "-sequencer-key", &secret(1), "-threshold", "1h"]);
    let mut peer = Process::start_verbose("op-node", &mut command);
    let event = peer.expect("its address", SOON, |event| event["event"] == "listening");
    (peer, event["address"].as_str().unwrap().to_owned())
}

fn petrel(rollup: &Path, datadir: &Path, static_peer: &str) -> (Process, String) {
    let mut command = petrel::node(rollup, forge::key(1).address(), datadir);
    command.args(["--p2p.static", static_peer, "--p2p.listen.tcp=0", "--p2p.no-discovery"]);
    command.args(["--p2p.gossip.timestamp.threshold=1h", "--log.level=error"]);
    let mut petrel = Process::start_verbose("petrel", &mut command);
    let event = petrel.expect("its address", SOON, |event| event["event"] == "listening");
    (petrel, event["address"].as_str().unwrap().to_owned())
}

/// op-node builds the next block, and gossips it unless `quiet` is set.
fn make(server: &mut Process, chain: &Chain, number: u64, quiet: bool, made: &mut Blocks) {
    let transaction = alloy_primitives::hex::encode_prefixed(noise(number, 200 + number as usize * 20));
    let timestamp = chain.genesis.time + number;
    let extra = if timestamp >= chain.genesis.time + BOUNDARIES[1].1 { "0x00000000fa00000006" } else { "0x" };
    let block = json!({
        "number": number, "timestamp": timestamp, "extraData": extra, "transactions": [transaction], "quiet": quiet,
    });
    server.send(&json!({ "do": "publish", "block": block }));
    let event = server.expect("a block", SOON, |event| event["event"] == "published" || event["event"] == "failed");
    let parent = made.get(&(number - 1)).map(|(hash, _)| hash.clone());
    let hash = event["hash"].as_str().unwrap_or_else(|| panic!("{event}")).to_owned();
    made.insert(number, (hash, parent.unwrap_or_else(|| format!("{:#066x}", 0))));
}

/// The blocks that Petrel fetches until its head is the last block.
fn fetch(petrel: &mut Process, made: &Blocks) -> (BTreeMap<u64, String>, Duration) {
    let since = Instant::now();
    let last = MISSED + 2;
    petrel.expect("the head", DEADLINE, |event| event["event"] == "head" && event["number"] == last);
    let took = since.elapsed();
    let closed = petrel.expect("the gap's end", SOON, |event| event["event"] == "gap" && event["state"] != "opened");
    println!("gap {} to {}: {}", closed["from"], closed["to"], closed["state"]);
    assert_eq!(made.len() as u64, last);
    (blocks(&petrel.drain(), |event| event["via"] == "sync"), took)
}

/// The blocks that op-node's client fetches. It requests 128 numbers per command, so the command is repeated from the lowest fetched
/// number, each time after a command to connect.
fn serve(client: &mut Process, here: &str, made: &Blocks) -> (BTreeMap<u64, String>, Duration) {
    let reference = |number: u64| {
        let (hash, parent) = &made[&number];
        json!({ "number": number, "hash": hash, "parent": parent })
    };
    let (since, mut got, mut lowest) = (Instant::now(), BTreeMap::new(), MISSED + 2);
    while got.len() < MISSED as usize && since.elapsed() < DEADLINE {
        client.send(&json!({ "do": "connect", "address": here }));
        let fetch = json!({ "start": reference(1), "end": reference(lowest) });
        client.send(&json!({ "do": "fetch", "fetch": fetch }));
        let _next = client.wait_for(Duration::from_secs(5), |event| event["event"] == "failed");
        got.extend(blocks(&client.drain(), |_| true));
        while got.contains_key(&(lowest - 1)) {
            lowest -= 1;
        }
    }
    (got, since.elapsed())
}

fn blocks(events: &[Value], wanted: impl Fn(&Value) -> bool) -> BTreeMap<u64, String> {
    let blocks = events.iter().filter(|event| event["event"] == "block" && wanted(event));
    blocks.map(|event| (event["number"].as_u64().unwrap(), event["hash"].as_str().unwrap().to_lowercase())).collect()
}

/// `true` when every missed block was fetched with the right hash.
fn report(what: &str, got: &BTreeMap<u64, String>, made: &Blocks, took: Duration) -> bool {
    let missed = 2..=MISSED + 1;
    let same = missed.clone().filter(|number| got.get(number) == Some(&made[number].0.to_lowercase())).count();
    let (count, secs) = (missed.count(), took.as_secs_f64());
    println!("{what}: {same} of {count} blocks with op-node's hash in {secs:.0} s, {} fetched", got.len());
    same == count
}

fn binary(variable: &str) -> PathBuf {
    let named = env::var_os(variable).map(PathBuf::from);
    named.unwrap_or_else(|| panic!("{variable} is not set; run `cargo xtask interop sync`, which builds and sets it"))
}

fn unix() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}
