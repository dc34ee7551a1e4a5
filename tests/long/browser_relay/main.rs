//! A daemon in its own process as a relay for browsers, and leaves that connect to it over its own transports:
//! `gossip LEAVES SECONDS INTERVAL BYTES` (`cargo xtask bench relay --leaves N`) and `restart LEAVES` (`cargo xtask leaves --restart N`).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod deliveries;
mod gossip;
mod leaf;
mod load;
mod mesh;
mod relay;
mod restart;

use std::{env, process::ExitCode};

use tokio::runtime::Runtime;

use load::Load;

/// The daemon's allocator.
#[global_allocator]
static ALLOCATOR: petrel_node::Allocator = petrel_node::Allocator;

fn main() -> ExitCode {
    let words: Vec<String> = env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse().ok()).expect("a number");
    let kept = match words.first().map(String::as_str) {
        Some("gossip") => match Load::from_words(&words[1..]) {
            Ok(load) => gossip::run(load),
            Err(mistake) => {
                eprintln!("{mistake}");
                return ExitCode::FAILURE;
            }
        },
        Some("restart") => restart::run(number(1)),
        _ => panic!("expected `gossip LEAVES SECONDS INTERVAL BYTES` or `restart LEAVES`"),
    };
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The runtime of the leaves and the mesh peers.
fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}
