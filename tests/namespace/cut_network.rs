//! Cut networks, unresponsive peers, and nodes that dial each other at the same time.

use std::{
    thread,
    time::{Duration, Instant},
};

use libp2p::identity::{Keypair, secp256k1};
use petrel_tests::{process::Process, sequencer::Sequencer};

use crate::{back, block, node, require_namespace, system};

/// Minimum of the longest redial interval of a static peer, milliseconds: eight seconds minus up to a quarter of jitter.
const LONGEST_RETRY_MS: u64 = 6_000;
/// Maximum time until a broken connection is detected: a ping every 15 s and its timeout of 20 s, doubled for a slow machine.
const DETECTED: Duration = Duration::from_secs(75);

#[test]
fn static_peers_are_reconnected_after_a_long_network_outage() {
    require_namespace();
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = node(&sequencer, folder.path(), &sequencer.address, &["--p2p.listen.tcp=0"]);
    block(&mut node);
    let cut = Instant::now();
    system("ip link set lo down");
    node.event("disconnected");
    println!("detected after {:.1} s", cut.elapsed().as_secs_f64());
    assert!(cut.elapsed() <= DETECTED);
    // Until the retry interval has reached its maximum.
    node.until("a dial with the longest retry interval", |event| {
        event["event"] == "dial_failed" && event["retry_ms"].as_u64() >= Some(LONGEST_RETRY_MS)
    });
    system("ip link set lo up");
    back(&mut node);
}

#[test]
fn an_unresponsive_peer_is_disconnected_and_reconnected_when_it_responds() {
    require_namespace();
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut relay = node(&sequencer, near.path(), &sequencer.address, &["--p2p.listen.tcp=0"]);
    let mut node = node(&sequencer, far.path(), &relay.address(false), &["--p2p.listen.tcp=0"]);
    block(&mut node);
    // Its kernel still acknowledges TCP segments.
    let hung = Instant::now();
    relay.signal("STOP");
    node.event("disconnected");
    println!("detected after {:.1} s", hung.elapsed().as_secs_f64());
    assert!(hung.elapsed() <= DETECTED);
    relay.signal("CONT");
    back(&mut node);
}

#[test]
fn two_nodes_that_dial_each_other_at_the_same_time_stay_connected() {
    require_namespace();
    let sequencer = Sequencer::started();
    let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
    let start = |which: usize| {
        let peers = [format!("{},{}", sequencer.address, address(1)), address(0)];
        let own = [format!("--p2p.priv.raw={}", secret(which)), format!("--p2p.listen.tcp={}", 9401 + which)];
        node(&sequencer, folders[which].path(), &peers[which], &[&own[0], &own[1]])
    };
    let mut nodes = [start(0), start(1)];
    for round in 0..3 {
        for node in &mut nodes {
            back(node);
        }
        let gone = |node: &mut Process| node.drain().iter().filter(|event| event["event"] == "disconnected").count();
        for node in &mut nodes {
            node.pass();
        }
        thread::sleep(Duration::from_secs(5));
        for node in &mut nodes {
            assert_eq!(gone(node), 0, "round {round}: no node disconnects");
            block(node);
        }
        // Restarted at another time; the lock files are free after the processes have ended.
        for node in nodes {
            node.end("KILL");
        }
        nodes = [start(0), start(1)];
    }
}

fn secret(which: usize) -> String {
    format!("{:02x}", 0x61 + which).repeat(32)
}

fn address(which: usize) -> String {
    let mut bytes = [0x61 + which as u8; 32];
    let keypair = secp256k1::Keypair::from(secp256k1::SecretKey::try_from_bytes(&mut bytes).unwrap());
    let peer = Keypair::from(keypair).public().to_peer_id();
    format!("/ip4/127.0.0.1/tcp/{}/p2p/{peer}", 9401 + which)
}
