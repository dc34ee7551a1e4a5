//! A peer whose host name gets another address.

use std::{
    fs,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use petrel_node::network::SecurityProtocol;
use petrel_tests::sequencer::Sequencer;

use crate::{back, block, nameserver, node, require_namespace, system};

/// Replaces a file of the system by a file of the test, in this namespace only.
fn replace_file(path: &str, folder: &Path, contents: &str) -> PathBuf {
    let file = folder.join("file");
    fs::write(&file, contents).unwrap();
    system(&format!("mount --bind {} {path}", file.display()));
    file
}

/// Moves a sequencer from one address to another and checks that the node reconnects; `announce` publishes the address.
fn move_sequencer(named: &str, announce: impl Fn(Ipv4Addr)) {
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
fn a_peer_is_found_at_its_new_address_despite_a_long_time_to_live_of_the_old_one() {
    require_namespace();
    let folder = tempfile::tempdir().unwrap();
    let at = Arc::new(Mutex::new(Ipv4Addr::LOCALHOST));
    let server = nameserver::serve(at.clone());
    replace_file("/etc/resolv.conf", folder.path(), &format!("nameserver {server}\n"));
    move_sequencer("/dns4/sequencer.example/", |ip| *at.lock().unwrap() = ip);
    move_sequencer("/dns/sequencer.example/", |ip| *at.lock().unwrap() = ip);
    system("umount /etc/resolv.conf");
}

#[test]
fn a_peer_is_found_at_its_new_address_in_the_hosts_file() {
    require_namespace();
    let folder = tempfile::tempdir().unwrap();
    let hosts = replace_file("/etc/hosts", folder.path(), "");
    move_sequencer("/dns4/sequencer.example/", |ip| fs::write(&hosts, format!("{ip} sequencer.example\n")).unwrap());
    system("umount /etc/hosts");
}
