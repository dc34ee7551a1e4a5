//! Daemons with a page that find each other by discovery, without being connected: each one's relay record lists the others.

use std::{
    collections::BTreeSet,
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use petrel_core::relay_record::RelayRecord;
use petrel_tests::{
    petrel,
    process::{DEADLINE, Process},
    sequencer::Sequencer,
};

const CHAIN: u64 = 90_221_199;
/// Between two requests of a record: it is signed once a second.
const PAUSE: Duration = Duration::from_millis(200);

struct Relay {
    process: Process,
    /// Where its page is.
    page: String,
    /// The multiaddr of its discovery.
    boot: String,
    peer: String,
}

/// A node with a page that listens for browsers. Peers of another network than its own are allowed alone: it is connected to nobody.
fn start(rollup: &Path, signer: &str, folder: &Path, more: &[&str]) -> Relay {
    let flags = [
        format!("--rollup.config={}", rollup.display()),
        format!("--p2p.unsafe-block-signer={signer}"),
        format!("--datadir={}", folder.display()),
    ];
    let flags: Vec<&str> = flags.iter().map(String::as_str).collect();
    let on_loopback = ["node", "--p2p.listen.ip=127.0.0.1", "--p2p.listen.tcp=0", "--p2p.listen.ws=0", "--http.port=0"];
    let mut process = petrel::start(
        &[&on_loopback[..], &flags, &["--p2p.netrestrict=10.9.0.0/16", "--log.level=debug"], more].concat(),
    );
    let log = process.until_stderr("page url=");
    let page = log.lines().find_map(|line| line.split_once("page url=http://")).unwrap().1;
    let page = page.trim_end_matches('/').to_owned();
    let peer = process.address(false).rsplit('/').next().unwrap().to_owned();
    let udp = process.event("record")["udp"].clone();
    Relay { process, page, boot: format!("/ip4/127.0.0.1/udp/{udp}/p2p/{peer}"), peer }
}

/// The verified record of a relay.
fn record(relay: &Relay, chain: u64) -> RelayRecord {
    let mut stream = TcpStream::connect(&relay.page).unwrap();
    let head = format!("Host: {}\r\nConnection: close", relay.page);
    write!(stream, "GET /.well-known/petrel.json HTTP/1.1\r\n{head}\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (_, document) = text.split_once("\r\n\r\n").unwrap();
    RelayRecord::verify(document.as_bytes(), chain, SystemTime::now().duration_since(UNIX_EPOCH).unwrap()).unwrap()
}

/// The peer ids of the relays that a relay's record lists.
fn listed(relay: &Relay, chain: u64) -> BTreeSet<String> {
    let others = record(relay, chain).others;
    assert!(others.iter().all(|address| address.starts_with("/ip4/127.0.0.1/tcp/") && address.contains("/ws/p2p/")));
    others.iter().map(|address| address.rsplit('/').next().unwrap().to_owned()).collect()
}

#[test]
fn who_knows_one_relay_learns_of_the_others_which_that_one_has_never_been_connected_to() {
    let sequencer = Sequencer::started();
    let folders: Vec<_> = (0..4).map(|_| tempfile::tempdir().unwrap()).collect();
    let (rollup, signer) = sequencer.files(folders[0].path());
    let first = start(&rollup, &signer, folders[0].path(), &[]);
    let boot = format!("--p2p.bootnodes={}", first.boot);
    let mut relays = vec![first];
    for folder in &folders[1..3] {
        relays.push(start(&rollup, &signer, folder.path(), &[&boot]));
    }
    // One of another chain has the same boot node.
    let (other_rollup, _) = sequencer.files(folders[3].path());
    let other = fs::read_to_string(&other_rollup).unwrap().replace("90221199", "90221200");
    fs::write(&other_rollup, other).unwrap();
    let other_chain = start(&other_rollup, &signer, folders[3].path(), &[&boot]);

    let all: BTreeSet<String> = relays.iter().map(|relay| relay.peer.clone()).collect();
    assert_eq!(all.len(), 3);
    let end = Instant::now() + DEADLINE;
    for relay in &relays {
        let expected: BTreeSet<String> = all.iter().filter(|peer| **peer != relay.peer).cloned().collect();
        while listed(relay, CHAIN) != expected {
            assert!(Instant::now() < end, "{} lists {:?}, not {expected:?}", relay.peer, listed(relay, CHAIN));
            std::thread::sleep(PAUSE);
        }
    }
    assert_eq!(listed(&other_chain, CHAIN + 1), BTreeSet::new());
    for relay in &mut relays {
        let events = relay.process.drain();
        let connected: Vec<_> =
            relay.process.passed().iter().chain(&events).filter(|event| event["event"] == "connected").collect();
        assert!(connected.is_empty(), "{connected:?}");
    }
}
