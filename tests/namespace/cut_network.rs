//! Networks that are cut, peers that hang, peers that dial at the same moment.

use std::{
    thread,
    time::{Duration, Instant},
};

use libp2p::identity::{Keypair, secp256k1};
use petrel_tests::{process::Process, sequencer::Sequencer};

use crate::{alone, back, block, node, system};

/// The least wait of a node that dials a static peer as seldom as it ever does: eight seconds, less a quarter by chance.
const SELDOM_MS: u64 = 6_000;
/// A ping every 15 s, a pong within 20; and as much again for a slow machine.
const NOTICED: Duration = Duration::from_secs(75);

#[test]
fn a_network_that_was_cut_until_dials_are_rare_is_taken_up_again() {
    alone();
    let sequencer = Sequencer::started();
    let folder = tempfile::tempdir().unwrap();
    let mut node = node(&sequencer, folder.path(), &sequencer.address, &["--p2p.listen.tcp=0"]);
    block(&mut node);
    let cut = Instant::now();
    system("ip link set lo down");
    node.event("disconnected");
    println!("noticed after {:.1} s", cut.elapsed().as_secs_f64());
    assert!(cut.elapsed() <= NOTICED);
    // However long the cut is, it is no longer than this for the node.
    node.until("a dial that is as rare as they get", |event| {
        event["event"] == "dial_failed" && event["retry_ms"].as_u64() >= Some(SELDOM_MS)
    });
    system("ip link set lo up");
    back(&mut node);
}

#[test]
fn a_peer_that_hangs_is_dropped_and_taken_up_again() {
    alone();
    let sequencer = Sequencer::started();
    let (near, far) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut relay = node(&sequencer, near.path(), &sequencer.address, &["--p2p.listen.tcp=0"]);
    let mut node = node(&sequencer, far.path(), &relay.address(false), &["--p2p.listen.tcp=0"]);
    block(&mut node);
    // Its kernel still acknowledges whatever is sent.
    let hung = Instant::now();
    relay.signal("STOP");
    node.event("disconnected");
    println!("noticed after {:.1} s", hung.elapsed().as_secs_f64());
    assert!(hung.elapsed() <= NOTICED);
    relay.signal("CONT");
    back(&mut node);
}

#[test]
fn two_nodes_that_dial_each_other_at_once_keep_what_they_have() {
    alone();
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
            assert_eq!(gone(node), 0, "round {round}: nobody leaves whom it has");
            block(node);
        }
        // Once more, from another moment; the files are free when nobody has them any more.
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
