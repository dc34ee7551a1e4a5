//! What this crate gives to JavaScript beside events, as JSON in `www/package/test/samples`: the npm package mirrors it by
//! hand, and its tests compare the mirror with these files. (Samples of events are the core's: `core/tests/core/samples.rs`.)
//!
//! After a change `cargo xtask samples` writes them anew.

use petrel_core::{
    ban::BanTarget,
    block::{BlockInfo, BlockRef},
    event::{Connected, Direction, Tried},
    node::{BanStatus, ByteCount, PeerStatus, PeeringStatus, Status, TrafficStatus, ValidationStatus},
    relay_record::RelayRecord,
};
use serde::Serialize;

use crate::{client::ClientStatus, transport::Traffic};

const PEER: &str = "16Uiu2HAm9ZZsHHL1LYKp3a4QCK4VVh84LokY22xdWCv7jshCFjbv";
const ADDRESS: &str = "/ip4/192.0.2.1/tcp/9222/ws";

/// Fails when the committed file differs from what would be written now; writes it instead if `PETREL_WRITE_SAMPLES` is set.
pub(crate) fn check(name: &str, committed: &str, samples: impl Serialize) {
    let written = format!("{:#}\n", serde_json::to_value(samples).unwrap());
    if std::env::var_os("PETREL_WRITE_SAMPLES").is_some() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../www/package/test/samples");
        return std::fs::write(format!("{folder}/{name}"), written).unwrap();
    }
    let write = "run `cargo xtask samples`, then `cargo xtask test npm`";
    assert!(committed == written, "www/package/test/samples/{name} is out of date: {write}");
}

fn peer(tried: Vec<Tried>, agent: Option<String>) -> PeerStatus {
    let connected = Connected {
        peer: PEER.parse().unwrap(),
        address: ADDRESS.to_owned(),
        transport: "ws",
        direction: Direction::Outbound,
        leaf: false,
        ip: None,
        tried,
    };
    PeerStatus { connected, agent, score: 1.5, application: 0.5, first_deliveries: 2 }
}

fn validation(full: bool) -> ValidationStatus {
    ValidationStatus {
        signer: full.then(|| [0x33; 20].into()),
        signer_mismatch: full.then(|| [0x44; 20].into()),
        clock_skew: false,
        sequencer_skew: false,
        offset_ms: full.then_some(-45),
        accepted: 1,
        faults: [("too_old", 1)].into(),
        messages: 2,
        wire_bytes: 3,
        tasks: 0,
    }
}

fn peering(full: bool) -> PeeringStatus {
    let tried = Tried { address: ADDRESS.to_owned(), error: "in words".to_owned() };
    let who = BanTarget::Peer(PEER.parse().unwrap());
    PeeringStatus {
        peers: vec![peer(vec![tried], Some("petrel/0.1.0".to_owned())), peer(Vec::new(), None)],
        subscribed: 1,
        other_chains: [(8453, 1)].into(),
        bans: vec![BanStatus { who, until: full.then_some(1), reason: "in words".to_owned() }],
        known: 2,
        dials_failed: 0,
        observed: vec![ADDRESS.to_owned()],
        reachable: full.then_some(true),
    }
}

fn traffic() -> TrafficStatus {
    let protocols = ["meshsub", "payload_by_number", "identify", "ping", "autonat", "other"];
    let protocol_bytes = protocols.into_iter().map(|name| (name, ByteCount { read: 1, written: 2 })).collect();
    TrafficStatus { protocol_bytes, ..TrafficStatus::default() }
}

/// With no nullable field null (`full`), or with all of them null.
fn status(full: bool) -> ClientStatus {
    let node = Status {
        chain: 10,
        name: "OP Mainnet".to_owned(),
        fork: "jovian".to_owned(),
        head: full.then(|| BlockRef { number: 7, hash: [0x11; 32].into() }),
        gap: full.then_some((5, 7)),
        interval_ms: 2_000,
        schedule_mismatch: full.then_some("denim"),
        quarantine: 0,
        served: 0,
        validation: validation(full),
        peering: peering(full),
        traffic: traffic(),
    };
    ClientStatus { node, peer: PEER.to_owned(), transport_bytes: Traffic::default().totals() }
}

#[test]
fn the_samples_of_the_status_are_up_to_date() {
    let committed = include_str!("../../www/package/test/samples/status.json");
    check("status.json", committed, [status(false), status(true)]);
}

#[test]
fn the_samples_of_records_are_up_to_date() {
    let committed = include_str!("../../www/package/test/samples/record.json");
    let addresses = vec![format!("{ADDRESS}/p2p/{PEER}")];
    let others = addresses.clone();
    check(
        "record.json",
        committed,
        [RelayRecord { chain: 10, peer: PEER.to_owned(), addresses, time_ms: 1, expires_ms: 2, others }],
    );
}

#[test]
fn the_samples_of_persisted_blocks_are_up_to_date() {
    let committed = include_str!("../../www/package/test/samples/persisted-block.json");
    let (hash, parent) = ([0x11; 32].into(), [0x22; 32].into());
    check(
        "persisted-block.json",
        committed,
        [BlockInfo { number: 7, hash, parent, timestamp: 9, timestamp_ms: 9_200 }],
    );
}
