//! The native side of `cargo xtask bench browser`:
//!
//! - `browser_bench samples FOLDER`: messages of the devnet's sequencer in the sizes of the bench `validate`, and the native cost of
//!   validating each, in `samples.json`;
//! - `browser_bench feed`: a daemon's Driver that listens for browsers and publishes blocks of 100 kB, thirty a second, until the end
//!   of its standard input. It writes `{"relay", "chain", "signer"}` for the package to stdout.

use std::{
    fs,
    hint::black_box,
    io::Read,
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use alloy_primitives::{B256, hex};
use bytes::Bytes;
use futures::StreamExt;
use petrel_core::{
    Event,
    chain::Chain,
    config::Config,
    fork::{Fork, Forks, Version},
    message::{Message, MessageId},
    primitives::Primitives,
    schedule::ChainSchedule,
    sign::Key,
    validation::{Signers, ValidationOutcome, ValidationTask},
};
use petrel_node::{
    command::devnet::BlockBuilder,
    identity::Identity,
    network::NetworkConfig,
    network::{self, DriverResources},
    primitives,
};
use petrel_tests::{forge, sequencer};
use serde_json::json;

/// Approximate bytes of the raw payload: a usual block of OP Mainnet, of Base, and a large one.
const SIZES: [usize; 3] = [107_000, 325_000, 1_670_000];
/// Validations of each, after a warm-up.
const ROUNDS: usize = 60;
const WARM: usize = 5;
/// Blocks a second: below the limit of a peer.
const RATE: u32 = 30;
const BYTES: usize = 100_000;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["samples", folder] => samples(folder.as_ref()),
        ["feed"] => feed(),
        _ => {
            eprintln!("usage: browser_bench samples FOLDER | feed");
            std::process::exit(2);
        }
    }
}

fn samples(folder: &Path) {
    let samples: Vec<_> = SIZES.iter().map(|&size| sample(folder, size)).collect();
    fs::write(folder.join("samples.json"), json!(samples).to_string()).expect("the folder takes it");
}

fn sample(folder: &Path, size: usize) -> serde_json::Value {
    let key = Key::from_bytes(&[1; 32]).expect("a key");
    let mut chain = Chain::preset("op-mainnet").expect("a preset");
    chain.forks = Forks::all_until(Fork::Jovian);
    chain.signer = Some(key.address());
    let made = BlockBuilder::new(chain.clone(), key, size + 97).build().expect("it encodes");
    let wire: Bytes = snap::raw::Encoder::new().compress_vec(&made.message).expect("it compresses").into();
    let file = format!("sample-{size}.bin");
    fs::write(folder.join(&file), &wire).expect("the folder takes it");

    let timestamp = made.payload.timestamp;
    let validate = |primitives| validate(&chain, timestamp, &wire, primitives);
    let (id, checked) = validate(primitives::FASTEST);
    let block = checked.result.expect("it is valid");
    json!({
        "file": file,
        "payload": made.message.len() - 97,
        "topic": chain.topic(Version::V4),
        "chain": chain.id,
        "timestamp": timestamp,
        "id": hex::encode_prefixed(id.0),
        "signer": block.signer,
        "hash": block.hash,
        "native": median(|| validate(primitives::FASTEST)),
        "portable": median(|| validate(Primitives::PORTABLE)),
    })
}

fn validate(chain: &Chain, timestamp: u64, wire: &Bytes, primitives: Primitives) -> (MessageId, ValidationOutcome) {
    let message = Message::take(black_box(wire));
    let id = message.id(&chain.topic(Version::V4));
    let check = ValidationTask {
        chain_id: chain.id,
        schedule: Arc::new(ChainSchedule::new(chain)),
        version: Version::V4,
        message,
        signers: Signers::new(chain.signer),
        at: timestamp,
        past: 60,
    };
    (id, check.run(primitives))
}

/// Milliseconds.
fn median<T>(mut once: impl FnMut() -> T) -> f64 {
    let mut times: Vec<Duration> = (0..WARM + ROUNDS)
        .map(|_| {
            let start = Instant::now();
            black_box(once());
            start.elapsed()
        })
        .skip(WARM)
        .collect();
    times.sort();
    times[ROUNDS / 2].as_secs_f64() * 1000.0
}

#[tokio::main]
async fn feed() {
    std::thread::spawn(|| {
        let _end = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    let chain = sequencer::chain(Fork::Jovian, 1);
    let mut config = Config::new(chain.clone());
    config.signer = Some(forge::key(1).address());
    let config = config.settle().expect("a right configuration");
    let net =
        NetworkConfig::new(vec!["/ip4/127.0.0.1/udp/0/quic-v1/webtransport".parse().expect("a multiaddr")], "feed");
    let mut driver =
        network::build_driver(&Identity::generate(), config, &net, DriverResources::default()).expect("it listens");
    let mut beat = tokio::time::interval(Duration::from_secs(1) / RATE);
    let (mut number, mut parent) = (0, B256::ZERO);
    let mut leaves = 0_usize;
    loop {
        tokio::select! {
            event = driver.next() => match event {
                Some(Event::Listening(at)) => {
                    let rollup = chain.to_rollup_json();
                    println!("{}", json!({ "relay": at.address, "chain": rollup, "signer": forge::key(1).address() }));
                }
                Some(Event::TopicJoined(_)) => leaves += 1,
                Some(_) => {}
                None => return,
            },
            _ = beat.tick(), if leaves > 0 => {
                number += 1;
                let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
                let block = forge::Forge::new(chain.id, Fork::Jovian, number, now, BYTES).with(|block| block.parent_hash = parent);
                let (message, hash) = block.sealed();
                parent = hash;
                driver.publish(Fork::Jovian.version(), message.into());
            }
        }
    }
}
