//! A peer whose host name has another address now.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use petrel_node::network::SecurityProtocol;
use petrel_tests::sequencer::Sequencer;

use crate::{alone, back, block, nameserver, node, system};

/// Puts a file of ours in the place of one of the system's, for this namespace alone.
fn instead_of(path: &str, folder: &Path, contents: &str) -> PathBuf {
    let file = folder.join("file");
    fs::write(&file, contents).unwrap();
    system(&format!("mount --bind {} {path}", file.display()));
    file
}

/// A sequencer that moves from one address to another; `announce` tells the world where it is.
fn moves(named: &str, announce: impl Fn(Ipv4Addr)) {
    let (old, new) = (Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::new(127, 0, 0, 3));
    let folder = tempfile::tempdir().unwrap();
    let mut sequencer = Sequencer::new(SecurityProtocol::Noise);
    sequencer.ip = old;
    sequencer.start();
    announce(old);
    let address = sequencer.address.replace(&format!("/ip4/{old}/"), named);
    assert!(address.starts_with(named), "{address}");
    let mut node = node(&sequencer, folder.path(), &address, &["--p2p.listen.tcp=0"]);
    block(&mut node);
    sequencer.stop();
    node.event("dial_failed");
    sequencer.ip = new;
    sequencer.start();
    announce(new);
    back(&mut node);
}

#[test]
fn a_peer_is_found_at_its_new_address_whatever_time_to_live_the_old_one_had() {
    alone();
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(Mutex::new(Ipv4Addr::LOCALHOST));
    let server = nameserver::serve(at.clone());
    instead_of("/etc/resolv.conf", folder.path(), &format!("nameserver {server}\n"));
    moves("/dns4/sequencer.example/", |ip| *at.lock().unwrap() = ip);
    moves("/dns/sequencer.example/", |ip| *at.lock().unwrap() = ip);
    system("umount /etc/resolv.conf");
}

#[test]
fn a_peer_is_found_at_its_new_address_in_the_hosts_file() {
    alone();
    let folder = tempfile::tempdir().unwrap();
    let hosts = instead_of("/etc/hosts", folder.path(), "");
    moves("/dns4/sequencer.example/", |ip| fs::write(&hosts, format!("{ip} sequencer.example\n")).unwrap());
    system("umount /etc/hosts");
}
